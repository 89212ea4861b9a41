"""Video: the query for calls."""

from __future__ import annotations

from typing import Any

from portal.sandbox import clock
from portal.sandbox.call import Call, Reply
from portal.sandbox.fields import mapping, number, only
from portal.sandbox.handlers.chat import member_of


def calls(call: Call) -> Reply:
    """Calls that a user is a member of, paged by an opaque cursor."""
    only(call.body, "filter_conditions", "limit", "next", "prev", "sort", "watch")
    user_id = member_of(mapping(call.body, "filter_conditions"))
    limit = number(call.body, "limit", 25, least=1, most=100)
    cursor = str(call.body.get("next") or "0")
    start = int(cursor) if cursor.isdigit() else 0
    rows = call.store.joined("call", user_id)
    body: dict[str, Any] = {
        "calls": [
            {
                "call": {"cid": row["id"], "created_at": clock.nanoseconds(row["created_at"]), **row["data"]},
                "members": [{"user_id": member} for member in call.store.members("call", row["id"])],
            }
            for row in rows[start : start + limit]
        ]
    }
    if start + limit < len(rows):
        body["next"] = str(start + limit)
    return Reply(201, body)
