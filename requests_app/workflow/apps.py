"""Stream apps: saving them, and recording what a test of the connection found."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction

from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.models import StreamApp
from requests_app.workflow import permissions
from requests_app.workflow.access import record_refused

ENVIRONMENT_APP = "Stream (environment)"


def save_app(app: StreamApp, *, actor: Actor, now: datetime, changed: list[str]) -> StreamApp:
    """Store an app of the portal's own; `changed` names the fields, never what they hold. Raises `NotPermitted`."""
    _check(actor, now=now)
    with transaction.atomic():
        app.save()
        log.record(
            AuditAction.APP_SAVED,
            actor=actor,
            now=now,
            facts={"app": app.pk, "changed": sorted(changed), "active": app.is_active},
        )
    return app


def record_test(app: StreamApp, *, actor: Actor, now: datetime, worked: bool, finding: str) -> None:
    """Somebody tested the connection; `finding` is the sentence the page shows. Raises `NotPermitted`."""
    _check(actor, now=now)
    with transaction.atomic():
        log.record(
            AuditAction.APP_TESTED,
            actor=actor,
            now=now,
            facts={"app": app.pk, "worked": worked, "finding": finding[:200]},
        )


def _check(actor: Actor, *, now: datetime) -> None:
    """Whoever may not set apps up leaves an entry of the attempt."""
    if permissions.may_open(actor.role, "app-edit"):
        return
    refusal = permissions.NotPermitted(permissions.WHO_SETS_UP)
    record_refused(actor=actor, now=now, what="app-edit", reason=str(refusal))
    raise refusal


def keep_environment_app() -> None:
    """The app whose credentials stand in the environment has a row, so that tickets can name it."""
    if not (settings.STREAM_BASE_URL and settings.STREAM_API_KEY):
        return
    StreamApp.objects.update_or_create(
        from_environment=True,
        defaults={"is_sandbox": settings.STREAM_SANDBOX},
        create_defaults={"name": ENVIRONMENT_APP, "is_sandbox": settings.STREAM_SANDBOX},
    )
