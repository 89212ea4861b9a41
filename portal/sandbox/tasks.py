"""Asynchronous tasks: accepted, pending, running, completed or failed.

A task is carried out when its time has come and somebody looks, by whichever request comes first; a thread of the
server looks twice a second. Nothing but the table remembers it, so a restart loses nothing.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from portal.sandbox import clock, deletion, exports
from portal.sandbox.faults import Faults
from portal.sandbox.store import Store


def start(store: Store, operation: str, body: dict[str, Any], seconds: float) -> str:
    """A new task that completes `seconds` from now."""
    task_id = str(uuid.uuid4())
    at = clock.now()
    store.run(
        "INSERT INTO tasks VALUES (?, ?, ?, ?, ?, ?, 'pending', NULL, NULL)",
        task_id,
        operation,
        json.dumps(body),
        at,
        at + seconds,
        at,
    )
    return task_id


def advance(store: Store, faults: Faults) -> None:
    """Carry out every task whose time has come."""
    at = clock.now()
    for task in store.rows("SELECT * FROM tasks WHERE status IN ('pending', 'running') AND due_at <= ?", at):
        body = json.loads(task["body"])
        fate = faults.of_task(task["operation"], body.get("user_ids") or [body.get("user_id", "")])
        if fate == "hang":
            continue
        if fate == "vanish":
            store.run("DELETE FROM tasks WHERE id = ?", task["id"])
            continue
        if fate == "fail":
            error = {"type": "internal", "description": "the task failed on purpose"}
            store.run(
                "UPDATE tasks SET status = 'failed', error = ?, updated_at = ? WHERE id = ?",
                json.dumps(error),
                at,
                task["id"],
            )
            continue
        if fate == "nothing":
            result = _pretend(store, body)
        else:
            result = _carry_out(store, task["operation"], body, at, partly=fate == "partly")
        store.run(
            "UPDATE tasks SET status = 'completed', result = ?, updated_at = ? WHERE id = ?",
            json.dumps(result),
            at,
            task["id"],
        )
    store.run(
        "UPDATE tasks SET status = 'running' WHERE status = 'pending' AND created_at + (due_at - created_at) / 2 <= ?",
        at,
    )


def _pretend(store: Store, body: dict[str, Any]) -> dict[str, Any]:
    """Success is reported and nothing is done: whoever vanished with the call is shown again."""
    for user_id in body.get("user_ids", ()):
        store.run("UPDATE users SET deleted_at = NULL, deleted_how = NULL WHERE id = ?", user_id)
    return {user_id: {"status": "ok"} for user_id in body.get("user_ids", ())}


def _carry_out(store: Store, operation: str, body: dict[str, Any], at: float, *, partly: bool) -> dict[str, Any]:
    match operation:
        case "DeleteUsers":
            if not partly:
                return dict(deletion.carry_out(store, body, at))
            ids = body["user_ids"]
            done = deletion.carry_out(store, {**body, "user_ids": ids[: len(ids) // 2]}, at)
            return {**done, **{user_id: {"status": "error"} for user_id in ids[len(ids) // 2 :]}}
        case "DeleteFeedUserData":
            return dict(deletion.delete_feeds(store, body["user_id"], body["hard_delete"], at))
        case "ExportFeedUserData":
            return {"file": exports.feeds_file(store, body["user_id"]), "name": "feeds.json"}
        case "ExportUsers":
            return {"file": exports.users_file(store, body["user_ids"]), "name": "users.ndjson"}
        case "DeactivateUsers" | "ReactivateUsers":
            value = at if operation == "DeactivateUsers" else None
            for user_id in body["user_ids"]:
                store.run("UPDATE users SET deactivated_at = ? WHERE id = ?", value, user_id)
    return {}


def shown(task: dict[str, Any], *, base_url: str, secret: str) -> dict[str, Any]:
    """A task as GetTask shows it; a finished export gets a fresh link each time."""
    body: dict[str, Any] = {
        "task_id": task["id"],
        "status": task["status"],
        "created_at": clock.nanoseconds(task["created_at"]),
        "updated_at": clock.nanoseconds(task["updated_at"]),
    }
    if task["error"]:
        body["error"] = json.loads(task["error"])
    if task["result"]:
        result = json.loads(task["result"])
        if "file" in result:
            result = {"url": exports.link(base_url, secret, result["file"], result["name"])}
        body["result"] = result
    return body
