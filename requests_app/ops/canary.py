"""Is the queue's cluster alive? A job is rung now and then, and its acknowledgement looked for from outside.

Django-Q stands still without a sign when an idle worker is killed, and repeats every job where its monitor is
(decision 7). Neither shows in its processes; both leave the canary unacknowledged.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from requests_app import queue
from requests_app.models import Heartbeat

NAME = "canary"
# Stored results are kept this long for whoever looks for a reason, and no longer.
RESULTS_KEPT = timedelta(days=7)


@dataclass(frozen=True)
class Canary:
    """When a job was last acknowledged (or first rung), and whether one is on its way."""

    acknowledged_at: datetime
    waits: bool

    def silent_for(self, now: datetime) -> timedelta:
        """How long nothing was acknowledged."""
        return now - self.acknowledged_at


def look(now: datetime) -> Canary:
    """See whether the canary that is on its way was acknowledged, and write that down."""
    row, _ = Heartbeat.objects.get_or_create(name=NAME, defaults={"beat_at": now})
    job = row.facts.get("job")
    if job and queue.acknowledged(job):
        row.beat_at, row.facts = now, {}
        row.save(update_fields=["beat_at", "facts"])
        queue.forget_results(now - RESULTS_KEPT)
    return Canary(row.beat_at, waits=bool(row.facts.get("job")))


def ring(now: datetime) -> None:
    """Send a new canary. One that is still on its way is given up: a lost job never comes back."""
    row, _ = Heartbeat.objects.get_or_create(name=NAME, defaults={"beat_at": now})
    job = queue.ring_canary(int(row.facts.get("number", 0)) + 1)
    Heartbeat.objects.filter(name=NAME).update(facts={"job": job})


def begin_anew(now: datetime) -> None:
    """A new cluster was started: it gets its own canary and the whole patience."""
    Heartbeat.objects.update_or_create(name=NAME, defaults={"beat_at": now, "facts": {}})
    ring(now)


def forget() -> None:
    """No cluster is watched any more: the pages say nothing of it."""
    Heartbeat.objects.filter(name=NAME).delete()
