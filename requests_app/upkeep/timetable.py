"""Which chore is due when, and whose turn it is: the queue's schedule and `sweep --loop` both come here each minute.

A turn is taken by compare-and-swap on a heartbeat row, so that of many workers one does the chore. Whoever dies in it
loses the turn after a lease, and the chore is done again: so each chore must bear being done twice.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from requests_app import outages
from requests_app.audit.actor import Actor
from requests_app.models import Heartbeat
from requests_app.upkeep import (
    audit_checkpoints,
    audit_witnesses,
    deadlines,
    evidence,
    form_drafts,
    imports,
    left_pages,
    orphaned_files,
    post,
    reminders,
    retention,
    settings_watch,
)

logger = logging.getLogger("portal.upkeep")

# As long as one chore may take; after it another worker may take the turn.
LEASE = timedelta(minutes=5)
# After a chore that failed.
AGAIN = timedelta(minutes=1)
_NEVER = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Chore:
    """Something to do now and then. `run` gets who acts and the database's time, and does a bounded piece of it."""

    name: str
    every: timedelta
    run: Callable[[Actor, datetime], object]


CHORES: tuple[Chore, ...] = (
    Chore("reminders", timedelta(minutes=5), reminders.remind),
    Chore("retention", timedelta(hours=1), retention.erase_what_is_due),
    Chore("orphaned files", timedelta(hours=1), orphaned_files.run),
    Chore("evidence", timedelta(minutes=5), evidence.remove_decided),
    Chore("deadlines", timedelta(hours=1), deadlines.recompute),
    Chore("audit checkpoint", timedelta(minutes=5), audit_checkpoints.run),
    Chore("audit witnesses", timedelta(minutes=1), audit_witnesses.run),
    Chore("imports", timedelta(minutes=1), imports.run),
    Chore("form drafts", timedelta(hours=1), form_drafts.run),
    Chore("left pages", timedelta(minutes=15), left_pages.run),
    Chore("settings", timedelta(minutes=5), settings_watch.run),
    Chore("post", timedelta(seconds=30), post.send_due),
)


def run_due(
    *,
    actor: Actor,
    now: Callable[[], datetime],
    budget_seconds: float = 30.0,
    chores: Sequence[Chore] = CHORES,
) -> list[str]:
    """Do every chore that is due and nobody else's; returns the names of those that were done.

    A chore that fails is told to the log and tried again a minute later; it keeps no other from its turn. None is
    begun after the budget (seconds). A database that is locked or away is for the caller to deal with.
    """
    ends = time.monotonic() + budget_seconds
    done = []
    for chore in chores:
        if time.monotonic() >= ends:
            break
        if _take_turn(chore, now()) and _do(chore, actor=actor, now=now):
            done.append(chore.name)
    return done


def _row(chore: Chore) -> str:
    return f"chore {chore.name}"


def _take_turn(chore: Chore, now: datetime) -> bool:
    """Whether the chore is due and this worker is the first to come. The row tells when it is due again."""
    Heartbeat.objects.get_or_create(name=_row(chore), defaults={"beat_at": _NEVER})
    return Heartbeat.objects.filter(name=_row(chore), beat_at__lte=now).update(beat_at=now + LEASE) == 1


def _do(chore: Chore, *, actor: Actor, now: Callable[[], datetime]) -> bool:
    begun = now()
    try:
        chore.run(actor, begun)
    except Exception as error:
        if outages.outage_of(error):
            raise
        # The words of an error may hold what must not be logged: its kind will do.
        logger.error("The chore “%s” failed: %s.", chore.name, type(error).__name__)
        _due_again(chore, now() + AGAIN)
        return False
    _due_again(chore, begun + chore.every)
    return True


def _due_again(chore: Chore, at: datetime) -> None:
    Heartbeat.objects.filter(name=_row(chore)).update(beat_at=at)
