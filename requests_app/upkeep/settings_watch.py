"""The settings that decide about deadlines, retention and Stream live outside the database. A change leaves an entry.

Keys, passwords and addresses are not among them: their values would be secrets or people.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction

from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.models import Heartbeat

WATCHED = (
    "ACCOUNT_REAUTHENTICATION_TIMEOUT",
    "ALLOWED_HOSTS",
    "ATTACHMENT_MEGABYTES",
    "CONTROLLER_NAME",
    "COURT",
    "DSR_DELETES_PER_HOUR",
    "DSR_HOLIDAYS",
    "DSR_TARGET_LEAD_DAYS",
    "DSR_TIMEZONE",
    "LETTER_LANGUAGE",
    "MAILS",
    "PORTAL_URL",
    "REMINDER_HOUR",
    "RETENTION_CONTACT_DAYS",
    "RETENTION_EXPORT_DAYS",
    "RETENTION_REST_DAYS",
    "SESSION_COOKIE_AGE",
    "STREAM_BASE_URL",
    "STREAM_CONNECT_SECONDS",
    "STREAM_READ_SECONDS",
    "STREAM_SANDBOX",
    "STREAM_TOTAL_SECONDS",
    "SUPERVISORY_AUTHORITY",
)
ROW = "settings"


def run(actor: Actor, now: datetime) -> bool:
    """Compare with what was last seen, and record each setting that differs, before and after.

    Returns whether anything did. The first look of a new portal records them all.
    """
    current = {name: _plain(getattr(settings, name)) for name in WATCHED}
    with transaction.atomic():
        row, made = Heartbeat.objects.get_or_create(name=ROW, defaults={"beat_at": now})
        row = Heartbeat.objects.select_for_update().get(pk=row.pk)
        known = row.facts
        if known == current:
            return False
        changed = {name: [known.get(name), value] for name, value in current.items() if known.get(name) != value}
        Heartbeat.objects.filter(pk=row.pk).update(facts=current, beat_at=now)
        log.record(AuditAction.SETTINGS_CHANGED, actor=actor, now=now, facts={"first": made, "changed": changed})
    return True


def _plain(value: object) -> object:
    """The value as the audit log takes it, which knows no fractions."""
    if isinstance(value, list | tuple):
        return [str(one) for one in value]
    return value if isinstance(value, bool | int | str) else str(value)
