"""Chore: who was on the page of a ticket is nobody's business once they left."""

from __future__ import annotations

from datetime import datetime

from requests_app.audit.actor import Actor
from requests_app.workflow import presence


def run(actor: Actor, now: datetime) -> int:
    """Clear it away; returns how many rows went."""
    return presence.forget(now=now)
