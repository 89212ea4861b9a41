"""What the portal asks of Django-Q: a doorbell and a metronome, never the queue of record.

A job carries one integer and names its function by path, so that nothing of a person ever travels in it.
On the ORM broker the job joins the transaction of its caller: what is rolled back rings nowhere. On Redis
it is sent once the transaction is durable.
"""

from __future__ import annotations

import ast
from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import transaction
from django_q.models import OrmQ, Schedule, Task
from django_q.tasks import async_task

SWEEP_JOB = "requests_app.jobs.sweep"
UPKEEP_JOB = "requests_app.jobs.keep_up"
# Each rung once a minute.
SCHEDULES = {"portal sweep": SWEEP_JOB, "portal upkeep": UPKEEP_JOB}
DOORBELL_JOB = "requests_app.jobs.answer_doorbell"
CANARY_JOB = "requests_app.jobs.sing"
# Of jobs that wait in the database, so many are looked through for one.
LOOKED_THROUGH = 1_000


def ring(ticket_id: int) -> None:
    """Wake a worker now. A lost or doubled ring costs nothing but time: the sweep finds the ticket anyway."""
    if "orm" in settings.Q_CLUSTER:
        _send(DOORBELL_JOB, ticket_id)
    else:
        transaction.on_commit(partial(_send, DOORBELL_JOB, ticket_id), robust=True)


def _send(job: str, number: int) -> None:
    async_task(job, number, save=False)


def keep_schedules() -> None:
    """Make sure that the two schedules exist: a sweep and the upkeep each minute, none to catch up after an outage."""
    for name, job in SCHEDULES.items():
        Schedule.objects.update_or_create(
            name=name,
            defaults={"func": job, "schedule_type": Schedule.MINUTES, "minutes": 1, "repeats": -1, "args": "(0,)"},
        )


def ring_canary(number: int) -> str:
    """Send the job that proves the cluster alive; returns its id. Its result is kept: only a live monitor stores it."""
    return str(async_task(CANARY_JOB, number, save=True))


def acknowledged(job_id: str) -> bool:
    """Whether the job went all the way: carried out, its result stored, and gone from the broker.

    A cluster whose monitor is dead carries jobs out again and again and acknowledges none.
    """
    if not Task.objects.filter(pk=job_id, success=True).exists():
        return False
    if "orm" not in settings.Q_CLUSTER:
        return True
    return all(job.task_id() != job_id for job in OrmQ.objects.order_by("-pk")[:LOOKED_THROUGH])


def forget_results(before: datetime) -> int:
    """Throw away stored results that ended before then: failures hold tracebacks, and nobody reads them here."""
    return int(Task.objects.filter(stopped__lt=before).delete()[0])


def unreadable_schedules() -> list[str]:
    """The names of schedules whose arguments cannot be read: one of them keeps all schedules from running."""
    broken = []
    for schedule in Schedule.objects.all():
        try:
            ast.literal_eval(schedule.args or "()")
            ast.literal_eval(schedule.kwargs or "{}")
        except (ValueError, SyntaxError):
            broken.append(str(schedule.name or schedule.pk))
    return broken
