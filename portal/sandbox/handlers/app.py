"""The app itself, its tasks and its limits."""

from __future__ import annotations

from portal.sandbox import tasks
from portal.sandbox.call import Call, Reply
from portal.sandbox.errors import missing


def get_app(call: Call) -> Reply:
    """Whose key this is."""
    return Reply(
        200,
        {
            "app": {
                "id": 1,
                "name": "Sandbox",
                "organization": "Stand-in for Stream",
                "placement": "here",
                "suspended": False,
                "suspended_explanation": "",
                "event_hooks": [],
                "webhook_events": [],
                "permission_version": "v2",
                "multi_tenant_enabled": False,
            }
        },
    )


def get_task(call: Call) -> Reply:
    """How far a task is."""
    found = call.store.row("SELECT * FROM tasks WHERE id = ?", call.path["task_id"])
    if found is None:
        raise missing("Can't find task")
    return Reply(200, tasks.shown(found, base_url=call.base_url, secret=call.config.secret))


def rate_limits(call: Call) -> Reply:
    """The budgets of the server side."""
    wanted = [name for name in call.query.get("endpoints", "").split(",") if name]
    return Reply(200, {"server_side": call.limits.table(wanted)})
