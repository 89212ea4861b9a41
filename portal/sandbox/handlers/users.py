"""Users: upsert, query, delete, restore, deactivate, reactivate, export."""

from __future__ import annotations

import json
from typing import Any

from portal.sandbox import clock, deletion, tasks
from portal.sandbox.call import Call, Reply
from portal.sandbox.errors import bad_input, missing
from portal.sandbox.fields import choice, flag, ids, mapping, number, only, text

USER_FIELDS = (
    "id name image role language invisible teams teams_role custom privacy_settings".split()  # noqa: SIM905
)
DELETE_FIELDS = (
    "user_ids user messages conversations calls files new_channel_owner_id new_call_owner_id".split()  # noqa: SIM905
)
QUERY_FIELDS = [
    "filter_conditions",
    "sort",
    "limit",
    "offset",
    "id_gt",
    "id_gte",
    "id_lt",
    "id_lte",
    "include_deactivated_users",
    "presence",
    "user_id",
    "user",
]

# What every user of an answer has besides; the sandbox keeps nothing of the kind.
EVERY_USER: dict[str, Any] = {
    "language": "",
    "teams": [],
    "banned": False,
    "online": False,
    "invisible": False,
    "shadow_banned": False,
    "devices": [],
    "mutes": [],
    "channel_mutes": [],
    "blocked_user_ids": [],
    "latest_hidden_channels": [],
    "unread_count": 0,
    "total_unread_count": 0,
    "unread_channels": 0,
    "unread_threads": 0,
}
ID_BOUNDS = {"id_gt": "$gt", "id_gte": "$gte", "id_lt": "$lt", "id_lte": "$lte"}


def wire(user: dict[str, Any]) -> dict[str, Any]:
    """A user as the API shows it."""

    def moment(value: float | None) -> int | None:
        return clock.nanoseconds(value) if value else None

    return {
        "id": user["id"],
        "name": user["name"] or "",
        "image": user["image"] or "",
        "role": user["role"] or "user",
        "custom": json.loads(user["custom"] or "{}"),
        **EVERY_USER,
        "created_at": moment(user["created_at"]),
        "updated_at": moment(user["updated_at"]),
        "deleted_at": moment(user["deleted_at"]),
        "deactivated_at": moment(user["deactivated_at"]),
    }


def _note(call: Call, user_ids: list[str], task_id: str = "") -> None:
    call.store.note_accepted(clock.now(), call.operation, user_ids, call.body, task_id)


def _accepted(call: Call, user_ids: list[str], task_id: str) -> Reply:
    _note(call, user_ids, task_id)
    return Reply(201, {"task_id": task_id})


def _known(call: Call, user_ids: list[str]) -> None:
    for user_id in user_ids:
        if call.store.user(user_id) is None:
            raise missing(f"user {user_id} does not exist")


def upsert(call: Call) -> Reply:
    """Create or replace users; one bad user fails the whole batch."""
    only(call.body, "users")
    given = mapping(call.body, "users")
    ids({"user_ids": list(given)}, most=100)
    for user_id, user in given.items():
        if not isinstance(user, dict) or user.get("id") != user_id:
            raise bad_input("each user needs the id under which it stands")
        only(user, *USER_FIELDS)
        _not_deleted(call, user_id)
    for user_id, user in given.items():
        _write(call, user_id, user)
    _note(call, list(given))
    shown = {user_id: wire(call.store.user(user_id) or {}) for user_id in given}
    return Reply(201, {"users": shown, "membership_deletion_task_id": ""})


def _not_deleted(call: Call, user_id: str) -> None:
    found = call.store.user(user_id)
    if found and found["deleted_at"]:
        raise missing(f"the user {user_id} was deleted")


def _write(call: Call, user_id: str, user: dict[str, Any]) -> None:
    at = clock.now()
    before = call.store.user(user_id)
    call.store.run(
        "INSERT OR REPLACE INTO users VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL, ?)",
        user_id,
        text(user, "name"),
        text(user, "image", 2000),
        text(user, "role") or "user",
        json.dumps(mapping(user, "custom")),
        before["created_at"] if before else at,
        at,
        before["deactivated_at"] if before else None,
    )


def update_partial(call: Call) -> Reply:
    """Set and unset single fields of users that exist."""
    only(call.body, "users")
    given = call.body.get("users")
    if not isinstance(given, list) or not 1 <= len(given) <= 100:
        raise bad_input("users must be a list of 1 to 100 changes")
    shown = {}
    for change in given:
        if not isinstance(change, dict):
            raise bad_input("each change must be an object")
        only(change, "id", "set", "unset")
        user_id = text(change, "id")
        found = call.store.user(user_id)
        if found is None:
            raise missing(f"user {user_id} does not exist")
        _not_deleted(call, user_id)
        user = {"name": found["name"], "image": found["image"], "role": found["role"]}
        custom = json.loads(found["custom"] or "{}")
        for name, value in mapping(change, "set").items():
            (user if name in user else custom)[name] = value
        unset = change.get("unset") or []
        if not isinstance(unset, list) or not all(isinstance(name, str) for name in unset):
            raise bad_input("unset must be a list of texts")
        for name in unset:
            user.pop(name, None)
            custom.pop(name, None)
        _write(call, user_id, {**user, "custom": custom})
        shown[user_id] = wire(call.store.user(user_id) or {})
    _note(call, list(shown))
    return Reply(200, {"users": shown, "membership_deletion_task_id": ""})


def query(call: Call) -> Reply:
    """Users by id, name or role. Deleted users never show; deactivated ones where asked for."""
    try:
        payload = json.loads(call.query.get("payload") or "{}")
    except ValueError:
        raise bad_input("payload must be JSON") from None
    if not isinstance(payload, dict) or not isinstance(payload.get("filter_conditions"), dict):
        raise bad_input("filter_conditions must be an object")
    only(payload, *QUERY_FIELDS)
    limit, offset = number(payload, "limit", 30, most=100), number(payload, "offset", 0)
    bounds = {ID_BOUNDS[name]: payload[name] for name in ID_BOUNDS if payload.get(name) is not None}
    rows = call.store.rows("SELECT * FROM users WHERE deleted_at IS NULL ORDER BY id")
    found = [user for user in rows if _matches(user, payload["filter_conditions"]) and _fits(user, "id", bounds)]
    if not payload.get("include_deactivated_users"):
        found = [user for user in found if not user["deactivated_at"]]
    return Reply(200, {"users": [wire(user) for user in found[offset : offset + limit]]})


def _matches(user: dict[str, Any], conditions: dict[str, Any]) -> bool:
    return all(_fits(user, name, wanted) for name, wanted in conditions.items())


def _fits(user: dict[str, Any], name: str, wanted: Any) -> bool:
    if name not in {"id", "name", "role"}:
        raise bad_input(f"users cannot be filtered by {name}")
    value = user[name] or ""
    for operator, operand in (wanted if isinstance(wanted, dict) else {"$eq": wanted}).items():
        match operator:
            case "$eq":
                fits = value == operand
            case "$ne":
                fits = value != operand
            case "$in" if isinstance(operand, list):
                fits = value in operand
            case "$nin" if isinstance(operand, list):
                fits = value not in operand
            case "$autocomplete" if isinstance(operand, str):
                fits = value.lower().startswith(operand.lower())
            case "$gt" | "$gte" | "$lt" | "$lte" if isinstance(operand, str):
                fits = {"$gt": value > operand, "$gte": value >= operand, "$lt": value < operand}.get(
                    operator, value <= operand
                )
            case "$exists":
                fits = bool(value) is bool(operand)
            case _:
                raise bad_input(f"there is no operator {operator} for {name}")
        if not fits:
            return False
    return True


def delete(call: Call) -> Reply:
    """Mark users deleted at once and start the task that does the rest."""
    body = call.body
    only(body, *DELETE_FIELDS)
    user_ids = ids(body, most=100)
    user = choice(body, "user", ("soft", "pruning", "hard"))
    messages = choice(body, "messages", ("soft", "pruning", "hard"))
    conversations = choice(body, "conversations", ("soft", "hard"))
    choice(body, "calls", ("soft", "hard"))
    flag(body, "files")
    if user == "hard" and (messages != "hard" or conversations != "hard"):
        raise bad_input("a hard user delete needs hard messages and hard conversations")
    for name in ("new_channel_owner_id", "new_call_owner_id"):
        owner = text(body, name)
        if owner and user != "hard":
            raise bad_input(f"{name} needs a hard user delete")
        if owner and (owner in user_ids or call.store.live_user(owner) is None):
            raise bad_input(f"{name} must be a user that exists and is not deleted by this call")
    _known(call, user_ids)
    deletion.mark_deleted(call.store, user_ids, user, clock.now())
    return _accepted(call, user_ids, tasks.start(call.store, call.operation, body, call.config.task_seconds))


def restore(call: Call) -> Reply:
    """Bring back soft-deleted users: their own record, nothing else."""
    only(call.body, "user_ids")
    user_ids = ids(call.body, most=100)
    for user_id in user_ids:
        found = call.store.user(user_id)
        if found is None or found["deleted_how"] == "hard":
            raise missing(f"user {user_id} does not exist")
        if not found["deleted_at"]:
            raise bad_input(f'user "{user_id}" is not deleted, it can\'t be restored')
    for user_id in user_ids:
        call.store.run("UPDATE users SET deleted_at = NULL, deleted_how = NULL WHERE id = ?", user_id)
    _note(call, user_ids)
    return Reply(201, {})


def export_many(call: Call) -> Reply:
    """Start the export of up to 25 users into one file."""
    only(call.body, "user_ids")
    user_ids = ids(call.body, most=25)
    _known(call, user_ids)
    return _accepted(call, user_ids, tasks.start(call.store, call.operation, call.body, call.config.task_seconds))


def deactivate_many(call: Call) -> Reply:
    """Start the deactivation of users."""
    only(call.body, "user_ids", "created_by_id", "mark_channels_deleted", "mark_messages_deleted")
    user_ids = ids(call.body, most=100)
    _known(call, user_ids)
    return _accepted(call, user_ids, tasks.start(call.store, call.operation, call.body, call.config.task_seconds))


def reactivate_many(call: Call) -> Reply:
    """Start the reactivation of users."""
    only(call.body, "user_ids", "created_by_id", "restore_channels", "restore_messages")
    user_ids = ids(call.body, most=100)
    _known(call, user_ids)
    return _accepted(call, user_ids, tasks.start(call.store, call.operation, call.body, call.config.task_seconds))


def deactivate(call: Call) -> Reply:
    """Deactivate one user at once."""
    only(call.body, "created_by_id", "mark_messages_deleted")
    return _switch(call, clock.now())


def reactivate(call: Call) -> Reply:
    """Reactivate one user at once."""
    only(call.body, "created_by_id", "name", "restore_messages")
    name = text(call.body, "name")
    reply = _switch(call, None)
    if name:
        call.store.run("UPDATE users SET name = ? WHERE id = ?", name, call.path["user_id"])
        reply.body["user"]["name"] = name
    return reply


def _switch(call: Call, value: float | None) -> Reply:
    user_id = call.path["user_id"]
    _known(call, [user_id])
    _not_deleted(call, user_id)
    call.store.run("UPDATE users SET deactivated_at = ? WHERE id = ?", value, user_id)
    _note(call, [user_id])
    return Reply(201, {"user": wire(call.store.user(user_id) or {})})
