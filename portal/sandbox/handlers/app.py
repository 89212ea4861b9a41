"""The app itself, its tasks and its limits."""

from __future__ import annotations

from portal.sandbox import limits, tasks
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
    """The budgets of all endpoints that are no feeds."""
    return _table(call, limits.COMMON)


def feeds_rate_limits(call: Call) -> Reply:
    """The budgets of the feeds endpoints."""
    return _table(call, limits.FEEDS)


def _table(call: Call, endpoints: tuple[str, ...]) -> Reply:
    """All of them, or those that are asked for; platforms other than the server have none here."""
    wanted = {name for name in call.query.get("endpoints", "").split(",") if name}
    asked = [name for name in sorted(endpoints) if not wanted or name in wanted]
    platforms = {name for name in ("server_side", "android", "ios", "web") if call.query.get(name) == "true"}
    return Reply(200, {"server_side": call.limits.table(asked)} if not platforms or "server_side" in platforms else {})
