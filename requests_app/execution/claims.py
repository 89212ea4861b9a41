"""Taking due rows under a lease, so that two workers never hold the same one.

A claim raises the row's lease token. Whoever writes an answer names the token it claimed with; where
another worker has claimed the row since, nothing is written (fencing). `SKIP LOCKED` on PostgreSQL, the
immediate transaction on SQLite.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from requests_app.enums import State, StepState
from requests_app.execution.timing import LEASE
from requests_app.models import Step, StreamTask

AT_ONCE = 200


def _free(now: datetime) -> Q:
    return Q(lease_until__isnull=True) | Q(lease_until__lt=now)


def _hold(rows: QuerySet[Step] | QuerySet[StreamTask], *, now: datetime, limit: int) -> list[int]:
    """Raise the token of up to `limit` rows and lease them; returns their ids. In the caller's transaction."""
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True, of=("self",))
    ids = list(rows.values_list("pk", flat=True)[:limit])
    rows.model._default_manager.filter(pk__in=ids).update(lease_token=F("lease_token") + 1, lease_until=now + LEASE)
    return ids


def _steps(ids: Collection[int]) -> list[Step]:
    return list(
        Step.objects.filter(pk__in=ids)
        .select_related("ticket__stream_app", "account", "stream_task")
        .order_by("next_at", "pk")
    )


def claim_sendable(*, now: datetime, closed_apps: Collection[int], limit: int = AT_ONCE) -> list[Step]:
    """Planned steps that are due, of running tickets, with every lower rank done, of apps that may be called."""
    unfinished_before = Step.objects.filter(ticket=OuterRef("ticket"), rank__lt=OuterRef("rank")).exclude(
        state=StepState.DONE.value
    )
    due = (
        Step.objects.filter(_free(now), state=StepState.PLANNED.value, next_at__lte=now)
        .filter(ticket__state=State.RUNNING.value)
        .exclude(ticket__stream_app__in=closed_apps)
        .filter(~Exists(unfinished_before))
        .order_by("next_at", "pk")
    )
    with transaction.atomic():
        return _steps(_hold(due, now=now, limit=limit))


def claim_unknown(*, now: datetime, limit: int = AT_ONCE) -> list[Step]:
    """Steps whose call stayed unanswered, once they have settled."""
    due = Step.objects.filter(_free(now), state=StepState.UNKNOWN.value, next_at__lte=now).order_by("next_at", "pk")
    with transaction.atomic():
        return _steps(_hold(due, now=now, limit=limit))


def claim_abandoned(*, now: datetime, limit: int = AT_ONCE) -> list[Step]:
    """Steps that were being sent by a worker whose lease ran out: nobody knows what became of the call."""
    due = Step.objects.filter(state=StepState.SENDING.value, lease_until__lt=now).order_by("pk")
    with transaction.atomic():
        return _steps(_hold(due, now=now, limit=limit))


def claim_to_look_at(*, now: datetime, limit: int = AT_ONCE) -> list[Step]:
    """Finished deletes that are to be read back."""
    due = Step.objects.filter(_free(now), look_again_at__lte=now).order_by("look_again_at", "pk")
    with transaction.atomic():
        return _steps(_hold(due, now=now, limit=limit))


def claim_stream_tasks(*, now: datetime, limit: int = AT_ONCE) -> list[StreamTask]:
    """Stream tasks that are due to be asked about."""
    due = StreamTask.objects.filter(_free(now), next_poll_at__lte=now).order_by("next_poll_at", "pk")
    with transaction.atomic():
        ids = _hold(due, now=now, limit=limit)
        return list(StreamTask.objects.filter(pk__in=ids).select_related("stream_app").order_by("next_poll_at", "pk"))


def write(step: Step, **columns: object) -> bool:
    """Write columns of a claimed step and end its lease, unless somebody else holds it by now."""
    written = Step.objects.filter(pk=step.pk, lease_token=step.lease_token).update(lease_until=None, **columns)
    return written == 1


def write_task(task: StreamTask, **columns: object) -> bool:
    """The same for a claimed Stream task."""
    written = StreamTask.objects.filter(pk=task.pk, lease_token=task.lease_token).update(lease_until=None, **columns)
    return written == 1
