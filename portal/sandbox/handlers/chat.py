"""Chat: the queries for channels and messages."""

from __future__ import annotations

import json
from typing import Any

from portal.sandbox import clock
from portal.sandbox.call import Call, Reply
from portal.sandbox.errors import bad_input
from portal.sandbox.fields import mapping, number, only


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
    """Messages of one user."""
    try:
        payload = json.loads(call.query.get("payload") or "{}")
    except ValueError:
        raise bad_input("payload must be JSON") from None
    wanted = payload.get("message_filter_conditions") if isinstance(payload, dict) else None
    if not isinstance(wanted, dict) or not isinstance(wanted.get("user_id"), str):
        raise bad_input("message_filter_conditions needs user_id")
    limit = number(payload, "limit", 10, most=100)
    rows = call.store.owned("message", wanted["user_id"])[:limit]
    return Reply(200, {"results": [{"message": {"id": row["id"], **row["data"]}} for row in rows]})
