"""Chat: the queries for channels and messages."""

from __future__ import annotations

import json
from typing import Any

from portal.sandbox import clock
from portal.sandbox.call import Call, Reply
from portal.sandbox.errors import bad_input
from portal.sandbox.fields import mapping, number, only, text


def member_of(conditions: dict[str, Any]) -> str:
    """The one member that a filter asks for."""
    only(conditions, "members", "created_by_id", "created_by_user_id")
    members = conditions.get("members")
    wanted = members.get("$in") if isinstance(members, dict) else None
    if not isinstance(wanted, list) or len(wanted) != 1 or not isinstance(wanted[0], str):
        raise bad_input('filter_conditions needs {"members": {"$in": [id]}}')
    return wanted[0]


def channels(call: Call) -> Reply:
    """Channels that a user is a member of, paged by offset."""
    fields = ("filter_conditions", "state", "watch", "presence", "limit", "offset", "sort", "member_limit")
    only(call.body, *fields, "message_limit")
    user_id = member_of(mapping(call.body, "filter_conditions"))
    limit, offset = number(call.body, "limit", 30, most=100), number(call.body, "offset", 0)
    rows = call.store.joined("channel", user_id)
    return Reply(201, {"channels": [_channel(call, row) for row in rows[offset : offset + limit]]})


def _channel(call: Call, row: dict[str, Any]) -> dict[str, Any]:
    members = call.store.members("channel", row["id"])
    return {
        "channel": {
            "cid": row["id"],
            "created_by": {"id": row["user_id"]},
            "member_count": len(members),
            "created_at": clock.nanoseconds(row["created_at"]),
            **row["data"],
        },
        "members": [{"user_id": member} for member in members],
    }


def search(call: Call) -> Reply:
    """Messages of one user in the channels of a member or of a type, paged by an opaque cursor."""
    try:
        payload = json.loads(call.query.get("payload") or "{}")
    except ValueError:
        raise bad_input("payload must be JSON") from None
    if not isinstance(payload, dict):
        raise bad_input("payload must be an object")
    only(payload, "filter_conditions", "message_filter_conditions", "limit", "next", "sort")
    channels_wanted = mapping(payload, "filter_conditions")
    if not channels_wanted:
        raise bad_input("filter_conditions is needed")
    wanted = mapping(payload, "message_filter_conditions")
    only(wanted, "user_id")
    if not isinstance(wanted.get("user_id"), str):
        raise bad_input("message_filter_conditions needs user_id")
    limit = number(payload, "limit", 10, least=1, most=100)
    cursor = str(payload.get("next") or "0")
    start = int(cursor) if cursor.isdigit() else 0
    rows = _inside(call, call.store.owned("message", wanted["user_id"]), channels_wanted)
    page = rows[start : start + limit]
    body: dict[str, Any] = {"results": [{"message": {"id": row["id"], **row["data"]}} for row in page]}
    if start + limit < len(rows):
        body["next"] = str(start + limit)
    return Reply(200, body)


def _inside(call: Call, rows: list[dict[str, Any]], wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of the messages whose channel fits the filter."""
    if set(wanted) == {"type"}:
        kind = text(wanted, "type")
        return [row for row in rows if row["data"].get("cid", "").startswith(f"{kind}:")]
    inside = {row["id"] for row in call.store.joined("channel", member_of(wanted))}
    return [row for row in rows if row["data"].get("cid") in inside]
