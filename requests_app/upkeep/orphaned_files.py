"""Chore: files that no attachment names, left behind by a process that was killed between the file and its row."""

from __future__ import annotations

from datetime import datetime

from requests_app.audit.actor import Actor
from requests_app.workflow import attachments


def run(actor: Actor, now: datetime) -> int:
    """Clear them away; returns how many there were. They were never part of a ticket, so nothing is recorded."""
    return attachments.remove_orphans(now=now)
