"""The only file that knows Django-Q: a doorbell and a metronome, never the queue of record.

A job carries one integer and names its function by path, so that nothing of a person ever travels in it.
On the ORM broker the job joins the transaction of its caller: what is rolled back rings nowhere. On Redis
it is sent once the transaction is durable.
"""

from __future__ import annotations

from functools import partial

from django.conf import settings
from django.db import transaction
from django_q.models import Schedule
from django_q.tasks import async_task

SWEEP_SCHEDULE = "portal sweep"
SWEEP_JOB = "requests_app.jobs.sweep"
DOORBELL_JOB = "requests_app.jobs.answer_doorbell"


def ring(ticket_id: int) -> None:
    """Wake a worker now. A lost or doubled ring costs nothing but time: the sweep finds the ticket anyway."""
    if "orm" in settings.Q_CLUSTER:
        _send(DOORBELL_JOB, ticket_id)
    else:
        transaction.on_commit(partial(_send, DOORBELL_JOB, ticket_id), robust=True)


def _send(job: str, number: int) -> None:
    async_task(job, number, save=False)


def keep_sweeping() -> None:
    """Make sure that the one schedule exists: a sweep each minute, none to catch up after an outage."""
    Schedule.objects.update_or_create(
        name=SWEEP_SCHEDULE,
        defaults={"func": SWEEP_JOB, "schedule_type": Schedule.MINUTES, "minutes": 1, "repeats": -1, "args": "(0,)"},
    )
