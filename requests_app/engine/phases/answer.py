"""What an answer of Stream, or its absence, means for the steps of a call.

Accepted: Stream works on it. Rate limited or provably not sent: back, with a pause. Refused for good: a person
looks, and a refused batch is halved until the id that spoils it stands alone. Anything else is unknown and is
never a blind second send: Stream is read first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import BigIntegerField, Case, Value, When

from requests_app.audit import checkpoints, log
from requests_app.audit_actions import AuditAction
from requests_app.engine import breaker, budgets
from requests_app.engine.batching.parcels import Parcel
from requests_app.engine.context import Context
from requests_app.engine.outgoing import Returned
from requests_app.engine.phases import split
from requests_app.engine.phases.intend import subjects
from requests_app.engine.timing import ASK_AGAIN, SETTLE, backoff
from requests_app.enums import DELETE_OPERATIONS, EXPORT_OPERATIONS, AttemptOutcome
from requests_app.models import Attempt, Step, StreamApp, StreamTask
from requests_app.steps import write
from requests_app.steps.lifecycle import StepEvent
from requests_app.steps.rows import update_alike
from requests_app.steps.write import Change
from requests_app.stream.errors import KeyRefused, NotFound, RateLimited, Rejected, StreamError, Unavailable
from requests_app.stream.wire import Accepted


@dataclass(frozen=True)
class Meaning:
    """What the answer makes of the attempt, and what staff reads."""

    outcome: AttemptOutcome
    detail: str
    status: int | None
    retry_at: datetime | None = None


Reply = Accepted | StreamError | None
# A parcel that was sent with its attempt, and what came back.
Sent = Returned[tuple[Parcel, Attempt], Accepted | None]


@dataclass(frozen=True)
class Answered:
    """A call with what came back."""

    parcel: Parcel
    attempt: Attempt
    reply: Reply
    meaning: Meaning

    @property
    def task_key(self) -> tuple[int, str]:
        """App and task id of the Stream task, the latter empty where there is none."""
        return self.parcel.app.pk, self.reply.task_id if isinstance(self.reply, Accepted) else ""

    @property
    def may_have_deleted(self) -> bool:
        """Whether a delete reached Stream, or may have."""
        return self.parcel.operation in DELETE_OPERATIONS and self.meaning.outcome is not AttemptOutcome.NOT_SENT

    def parted_steps(self) -> list[Step]:
        """The refused exports whose accounts are tried in two calls."""
        if self.meaning.outcome is not AttemptOutcome.REFUSED:
            return []
        return [step for step in self.parcel.steps if split.can_be_parted(step)]

    def columns(self, *, now: datetime) -> dict[str, object]:
        """What the attempt's row is to say."""
        return {
            "outcome": self.meaning.outcome.value,
            "answered_at": now,
            "status_code": self.meaning.status,
            "detail": self.meaning.detail[:300],
        }


def write_down(returned: Sequence[Sent], context: Context) -> None:
    """Store answers with their attempts, steps and audit entries, in one transaction."""
    ended = [parcel for (parcel, _), reply in returned if not _is_on_stream(reply)]
    context.touched.update(step.ticket_id for parcel in ended for step in parcel.steps)
    returned = _not_written(returned)
    if not returned:
        return
    now = context.now()
    for (_, attempt), _ in returned:
        attempt.answered_at = now
    answered = [_answered(parcel, attempt, reply, now=now) for (parcel, attempt), reply in returned]
    _note_health(answered, context, now=now)
    with transaction.atomic():
        opened = Attempt.objects.filter(outcome=AttemptOutcome.OPEN.value)
        update_alike(opened, [(one.attempt.pk, one.columns(now=now)) for one in answered])
        task_of = _task_of_each(answered, _stream_tasks(answered, now=now))
        changes = [_change(step, one, task_of) for one in answered for step in one.parcel.steps]
        written = write.write_held(changes, now=now)
        split.add_second_halves(
            [step for one in answered for step in one.parted_steps() if step.pk in written], now=now
        )
        log.record_all([_record(step, one, context, now=now) for one in answered for step in one.parcel.steps])
        if any(one.may_have_deleted for one in answered):
            checkpoints.make_after_commit(actor=context.actor, now=now)


def _is_on_stream(reply: Reply) -> bool:
    """Whether Stream works on the call now: while it does, no ticket moves."""
    return isinstance(reply, Accepted) and bool(reply.task_id)


def _not_written(returned: Sequence[Sent]) -> Sequence[Sent]:
    """Leave out what an earlier try has written: committed, though the connection broke before it said so."""
    tried = {attempt.pk: attempt.answered_at for (_, attempt), _ in returned if attempt.answered_at}
    if not tried:
        return returned
    rows = Attempt.objects.filter(pk__in=tried).values_list("pk", "answered_at")
    written = {pk for pk, answered_at in rows if answered_at == tried[pk]}
    return [one for one in returned if one.subject[1].pk not in written]


def _answered(parcel: Parcel, attempt: Attempt, reply: Reply, *, now: datetime) -> Answered:
    return Answered(parcel, attempt, reply, _meaning(parcel, reply, now=now))


def _note_health(answered: Sequence[Answered], context: Context, *, now: datetime) -> None:
    by_app: dict[StreamApp, list[Reply]] = defaultdict(list)
    for one in answered:
        by_app[one.parcel.app].append(one.reply)
    for app, replies in by_app.items():
        breaker.note(app, replies, now=now, troubled=context.agenda.troubled)


def _meaning(parcel: Parcel, reply: Reply, *, now: datetime) -> Meaning:
    if not isinstance(reply, StreamError):
        return Meaning(AttemptOutcome.ACCEPTED, "", None)
    detail = str(reply)
    match reply:
        case RateLimited():
            until = budgets.block(parcel.app, parcel.endpoint, now=now, seconds=reply.retry_after)
            return Meaning(AttemptOutcome.NOT_SENT, detail, reply.status, until)
        case Unavailable() | KeyRefused():
            pause = backoff(max(step.setbacks for step in parcel.steps))
            return Meaning(AttemptOutcome.NOT_SENT, detail, reply.status, now + pause)
        case NotFound() if parcel.operation not in EXPORT_OPERATIONS and len(parcel.steps) == 1:
            return Meaning(AttemptOutcome.UNKNOWN, detail, reply.status, now)
        case Rejected():
            return Meaning(AttemptOutcome.REFUSED, detail, reply.status)
    settle = ASK_AGAIN if parcel.operation in EXPORT_OPERATIONS else SETTLE
    return Meaning(AttemptOutcome.UNKNOWN, detail, reply.status, now + settle)


def _stream_tasks(answered: Sequence[Answered], *, now: datetime) -> dict[tuple[int, str], StreamTask]:
    """The rows of the tasks that Stream named, by app and task id."""
    keys = {one.task_key: one for one in answered if one.task_key[1]}
    if not keys:
        return {}
    rows = StreamTask.objects.bulk_create(
        (
            StreamTask(
                stream_app=one.parcel.app,
                task_id=task_id,
                operation=one.parcel.operation.value,
                accepted_at=now,
                next_poll_at=now,
            )
            for (_, task_id), one in sorted(keys.items(), key=lambda item: item[0])
        ),
        # A row that is there already is left as it is, and its key is read in the same query.
        update_conflicts=True,
        unique_fields=["stream_app", "task_id"],
        update_fields=["task_id"],
    )
    return {(row.stream_app_id, row.task_id): row for row in rows}


def _task_of_each(answered: Sequence[Answered], tasks: Mapping[tuple[int, str], StreamTask]) -> Case:
    """The Stream task of each accepted step, as one expression: so that all of them change in one query."""
    own = [(one.parcel.steps, tasks[one.task_key].pk) for one in answered if one.task_key in tasks]
    return Case(
        *(When(pk__in=[step.pk for step in steps], then=Value(task_id)) for steps, task_id in own),
        output_field=BigIntegerField(),
    )


def _change(step: Step, one: Answered, task_of: Case) -> Change:
    """What this answer means for a step."""
    detail = {"detail": one.meaning.detail[:500]}
    match one.meaning.outcome:
        case AttemptOutcome.ACCEPTED if one.task_key[1]:
            return Change(step, StepEvent.ACCEPTED, {"stream_task": task_of})
        case AttemptOutcome.ACCEPTED:
            return Change(step, StepEvent.ACCEPTED_WITHOUT_TASK)
        case AttemptOutcome.NOT_SENT:
            return Change(step, StepEvent.NOT_SENT, {"next_at": one.meaning.retry_at, **detail})
        case AttemptOutcome.UNKNOWN:
            return Change(step, StepEvent.UNANSWERED, {"next_at": one.meaning.retry_at, **detail})
    together = len(one.parcel.steps)
    if together > 1:
        return Change(step, StepEvent.REFUSED_IN_COMPANY, {"batch_cap": together // 2, **detail})
    if split.can_be_parted(step):
        return split.first_half(step)
    if isinstance(one.reply, NotFound) and one.parcel.operation in EXPORT_OPERATIONS:
        return Change(step, StepEvent.REFUSED_AS_NOBODY, {"detail": "Stream knows nobody by this id."})
    return Change(step, StepEvent.REFUSED, detail)


def _record(step: Step, one: Answered, context: Context, *, now: datetime) -> log.Record:
    return log.Record(
        action=AuditAction.CALL_ANSWERED,
        actor=context.actor,
        now=now,
        ticket_id=step.ticket_id,
        subjects=subjects(step),
        facts={
            "step": step.pk,
            "attempt": one.attempt.pk,
            "operation": one.parcel.operation.value,
            "outcome": one.meaning.outcome.value,
            "status": one.meaning.status,
            "task_id": one.task_key[1],
        },
    )
