"""Calls whose outcome is unknown: read Stream, record what was seen, then settle.

Gone: the effect is there, though its task id is lost. There, and the same account: the call did nothing and may
be sent again, three times at most. There, but newer: a person must look. A lost answer is never followed by a
blind second delete.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from functools import partial

from django.db import transaction

from requests_app.audit import log
from requests_app.enums import EXPORT_OPERATIONS, AuditAction, Operation, Outcome, StepState
from requests_app.execution import claims, health
from requests_app.execution.context import Context
from requests_app.execution.precheck import feeds_left, is_somebody_else
from requests_app.execution.timing import MAX_ATTEMPTS, SETTLE, backoff
from requests_app.models import Attempt, Step
from requests_app.stream.client import StreamClient
from requests_app.stream.errors import ConfigurationError, StreamError
from requests_app.stream.wire import RemoteUser
from requests_app.workflow import outcomes
from requests_app.workflow import plan as plans


class Seen(Enum):
    """What reading Stream says about an unanswered call."""

    EFFECT = "effect"
    NO_EFFECT = "no effect"
    SOMEBODY_ELSE = "somebody else"
    NOT_READABLE = "not readable"


def adopt_abandoned(context: Context) -> int:
    """Steps that a worker left in the middle of a call become unknown; they are read after they settled."""
    now = context.now()
    steps = claims.claim_abandoned(now=now)
    for step in steps:
        context.touched.add(step.ticket_id)
        with transaction.atomic():
            if claims.write(step, state=StepState.UNKNOWN.value, next_at=now + SETTLE):
                Attempt.objects.filter(steps=step, outcome="open").update(
                    outcome="unknown", answered_at=now, detail="The worker stopped before an answer was written down."
                )
    return len(steps)


def reconcile_due(context: Context) -> int:
    """Settle every unknown step that is due; returns how many were looked at."""
    closed = health.closed_apps()
    steps = [step for step in claims.claim_unknown(now=context.now()) if _readable(step, closed, context)]
    for step, seen in zip(steps, context.fetch([_reading(step, context) for step in steps]), strict=True):
        context.touched.add(step.ticket_id)
        if isinstance(seen, StreamError):
            health.note_failure(step.ticket.stream_app, seen, now=context.now())
            claims.write(step, next_at=context.now() + backoff(step.setbacks), setbacks=step.setbacks + 1)
        else:
            _settle(step, seen, context)
    return len(steps)


def _readable(step: Step, closed: set[int], context: Context) -> bool:
    app = step.ticket.stream_app
    if app.pk not in closed:
        try:
            context.client(app)
        except ConfigurationError as error:
            health.note_failure(app, error, now=context.now())
        else:
            return True
    claims.write(step, next_at=context.now() + backoff(3))
    return False


def _reading(step: Step, context: Context) -> partial[Seen]:
    """The look at Stream for one step, ready for a thread."""
    return partial(_read, context.client(step.ticket.stream_app), step)


def _read(client: StreamClient, step: Step) -> Seen:
    user_id = step.user_ids[0]
    match Operation(step.operation):
        case Operation.DELETE_USERS:
            if step.ticket.send_if_absent and step.account and step.account.remote_created_at is None:
                return Seen.NOT_READABLE
            return _read_user(_only(client.query_users([user_id])), step)
        case Operation.DELETE_FEEDS_DATA:
            return Seen.NO_EFFECT if feeds_left(client, user_id) else Seen.EFFECT
        case Operation.RESTORE_USERS:
            return Seen.EFFECT if _only(client.query_users([user_id])) else Seen.NO_EFFECT
    return Seen.NO_EFFECT


def _only(users: Sequence[RemoteUser]) -> RemoteUser | None:
    return next((user for user in users if user.deleted_at is None), None)


def _read_user(user: RemoteUser | None, step: Step) -> Seen:
    if user is None:
        return Seen.EFFECT
    return Seen.SOMEBODY_ELSE if is_somebody_else(step, user) else Seen.NO_EFFECT


def _settle(step: Step, seen: Seen, context: Context) -> None:
    now = context.now()
    columns: dict[str, object]
    if seen is Seen.EFFECT:
        columns = {
            "state": StepState.DONE.value,
            "outcome": _effect(step).value,
            "detail": "Stream gave no answer; its effect was seen on Stream. The task id is not known.",
            "finished_at": now,
            "next_at": None,
            "look_again_at": None if step.operation == Operation.RESTORE_USERS else now,
        }
    elif seen is Seen.NO_EFFECT and step.attempt_count < MAX_ATTEMPTS:
        columns = {"state": StepState.PLANNED.value, "next_at": now}
    else:
        columns = {
            "state": StepState.FAILED.value,
            "outcome": Outcome.FAILED.value,
            "detail": _for_a_person(step, seen),
            "finished_at": now,
            "next_at": None,
        }
    with transaction.atomic():
        if claims.write(step, **columns):
            log.record(
                AuditAction.CALL_RECONCILED,
                actor=context.actor,
                now=now,
                ticket=step.ticket,
                subjects=[log.subject(step.ticket.stream_app_id, user_id) for user_id in step.user_ids],
                facts={
                    "step": step.pk,
                    "operation": step.operation,
                    "seen": seen.value,
                    "then": str(columns["state"]),
                    "attempts": step.attempt_count,
                },
            )


def _effect(step: Step) -> Outcome:
    if step.operation == Operation.RESTORE_USERS:
        return Outcome.RESTORED
    return outcomes.erase_outcome(plans.from_json(step.ticket.plan))


def _for_a_person(step: Step, seen: Seen) -> str:
    if seen is Seen.SOMEBODY_ELSE:
        return "Stream shows a newer account with this id. Nothing more was sent. Check who it belongs to."
    if seen is Seen.NOT_READABLE:
        return "Stream gave no answer, and reading cannot tell whether a hidden user was deleted. Look on Stream."
    tries = f"{step.attempt_count} times" if step.attempt_count != 1 else "once"
    what = "asked for" if step.operation in EXPORT_OPERATIONS else "sent"
    return f"This was {what} {tries} without an answer and without an effect on Stream. Retry or give up."
