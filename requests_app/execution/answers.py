"""What an answer of Stream, or its absence, means for the steps of a call.

Accepted: Stream works on it. Rate limited or provably not sent: back, with a pause. Refused for good: a person
looks, and a refused batch is halved until the id that spoils it stands alone. Anything else is unknown and is
never a blind second send: Stream is read first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from requests_app.audit import log
from requests_app.enums import EXPORT_OPERATIONS, AttemptOutcome, AuditAction, Outcome, StepState
from requests_app.execution import budgets, claims, health
from requests_app.execution.batching import Parcel
from requests_app.execution.context import Context
from requests_app.execution.timing import ASK_AGAIN, SETTLE, backoff
from requests_app.models import Attempt, Step, StreamTask
from requests_app.stream.errors import KeyRefused, NotFound, RateLimited, Rejected, StreamError, Unavailable
from requests_app.stream.wire import Accepted


@dataclass(frozen=True)
class Meaning:
    """What the answer makes of the attempt, and what staff reads."""

    outcome: AttemptOutcome
    detail: str
    status: int | None
    retry_at: datetime | None = None


def write_down(parcel: Parcel, attempt: Attempt, reply: Accepted | StreamError | None, context: Context) -> None:
    """Store the answer with the attempt, the steps and the audit log, in one transaction."""
    now = context.now()
    meaning = _meaning(parcel, reply, now=now)
    if (isinstance(reply, StreamError) and not isinstance(reply, Rejected | RateLimited)) or isinstance(
        reply, KeyRefused
    ):
        health.note_failure(parcel.app, reply, now=now)
    else:
        health.note_success(parcel.app, now=now)
    with transaction.atomic():
        Attempt.objects.filter(pk=attempt.pk, outcome=AttemptOutcome.OPEN.value).update(
            outcome=meaning.outcome.value, answered_at=now, status_code=meaning.status, detail=meaning.detail[:300]
        )
        task = _stream_task(parcel, reply, now=now) if isinstance(reply, Accepted) else None
        for step in parcel.steps:
            claims.write(step, **_columns(step, parcel, meaning, task, reply, now=now))
        for step in parcel.steps:
            _record(step, parcel, attempt, meaning, task, context, now=now)


def _meaning(parcel: Parcel, reply: Accepted | StreamError | None, *, now: datetime) -> Meaning:
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


def _stream_task(parcel: Parcel, reply: Accepted, *, now: datetime) -> StreamTask:
    task, _ = StreamTask.objects.get_or_create(
        stream_app=parcel.app,
        task_id=reply.task_id,
        defaults={"operation": parcel.operation.value, "accepted_at": now, "next_poll_at": now},
    )
    return task


def _columns(
    step: Step,
    parcel: Parcel,
    meaning: Meaning,
    task: StreamTask | None,
    reply: Accepted | StreamError | None,
    *,
    now: datetime,
) -> dict[str, object]:
    """The columns of a step after this answer."""
    if meaning.outcome is AttemptOutcome.ACCEPTED:
        if task is None:
            return _finished(StepState.DONE, Outcome.RESTORED, "", now=now) | {"sent_at": now, "setbacks": 0}
        running = {"state": StepState.ON_STREAM.value, "stream_task": task, "next_at": None}
        return {**running, "sent_at": now, "setbacks": 0, "detail": ""}
    if meaning.outcome is AttemptOutcome.NOT_SENT:
        return {
            "state": StepState.PLANNED.value,
            "next_at": meaning.retry_at,
            "attempt_count": step.attempt_count - 1,
            "setbacks": step.setbacks + 1,
            "detail": meaning.detail[:500],
        }
    if meaning.outcome is AttemptOutcome.UNKNOWN:
        return {"state": StepState.UNKNOWN.value, "next_at": meaning.retry_at, "detail": meaning.detail[:500]}
    if len(parcel.steps) > 1:
        half = {"batch_cap": len(parcel.steps) // 2, "attempt_count": step.attempt_count - 1}
        return {**half, "state": StepState.PLANNED.value, "next_at": now, "detail": meaning.detail[:500]}
    if isinstance(reply, NotFound) and parcel.operation in EXPORT_OPERATIONS:
        return _finished(StepState.DONE, Outcome.NOTHING_FOUND, "Stream knows nobody by this id.", now=now)
    return _finished(StepState.FAILED, Outcome.REFUSED_BY_STREAM, meaning.detail, now=now)


def _finished(state: StepState, outcome: Outcome, detail: str, *, now: datetime) -> dict[str, object]:
    return {
        "state": state.value,
        "outcome": outcome.value,
        "detail": detail[:500],
        "finished_at": now,
        "next_at": None,
    }


def _record(
    step: Step,
    parcel: Parcel,
    attempt: Attempt,
    meaning: Meaning,
    task: StreamTask | None,
    context: Context,
    *,
    now: datetime,
) -> None:
    log.record(
        AuditAction.CALL_ANSWERED,
        actor=context.actor,
        now=now,
        ticket=step.ticket,
        subjects=[log.subject(parcel.app.pk, user_id) for user_id in step.user_ids],
        facts={
            "step": step.pk,
            "attempt": attempt.pk,
            "operation": parcel.operation.value,
            "outcome": meaning.outcome.value,
            "status": meaning.status,
            "task_id": task.task_id if task else "",
        },
    )
