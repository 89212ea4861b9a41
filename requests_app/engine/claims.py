"""Taking due rows under a lease, so that two workers never hold the same one.

A claim raises the row's lease token. Whoever writes an answer names the token it claimed with; where
another worker has claimed the row since, nothing is written (fencing). `SKIP LOCKED` on PostgreSQL, the
immediate transaction on SQLite. Rows are claimed and written by the hundred, in a few queries. Steps are written by
`steps/write.py`, Stream tasks here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TypeVar

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from requests_app.engine.timing import LEASE
from requests_app.enums import AttemptOutcome, State, StepState
from requests_app.models import Attempt, Step, StreamTask
from requests_app.steps import order
from requests_app.steps.rows import Columns, update_alike

AT_ONCE = 200
Row = TypeVar("Row", Step, StreamTask)


def _free(now: datetime) -> Q:
    return Q(lease_until__isnull=True) | Q(lease_until__lt=now)


def _hold(rows: QuerySet[Row], *, now: datetime, limit: int) -> list[Row]:
    """Raise the token of up to `limit` rows and lease them; returns them as they stand now."""
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True, of=("self",))
    until = now + LEASE
    with transaction.atomic():
        held = list(rows[:limit])
        if not held:
            return []
        ids = [row.pk for row in held]
        rows.model._default_manager.filter(pk__in=ids).update(lease_token=F("lease_token") + 1, lease_until=until)
    for row in held:
        # Nobody came between: the rows are locked.
        row.lease_token, row.lease_until = row.lease_token + 1, until
    return held


def _hold_steps(steps: QuerySet[Step], *, now: datetime, limit: int) -> list[Step]:
    """Claim steps, with all that whoever works on them asks of them."""
    accepted = Attempt.objects.filter(steps=OuterRef("pk"), outcome=AttemptOutcome.ACCEPTED.value)
    wanted = steps.annotate(accepted_before=Exists(accepted)).select_related("ticket__stream_app", "account")
    return _hold(wanted, now=now, limit=limit)


def due_to_send(now: datetime) -> QuerySet[Step]:
    """Planned steps that are due and that nobody holds, of running tickets, with every lower rank done."""
    return planned_until(now).filter(_free(now))


def planned_until(moment: datetime) -> QuerySet[Step]:
    """The same, held or not, due until the moment."""
    planned = Step.objects.filter(state=StepState.PLANNED.value, next_at__lte=moment)
    return planned.filter(order.in_turn(), ticket__state=State.RUNNING.value)


def due_to_reconcile(now: datetime) -> QuerySet[Step]:
    """Steps whose call stayed unanswered, once they have settled."""
    return Step.objects.filter(_free(now), state=StepState.UNKNOWN.value, next_at__lte=now)


def abandoned(now: datetime) -> QuerySet[Step]:
    """Steps that were being sent by a worker whose lease ran out: nobody knows what became of the call."""
    return Step.objects.filter(state=StepState.SENDING.value, next_at__isnull=False, lease_until__lt=now)


def due_to_look_at(now: datetime) -> QuerySet[Step]:
    """Finished deletes that are to be read back."""
    return to_look_at_until(now).filter(_free(now))


def to_look_at_until(moment: datetime) -> QuerySet[Step]:
    """The same, held or not, due until the moment."""
    return Step.objects.filter(state=StepState.DONE.value, look_again_at__lte=moment)


def due_to_poll(now: datetime) -> QuerySet[StreamTask]:
    """Stream tasks that are due to be asked about."""
    return StreamTask.objects.filter(_free(now), next_poll_at__lte=now)


def claim_sendable(*, now: datetime, closed_apps: Collection[int] = (), limit: int = AT_ONCE) -> list[Step]:
    """Take steps to send, of apps that may be called."""
    due = due_to_send(now).exclude(ticket__stream_app__in=closed_apps).order_by("next_at", "pk")
    return _hold_steps(due, now=now, limit=limit)


def claim_unknown(*, now: datetime, closed_apps: Collection[int] = (), limit: int = AT_ONCE) -> list[Step]:
    """Take steps to reconcile."""
    due = due_to_reconcile(now).exclude(ticket__stream_app__in=closed_apps).order_by("next_at", "pk")
    return _hold_steps(due, now=now, limit=limit)


def claim_abandoned(*, now: datetime, limit: int = AT_ONCE) -> list[Step]:
    """Take steps over from workers that are no more."""
    return _hold_steps(abandoned(now).order_by("pk"), now=now, limit=limit)


def claim_to_look_at(*, now: datetime, closed_apps: Collection[int] = (), limit: int = AT_ONCE) -> list[Step]:
    """Take deletes to read back."""
    due = due_to_look_at(now).exclude(ticket__stream_app__in=closed_apps).order_by("look_again_at", "pk")
    return _hold_steps(due, now=now, limit=limit)


def claim_stream_tasks(*, now: datetime, closed_apps: Collection[int] = (), limit: int = AT_ONCE) -> list[StreamTask]:
    """Take Stream tasks to ask about."""
    due = due_to_poll(now).exclude(stream_app__in=closed_apps).order_by("next_poll_at", "pk")
    return _hold(due.select_related("stream_app"), now=now, limit=limit)


def write_all(changes: Sequence[tuple[StreamTask, Columns]]) -> set[int]:
    """Write columns of claimed tasks and end their leases; returns the ids of those that were still held.

    Locks and compares the tokens in the caller's transaction, which on PostgreSQL nobody can come between. The token
    is raised: whoever does not know whether the transaction was committed may try again, and writes nothing twice.
    """
    if not changes:
        return set()
    ended = {"lease_until": None, "lease_token": F("lease_token") + 1}
    if len(changes) == 1:
        ((row, new),) = changes
        own = StreamTask.objects.filter(pk=row.pk, lease_token=row.lease_token)
        return {row.pk} if own.update(**{**ended, **new}) else set()
    rows = StreamTask.objects.filter(pk__in={row.pk for row, _ in changes})
    tokens = dict(rows.select_for_update().order_by("pk").values_list("pk", "lease_token"))
    # A worker that was held up may have claimed a task a second time: only its newer claim counts.
    held = [(row, new) for row, new in changes if tokens.get(row.pk) == row.lease_token]
    update_alike(StreamTask.objects.all(), [(row.pk, {**ended, **new}) for row, new in held])
    return {row.pk for row, _ in held}


def write_now(changes: Sequence[tuple[StreamTask, Columns]]) -> set[int]:
    """The same in a transaction of its own; none where there is nothing to write."""
    if not changes:
        return set()
    with transaction.atomic():
        return write_all(changes)
