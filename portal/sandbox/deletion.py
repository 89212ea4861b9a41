"""What the deletion modes do (Stream API, section 6)."""

from __future__ import annotations

import secrets
from typing import Any

from portal.sandbox.store import Store

PAIR = 2
FEEDS_KINDS = ("feed", "activity", "comment", "reaction", "bookmark", "bookmark_folder", "collection")


def mark_deleted(store: Store, user_ids: list[str], how: str, at: float) -> None:
    """At once, when the call is accepted: the users vanish from every query."""
    for user_id in user_ids:
        store.run(
            # Who is gone for good stays gone, however softly somebody deletes again.
            "UPDATE users SET deleted_at = COALESCE(deleted_at, ?), "
            "deleted_how = CASE deleted_how WHEN 'hard' THEN 'hard' ELSE ? END WHERE id = ?",
            at,
            how or "soft",
            user_id,
        )


def carry_out(store: Store, body: dict[str, Any], at: float) -> dict[str, dict[str, str]]:
    """The rest, when the task completes; a result for each user."""
    for user_id in body["user_ids"]:
        _messages(store, user_id, body.get("messages") or "", at)
        _pairs(store, "channel", user_id, body.get("conversations") or "", at)
        _pairs(store, "call", user_id, body.get("calls") or "", at)
        if body.get("files"):
            store.remove("file", [row["id"] for row in store.owned("file", user_id, deleted=True)])
        _user(store, user_id, body, at)
    return {user_id: {"status": "ok"} for user_id in body["user_ids"]}


def _messages(store: Store, user_id: str, mode: str, at: float) -> None:
    if not mode:
        return
    messages = store.owned("message", user_id, deleted=True)
    ids = [row["id"] for row in messages]
    if mode == "hard":
        store.remove("message", ids)
        return
    if mode == "pruning":
        for row in messages:
            store.change("message", row["id"], {"cid": row["data"].get("cid", ""), "text": ""})
    store.hide("message", ids, at)


def _pairs(store: Store, kind: str, user_id: str, mode: str, at: float) -> None:
    """Channels and calls of exactly two members, the user being one; larger ones stay."""
    if not mode:
        return
    ids = [row["id"] for row in store.joined(kind, user_id) if len(store.members(kind, row["id"])) == PAIR]
    if mode == "soft":
        store.hide(kind, ids, at)
        return
    if kind == "channel":
        for cid in ids:
            store.run("DELETE FROM records WHERE kind = 'message' AND json_extract(data, '$.cid') = ?", cid)
    store.remove(kind, ids)


def _user(store: Store, user_id: str, body: dict[str, Any], at: float) -> None:
    mode = body.get("user") or "soft"
    if mode == "pruning":
        store.run("UPDATE users SET name = '', image = '', custom = '{}', updated_at = ? WHERE id = ?", at, user_id)
    if mode != "hard":
        return
    for kind, name in (("channel", "new_channel_owner_id"), ("call", "new_call_owner_id")):
        owner = body.get(name) or f"delete-user-{secrets.token_hex(8)}"
        store.run("UPDATE records SET user_id = ? WHERE kind = ? AND user_id = ?", owner, kind, user_id)
        store.run("DELETE FROM members WHERE kind = ? AND user_id = ?", kind, user_id)
    # The id stays taken for ever: only the emptied row remembers it.
    store.run(
        "UPDATE users SET name = NULL, image = NULL, role = NULL, custom = NULL, deleted_how = 'hard' WHERE id = ?",
        user_id,
    )


def delete_feeds(store: Store, user_id: str, hard: bool, at: float) -> dict[str, int]:
    """All feeds data of a user. Soft leaves it to be seen with the soft-deleted ones; neither comes back."""
    counts = {}
    feeds = {row["id"] for row in store.owned("feed", user_id, deleted=True)}
    follows = [
        row["id"]
        for row in store.rows("SELECT id, data FROM records WHERE kind = 'follow'")
        if _touches(row["data"], feeds)
    ]
    for kind in FEEDS_KINDS:
        ids = [row["id"] for row in store.owned(kind, user_id, deleted=hard)]
        counts[f"deleted_{kind}"] = len(ids)
        if hard:
            store.remove(kind, ids)
        else:
            store.hide(kind, ids, at)
    store.remove("follow", follows)
    return counts


def _touches(data: str, feeds: set[str]) -> bool:
    return any(f'"{feed}"' in data for feed in feeds)
