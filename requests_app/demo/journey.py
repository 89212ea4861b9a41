"""The main job from one end to the other: an export and an erasure, opened, approved, carried out and looked at."""

from __future__ import annotations

import json
import secrets
from datetime import date

from requests_app.demo.clock import Clock, DemoFailed
from requests_app.demo.processes import Processes
from requests_app.demo.visitor import Visitor

NEW = "/tickets/new/"
EXPORT_OF, ERASE_OF, BYSTANDER = "marie.curie", "u_5be01c77", "marta.lindqvist"


def check(running: Processes, clock: Clock) -> None:
    """An export and an erasure of seeded people, judged from outside; raises `DemoFailed` at the first fault."""
    looker = running.looker()
    if not looker.exists(ERASE_OF):
        raise DemoFailed("The sandbox was not seeded.")
    before = looker.belongings(BYSTANDER)
    _both(running, clock, export_of=EXPORT_OF, erase_of=ERASE_OF)
    if looker.exists(ERASE_OF):
        raise DemoFailed("The erased user is still on the sandbox.")
    clock.say("the erased user is gone from the sandbox")
    if not looker.exists(BYSTANDER) or looker.belongings(BYSTANDER) != before:
        raise DemoFailed("A bystander's data changed.")
    clock.say("a bystander's data is untouched")
    clock.say(f"audit: {running.manage('verify_audit').splitlines()[0]}")


def show(running: Processes, clock: Clock) -> None:
    """The same with a user made for it, so that the people of the demo stay as they are."""
    looker, visitor = running.looker(), f"demo-visitor-{secrets.token_hex(4)}"
    looker.make(visitor, name="Demo Visitor")
    _both(running, clock, export_of=visitor, erase_of=visitor)
    if looker.exists(visitor):
        raise DemoFailed("The erased user is still on the sandbox.")
    clock.say("the erased user is gone from the sandbox")


def _both(running: Processes, clock: Clock, *, export_of: str, erase_of: str) -> None:
    ana, mara = Visitor(running.portal_url, "ana"), Visitor(running.portal_url, "mara")
    clock.say("ana (agent) and mara (DPO) signed in")
    export = {"kind": "export", "export_user_data": "on", "export_feeds_data": "on"}
    ticket = _carry_out(running, clock, ana, mara, export, export_of, "Exported")
    files = ana.files(ticket)
    if len(files) != 2 or any(_owner(content) != export_of for content in files):
        raise DemoFailed("The downloaded export is not the subject's data.")
    clock.say(f"export downloaded: {sum(map(len, files)):,} bytes, the subject's data")
    _close(clock, ana, ticket)
    erase = {
        "kind": "erase",
        "ground": "17_1_b",
        "feeds_data": "hard",
        "user": "hard",
        "messages": "hard",
        "conversations": "hard",
        "calls": "hard",
        "files": "on",
    }
    ticket = _carry_out(running, clock, ana, mara, erase, erase_of, "Erased")
    _close(clock, ana, ticket)


def _close(clock: Clock, agent: Visitor, ticket: str) -> None:
    """Tell the person by a letter and every recipient of the app, and close the case."""
    reference, today = ticket.strip("/").rpartition("/")[2], date.today().isoformat()
    write = f"{ticket}letters/new/"
    agent.send(write, write, {"action": "keep"})
    (by_hand,) = agent.actions(ticket, r"/by-hand/")
    agent.send(ticket, by_hand, {"sent_on": today, "channel": "letter"})
    recipients = agent.actions(ticket, r"/recipients/\d+/")
    for recipient in recipients:
        agent.send(ticket, recipient, {"told": "yes", "informed_on": today, "words": "Mail of the demo."})
    agent.send(ticket, f"{ticket}answer/", {})
    clock.say(f"{reference}: the letter is sent, recipients told: {len(recipients)}, the case is closed")


def _owner(content: bytes) -> str:
    """Whose data an export file holds; empty where it holds several people's, or none that can be told."""
    try:
        found = json.loads(content)
    except ValueError:
        lines = [json.loads(line) for line in content.splitlines() if line]
        owners = {line["data"]["id"] for line in lines if line["type"] == "user"}
        return owners.pop() if len(owners) == 1 else ""
    return str(found["user"]["id"] if "user" in found else found.get("data", {}).get("id", ""))


def _carry_out(
    running: Processes, clock: Clock, agent: Visitor, dpo: Visitor, choices: dict[str, str], user_id: str, goal: str
) -> str:
    """Open, send, approve, and wait for the worker; returns the path of the ticket."""
    typed = {
        **choices,
        "stream_app": _first_app(agent.page(NEW)),
        "user_ids": user_id,
        "received_on": date.today().isoformat(),
        "channel": "email",
        "identity_method": "email_loop",
        "note": "Opened by the demo.",
        "action": "submit",
    }
    ticket = agent.send(NEW, NEW, typed)
    reference = ticket.strip("/").rpartition("/")[2]
    clock.say(f"{reference}: {choices['kind']} opened and sent to the DPO")
    dpo.send(ticket, f"{ticket}preview/", {})
    dpo.send(ticket, f"{ticket}approve/", {"confirm_user_id": user_id, "note": "Approved by the demo."})
    clock.say(f"{reference}: approved")
    while True:
        running.check_alive()
        state, outcome = dpo.state_of(ticket)
        if state == "Completed":
            break
        if state == "Needs attention":
            raise DemoFailed(f"{reference} stopped on Stream; see its page.")
        clock.rest(f"{reference}, which is “{state}”")
    if outcome != goal:
        raise DemoFailed(f"{reference} ended as “{outcome}” instead of “{goal}”.")
    clock.say(f"{reference}: carried out on Stream, {outcome.lower()}")
    return ticket


def _first_app(page: str) -> str:
    """The first Stream app that the form offers."""
    _, _, rest = page.partition('name="stream_app"')
    for piece in rest.split('value="')[1:]:
        value = piece.partition('"')[0]
        if value:
            return value
    raise DemoFailed("The form offers no Stream app.")
