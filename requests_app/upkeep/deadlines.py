"""Counts the dates of open tickets anew: where the settings of the clock changed (D11), and while the clock stands.

A ticket with an unanswered question is due a day later each day. What the settings were is kept in a heartbeat row.
"""

from __future__ import annotations

from datetime import datetime
from importlib.metadata import version

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from requests_app.audit.actor import Actor
from requests_app.models import ClockPause, Heartbeat, Ticket
from requests_app.workflow import time_limit
from requests_app.workflow.clock import clock

NAME = "clock"
AT_ONCE = 100


def settings_of_clock() -> dict[str, object]:
    """What the dates depend on besides the tickets: the settings, and the edition of the holidays."""
    own = clock()
    return {
        "time_zone": own.time_zone,
        "calendar": own.calendar,
        "lead_days": own.lead_days,
        "holidays": version("holidays"),
    }


def recompute(actor: Actor, now: datetime, *, every: bool = False) -> int:
    """Count anew what may have changed, `every` open ticket where asked; returns how many got other dates.

    Closed tickets keep the dates they were answered by. Each ticket is a transaction with its entry.
    """
    found = settings_of_clock()
    row, _ = Heartbeat.objects.get_or_create(name=NAME, defaults={"beat_at": now})
    changed = every or row.facts != found
    waits = ClockPause.objects.filter(ticket=OuterRef("pk"), answered_on__isnull=True)
    which = Ticket.objects.open() if changed else Ticket.objects.open().filter(Exists(waits) | Q(refuse_by_on=None))
    why = "settings" if changed else "the clock stands"
    count, last = 0, 0
    while ids := list(which.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        count += sum(_count(pk, actor=actor, now=now, why=why) for pk in ids)
        last = ids[-1]
    Heartbeat.objects.filter(name=NAME).update(facts=found, beat_at=now)
    return count


def _count(pk: int, *, actor: Actor, now: datetime, why: str) -> bool:
    with transaction.atomic():
        ticket = Ticket.objects.open().select_for_update(of=("self",)).filter(pk=pk).first()
        return ticket is not None and time_limit.count_anew(ticket, actor=actor, now=now, why=why)
