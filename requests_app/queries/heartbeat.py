"""Whether the worker and its queue live, for the pages and for whoever watches the site."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from requests_app import queue
from requests_app.models import Heartbeat

SWEEP = "sweep"
CANARY = "canary"
# Seconds. The schedule rings each minute, and a sweep may take some of the next one.
SILENT_AFTER = 150
# Seconds. A canary is rung each minute and given up after three.
UNACKNOWLEDGED_AFTER = 300


def worker_signs() -> tuple[bool, str]:
    """Whether the worker was seen lately and its queue acknowledges jobs, and the words for it."""
    seen = dict(Heartbeat.objects.filter(name__in=[SWEEP, CANARY]).values_list("name", "beat_at"))
    now = timezone.now()
    if SWEEP not in seen:
        return False, "Worker not seen yet"
    age = _age(seen[SWEEP], now)
    if age > SILENT_AFTER:
        return False, f"Worker silent for {age // 60} min"
    unacknowledged = _age(seen[CANARY], now) if CANARY in seen else 0
    if unacknowledged > UNACKNOWLEDGED_AFTER:
        return False, f"Queue silent for {unacknowledged // 60} min"
    return True, f"Worker running · swept {age} s ago"


def _age(seen: datetime, now: datetime) -> int:
    return max(0, int((now - seen).total_seconds()))


def check() -> tuple[bool, str]:
    """The worker's part of the readiness answer: the ages of the last sweep and of the last acknowledged canary."""
    fine, words = worker_signs()
    broken = queue.unreadable_schedules()
    if broken:
        names = ", ".join(broken)
        return False, f"No schedule runs while these cannot be read: {names}. Delete them and migrate again."
    rung = Heartbeat.objects.filter(name=CANARY).values_list("beat_at", flat=True).first()
    if fine and rung:
        words += f", queue acknowledged a job {_age(rung, timezone.now())} s ago"
    return fine, f"{words}."
