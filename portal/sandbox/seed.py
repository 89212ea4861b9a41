"""A small, living community, the same at every start."""

from __future__ import annotations

import json
import random
from itertools import pairwise

from portal.sandbox.store import Store

# Fixed, so that two seeded sandboxes are alike: 1 October 2025, 09:00 UTC.
BEGINNING = 1_759_309_200.0
DAY = 86_400.0

PEOPLE = {
    "marta.lindqvist": "Marta Lindqvist",
    "jonas-weber": "Jonas Weber",
    "u_82c1f0e9": "Priya Raman",
    "u_5be01c77": "Tom Okafor",
    "marie.curie": "Marie Lefèvre",
    "guest-0093817": "Guest 0093817",
    "u_019b3e5f": "Ines Duarte",
    "j-ossipov": "Jelena Ossipov",
    "u_77aa10d2": "Kofi Mensah",
    "u_c0ffee42": "Lea Brandt",
    "u_fe11d8b0": "Samir Haddad",
    "noor@example.org": "Noor van Dijk",
    "a b/c": "Ada Blank-Slash",
    "élodie": "Élodie Martin",
    "b.kowalski": "Beata Kowalski",
    "r_santos": "Rafael Santos",
    "yuki-tanaka": "Yuki Tanaka",
    "o.nilsen": "Oskar Nilsen",
    "c.moreau": "Camille Moreau",
    "p.novak": "Petra Nováková",
}
SERVICE = {"svc-archive": "Archive", "svc-support": "Support bot"}
WORDS = "garden bicycle recipe harbour lantern market mountain orchard paper river signal winter window".split()  # noqa: SIM905


def seed(store: Store) -> None:
    """Fill the store, unless somebody is there already."""
    if store.row("SELECT 1 AS found FROM users"):
        return
    dice = random.Random(20_251_001)  # noqa: S311
    store.run("BEGIN")
    for place, (user_id, name) in enumerate({**PEOPLE, **SERVICE}.items()):
        store.run(
            "INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL)",
            user_id,
            name,
            f"https://images.example.org/{place}.png",
            "admin" if user_id in SERVICE else "user",
            json.dumps({"city": dice.choice(WORDS), "member_no": 1000 + place}),
            BEGINNING + place * DAY / 4,
            BEGINNING + place * DAY / 4,
        )
    people = list(PEOPLE)
    _feeds(store, dice, people)
    _chat(store, dice, people)
    _calls(store, people)
    store.run("COMMIT")


def _sentence(dice: random.Random) -> str:
    return " ".join(dice.sample(WORDS, 5)).capitalize() + "."


def _feeds(store: Store, dice: random.Random, people: list[str]) -> None:
    activities = []
    for place, user_id in enumerate(people):
        at = BEGINNING + 10 * DAY + place * 3600
        for group in ("user", "timeline"):
            fid = f"{group}:{user_id}"
            store.add("feed", fid, user_id, {"group_id": group, "fid": fid}, at)
        for number in range(3):
            activity = f"act-{place:02}-{number}"
            activities.append(activity)
            data = {"type": "post", "text": _sentence(dice), "fids": [f"user:{user_id}"]}
            store.add("activity", activity, user_id, data, at + number * DAY)
        store.add("collection", f"shelf-{place:02}", user_id, {"name": "shelf", "custom": {"items": place % 5}}, at)
        store.add("bookmark_folder", f"folder-{place:02}", user_id, {"name": "Later"}, at)
    for place, user_id in enumerate(people):
        at = BEGINNING + 20 * DAY + place * 60
        seen = dice.sample(activities, 3)
        store.add("comment", f"com-{place:02}", user_id, {"object_id": seen[0], "text": _sentence(dice)}, at)
        store.add("reaction", f"rea-{place:02}", user_id, {"activity_id": seen[1], "type": "like"}, at)
        data = {"object_id": seen[2], "folder_id": f"folder-{place:02}"}
        store.add("bookmark", f"boo-{place:02}", user_id, data, at)
        target = people[(place + 1) % len(people)]
        data = {"source_fid": f"timeline:{user_id}", "target_fid": f"user:{target}", "status": "accepted"}
        store.add("follow", f"fol-{place:02}", user_id, data, at)


def _channel(store: Store, cid: str, owner: str, members: list[str], name: str) -> None:
    store.add("channel", cid, owner, {"name": name, "type": "messaging"}, BEGINNING + 15 * DAY)
    for member in members:
        store.run("INSERT INTO members VALUES ('channel', ?, ?)", cid, member)


def _chat(store: Store, dice: random.Random, people: list[str]) -> None:
    channels = []
    for place, (one, other) in enumerate(pairwise(people)):
        cid = f"messaging:pair-{place:02}"
        _channel(store, cid, one, [one, other], "Just us")
        channels.append((cid, [one, other]))
    for place in range(0, len(people), 5):
        members = [*people[place : place + 5], people[(place + 7) % len(people)]]
        cid = f"messaging:group-{place:02}"
        _channel(store, cid, members[0], members, f"Group {place // 5 + 1}")
        channels.append((cid, members))
    number = 0
    for cid, members in channels:
        for turn in range(6):
            number += 1
            data = {"cid": cid, "text": _sentence(dice)}
            author = members[turn % len(members)]
            store.add("message", f"msg-{number:04}", author, data, BEGINNING + 16 * DAY + number * 90)


def _calls(store: Store, people: list[str]) -> None:
    for place in range(0, len(people) - 2, 2):
        members = people[place : place + (2 if place % 4 else 3)]
        cid = f"default:call-{place:02}"
        store.add("call", cid, members[0], {"type": "default"}, BEGINNING + 18 * DAY + place)
        for member in members:
            store.run("INSERT INTO members VALUES ('call', ?, ?)", cid, member)
