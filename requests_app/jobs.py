"""What Django-Q calls. Each job takes one integer and is worth nothing more than the time it saves.

The minute's schedule keeps sweeping; the doorbell starts a sweep at once after an approval. Both end well below
the queue's time-out. While something young is left, the sweep that holds the baton calls for another one. A job
that meets a database that is locked or away ends without an error: the next minute's does what is due.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import DatabaseError

from requests_app import outages, queue
from requests_app.engine.context import this_worker
from requests_app.engine.sweep import sweep_once
from requests_app.engine.timing import database_now
from requests_app.ops.baton import held
from requests_app.upkeep import timetable

# Seconds. The queue kills a job after 50; the longest call to Stream ends within 30 of the last pass's start,
# so nothing is begun after the first of these.
BUDGET = 15.0


def sweep(number: int) -> str:
    """The schedule's job."""
    return _sweep(number)


def answer_doorbell(ticket_id: int) -> str:
    """Somebody approved the ticket: look now. The rows say what is to be done, not the number."""
    return _sweep(ticket_id)


def keep_up(number: int) -> str:
    """The schedule's other job: what is to be done by the clock. Its number means nothing."""
    return _unless_away(
        lambda: ", ".join(timetable.run_due(actor=this_worker(), now=database_now, budget_seconds=BUDGET))
    )


def sing(number: int) -> int:
    """The canary's job: that it ends, and is acknowledged, tells that the cluster lives."""
    return number


def _sweep(number: int) -> str:
    return _unless_away(lambda: _swept(number))


def _swept(number: int) -> str:
    with held() as mine:
        swept = sweep_once(budget_seconds=BUDGET, wait=mine)
    if mine and swept.more_soon:
        queue.ring(number)
    return str(swept)


def _unless_away(work: Callable[[], str]) -> str:
    """What the work says, or what keeps the database from answering; the log is told once for each outage."""
    try:
        done = work()
    except DatabaseError as error:
        outage = outages.outage_of(error)
        if outage is None:
            raise
        outages.LOG.met(error)
        return f"The database {outage.value}."
    outages.LOG.over()
    return done
