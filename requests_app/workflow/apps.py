"""Stream apps: saving them, and recording what a test of the connection found."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction

from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.models import StreamApp
from requests_app.workflow.access import check_may
from requests_app.workflow.rights import Right

ENVIRONMENT_APP = "Stream (environment)"


def save_app(app: StreamApp, *, actor: Actor, now: datetime, changed: list[str]) -> StreamApp:
    """Store an app of the portal's own; `changed` names the fields, never what they hold. Raises `NotPermitted`."""
    check_may(Right.SET_UP_APPS, actor=actor, now=now)
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
    check_may(Right.SET_UP_APPS, actor=actor, now=now)
    with transaction.atomic():
        log.record(
            AuditAction.APP_TESTED,
            actor=actor,
            now=now,
            facts={"app": app.pk, "worked": worked, "finding": finding[:200]},
        )


def keep_environment_app() -> None:
    """The app whose credentials stand in the environment has a row, so that tickets can name it."""
    if not (settings.STREAM_BASE_URL and settings.STREAM_API_KEY):
        return
    StreamApp.objects.update_or_create(
        from_environment=True,
        defaults={"is_sandbox": settings.STREAM_SANDBOX},
        create_defaults={"name": ENVIRONMENT_APP, "is_sandbox": settings.STREAM_SANDBOX},
    )
