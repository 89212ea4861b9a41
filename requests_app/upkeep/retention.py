"""Erases what is past its time, each hour: tickets by their stages, what belongs to no ticket, sessions that ended."""

from __future__ import annotations

from datetime import datetime
from importlib import import_module

from django.conf import settings

from requests_app.audit.actor import Actor
from requests_app.workflow import leftovers, retention

# What one turn may take; what is left waits for the next.
SECONDS = 10.0


def erase_what_is_due(actor: Actor, now: datetime) -> retention.Done:
    """One bounded piece of it."""
    forget_sessions()
    leftovers.erase(actor=actor, now=now)
    return retention.run(actor=actor, now=now, seconds=SECONDS)


def forget_sessions() -> None:
    """Sessions that expired: a form that was taken up again after the password may stand in one."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
