"""Removes forms that somebody left unfinished and did not come back to."""

from __future__ import annotations

from datetime import datetime, timedelta

from requests_app.audit.actor import Actor
from requests_app.models import FormDraft

KEPT = timedelta(days=30)


def run(actor: Actor, now: datetime) -> int:
    """Delete what was kept longer than thirty days; returns how many rows."""
    return FormDraft.objects.filter(saved_at__lte=now - KEPT).delete()[0]
