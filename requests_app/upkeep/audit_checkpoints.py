"""Every few minutes, while there is news: a signed checkpoint of the audit log."""

from __future__ import annotations

from datetime import datetime

from requests_app.audit import checkpoints
from requests_app.audit.actor import Actor


def run(actor: Actor, now: datetime) -> None:
    """Sign what is new since the last checkpoint, and give it to the file."""
    checkpoints.catch_up(actor=actor, now=now)
