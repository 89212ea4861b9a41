"""Feeds: export and delete a user's feeds data, and the queries that show what is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from portal.sandbox import clock, tasks
from portal.sandbox.call import Call, Reply
from portal.sandbox.errors import bad_input, missing
from portal.sandbox.fields import flag, mapping, number, only, text

QUERY = ("filter", "limit", "next", "prev", "sort", "watch")


def _known(call: Call) -> str:
    user_id = call.path["user_id"]
    if call.store.user(user_id) is None:
        raise missing(f"user {user_id} does not exist")
    return user_id


def export(call: Call) -> Reply:
    """Start the export of one user's feeds data. Takes no fields."""
    only(call.body)
    user_id = _known(call)
    task_id = tasks.start(call.store, call.operation, {"user_id": user_id}, call.config.task_seconds)
    call.store.note_accepted(clock.now(), call.operation, [user_id], call.body, task_id)
    return Reply(201, {"task_id": task_id})


def delete(call: Call) -> Reply:
    """Start the deletion of one user's feeds data; soft unless told otherwise."""
    only(call.body, "hard_delete")
    hard = flag(call.body, "hard_delete")
    user_id = _known(call)
    body = {"user_id": user_id, "hard_delete": hard}
    task_id = tasks.start(call.store, call.operation, body, call.config.task_seconds)
    call.store.note_accepted(clock.now(), call.operation, [user_id], call.body, task_id)
    return Reply(201, {"task_id": task_id})


def listing(kind: str, key: str, owner: str, *extra: str) -> Callable[[Call], Reply]:
    """A query over one kind of record, filtered by its owner, paged by an opaque cursor."""

    def answer(call: Call) -> Reply:
        only(call.body, *QUERY, *extra)
        wanted = mapping(call.body, "filter")
        only(wanted, owner)
        user_id = _wanted(wanted, owner)
        limit = number(call.body, "limit", 25, least=1, most=100)
        start = _start(call)
        hidden = flag(call.body, "include_soft_deleted_activities") if extra else False
        rows = call.store.owned(kind, user_id, deleted=hidden)
        page = rows[start : start + limit]
        body: dict[str, Any] = {key: [_shown(row) for row in page]}
        if start + limit < len(rows):
            body["next"] = str(start + limit)
        return Reply(201, body)

    return answer


def _wanted(wanted: dict[str, Any], owner: str) -> str:
    value = wanted.get(owner)
    if isinstance(value, dict):
        only(value, "$eq")
        value = value.get("$eq")
    if not isinstance(value, str):
        raise bad_input(f"filter needs {owner}")
    return value


def _start(call: Call) -> int:
    cursor = text(call.body, "next")
    if cursor and not cursor.isdigit():
        raise bad_input("next is not a cursor")
    return int(cursor or 0)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "user_id": row["user_id"],
        "created_by_id": row["user_id"],
        "created_at": clock.nanoseconds(row["created_at"]),
        "deleted_at": clock.nanoseconds(row["deleted_at"]) if row["deleted_at"] else None,
        **row["data"],
        **(_feed(row["id"]) if row["kind"] == "feed" else {}),
    }


def follows(call: Call) -> Reply:
    """Follows by source or target feed; there is no filter by user."""
    only(call.body, *QUERY)
    wanted = mapping(call.body, "filter")
    only(wanted, "source_feed", "source_fid", "target_feed", "target_fid")
    limit, start = number(call.body, "limit", 25, least=1, most=100), _start(call)
    rows = call.store.rows("SELECT user_id FROM records WHERE kind = 'follow' GROUP BY user_id ORDER BY user_id")
    found = [
        row
        for owner in rows
        for row in call.store.owned("follow", owner["user_id"])
        if all(_follow_fits(row["data"], name, value) for name, value in wanted.items())
    ]
    body: dict[str, Any] = {"follows": [_follow(row) for row in found[start : start + limit]]}
    if start + limit < len(found):
        body["next"] = str(start + limit)
    return Reply(201, body)


def _follow(row: dict[str, Any]) -> dict[str, Any]:
    """A follow names its two feeds as objects of their own."""
    at = clock.nanoseconds(row["created_at"])
    ends = {f"{end}_feed": _feed(row["data"][f"{end}_fid"]) for end in ("source", "target")}
    return {"status": row["data"]["status"], "created_at": at, "updated_at": at, **ends}


def _feed(fid: str) -> dict[str, str]:
    group_id, _, feed_id = fid.partition(":")
    return {"feed": fid, "group_id": group_id, "id": feed_id}


def _follow_fits(data: dict[str, Any], name: str, wanted: Any) -> bool:
    value = data["source_fid" if name.startswith("source") else "target_fid"]
    if isinstance(wanted, dict):
        only(wanted, "$eq", "$in")
        return value == wanted["$eq"] if "$eq" in wanted else value in (wanted.get("$in") or [])
    return bool(value == wanted)
