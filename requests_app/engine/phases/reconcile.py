"""Calls whose outcome is unknown: read Stream, record what was seen, then settle.

Gone: the effect is there, though its task id is lost. There, and the same account: the call did nothing and may
be sent again, three times at most, and for a quarter of an hour while Stream answers with 5xx only. There, but
newer: a person must look. A lost answer is never followed by a blind second delete. An export changes nothing, so that
nothing is read for it: it is asked for again, for a quarter of an hour, too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import partial

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from requests_app.audit import log
from requests_app.audit_actions import AuditAction
from requests_app.engine import breaker, claims, parking, unavailable
from requests_app.engine.context import Context
from requests_app.engine.outgoing import Returned
from requests_app.engine.phases.check_before import is_somebody_else
from requests_app.engine.phases.intend import subjects
from requests_app.engine.phases.read_back import chunks
from requests_app.engine.phases.remaining import has_feeds_data, removes_all
from requests_app.engine.timing import SETTLE, backoff
from requests_app.enums import CLOSED_STATES, EXPORT_OPERATIONS, AttemptOutcome, Operation, Outcome
from requests_app.models import Attempt, Step, StreamApp
from requests_app.steps import write
from requests_app.steps.lifecycle import StepEvent
from requests_app.steps.write import Change
from requests_app.stream.client import StreamClient
from requests_app.stream.errors import StreamError
from requests_app.stream.wire import RemoteUser
from requests_app.workflow import erased
from requests_app.workflow import plan as plans

_TICKET_ENDED = "The ticket ended before it was known what became of this call, so it was not sent again."


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
    if not steps:
        return 0
    with transaction.atomic():
        settled = {"next_at": now + SETTLE}
        written = write.write_held([Change(step, StepEvent.ABANDONED, settled) for step in steps], now=now)
        Attempt.objects.filter(steps__in=written, outcome=AttemptOutcome.OPEN.value).update(
            outcome=AttemptOutcome.UNKNOWN.value,
            answered_at=now,
            detail="The worker stopped before an answer was written down.",
        )
    context.touched.update(step.ticket_id for step in steps)
    return len(steps)


def reconcile_due(context: Context) -> int:
    """Read Stream for every unknown step that is due; returns how many were taken up."""
    steps = claims.claim_unknown(now=context.now(), closed_apps=context.agenda.closed)
    parking.each(partial(_take_up, context=context), steps, context.park)
    return len(steps)


def _take_up(steps: Sequence[Step], context: Context) -> None:
    unfit = breaker.unfit((step.ticket.stream_app for step in steps), context)
    now = context.now()
    left_alone = [step for step in steps if step.ticket.stream_app_id in unfit]
    later = [Change(step, StepEvent.POSTPONED, {"next_at": now + backoff(3)}) for step in left_alone]
    write.write_held_now(later, now=now)
    for app, part in chunks([step for step in steps if step.ticket.stream_app_id not in unfit]):
        read = partial(_read_all, context.client(app), part)
        context.calls.add(app.pk, read, part, _apply_comparisons, first=True)


def _apply_comparisons(returned: Sequence[Returned[list[Step], dict[int, Seen]]], context: Context) -> None:
    """Settle the steps that were read; those that could not be read wait."""
    now = context.now()
    by_app: dict[StreamApp, list[object]] = defaultdict(list)
    read: list[tuple[Step, Seen]] = []
    for steps, reply in returned:
        if any(step.operation not in EXPORT_OPERATIONS for step in steps):
            # What asked Stream nothing is no answer of the app.
            by_app[steps[0].ticket.stream_app].append(reply)
        context.touched.update(step.ticket_id for step in steps)
        if isinstance(reply, StreamError):
            pauses = {setbacks: now + backoff(setbacks) for setbacks in {step.setbacks for step in steps}}
            unread = [Change(step, StepEvent.SET_BACK, {"next_at": pauses[step.setbacks]}) for step in steps]
            write.write_held_now(unread, now=now)
        else:
            read += [(step, reply[step.pk]) for step in steps]
    for app, replies in by_app.items():
        breaker.note(app, replies, now=now, troubled=context.agenda.troubled)
    if read:
        _settle(read, context, now=now)


def _read_all(client: StreamClient, steps: Sequence[Step]) -> dict[int, Seen]:
    """What Stream shows, by step. Runs in a thread; the deletes of users among the steps share one read."""
    asked = [step for step in steps if step.operation == Operation.DELETE_USERS]
    shown: dict[str, RemoteUser] = {}
    if asked:
        users = client.query_users(sorted({step.user_ids[0] for step in asked}))
        shown = {user.id: user for user in users if user.deleted_at is None}
    return {step.pk: _read(client, step, shown) for step in steps}


def _never_seen(step: Step) -> bool:
    """Nobody saw the user before the call, hidden as it was or forgotten with a restored database: absence says
    nothing about what the call did.
    """
    unseen = step.account is not None and step.account.remote_created_at is None
    return unseen and (step.ticket.send_if_absent or step.attempt_count == 0)


def _read(client: StreamClient, step: Step, shown: Mapping[str, RemoteUser]) -> Seen:
    user_id = step.user_ids[0]
    match Operation(step.operation):
        case Operation.DELETE_USERS:
            return _read_user(shown.get(user_id), step)
        case Operation.DELETE_FEEDS_DATA:
            # Where no attempt is known, nothing left may also mean that there never was anything.
            left = step.attempt_count == 0 or has_feeds_data(client, user_id, also_hidden=removes_all(step))
            return Seen.NO_EFFECT if left else Seen.EFFECT
        case Operation.RESTORE_USERS:
            back = any(user.deleted_at is None for user in client.query_users([user_id]))
            return Seen.EFFECT if back else Seen.NO_EFFECT
    return Seen.NO_EFFECT


def _read_user(user: RemoteUser | None, step: Step) -> Seen:
    if user is None:
        return Seen.NOT_READABLE if _never_seen(step) else Seen.EFFECT
    return Seen.SOMEBODY_ELSE if is_somebody_else(step, user) else Seen.NO_EFFECT


def _settle(read: Sequence[tuple[Step, Seen]], context: Context, *, now: datetime) -> None:
    with transaction.atomic():
        waiting = unavailable.still_waited_for((step for step, _ in read), now=now)
        over = _of_ended_tickets(step for step, seen in read if seen is Seen.NO_EFFECT)
        changes = [_change(step, seen, now=now, waits=step.pk in waiting, over=step.pk in over) for step, seen in read]
        written = write.write_held(changes, now=now)
        log.record_all(
            [
                _record(step, seen, change.following.value, context, now=now)
                for (step, seen), change in zip(read, changes, strict=True)
                if step.pk in written
            ]
        )


def _of_ended_tickets(steps: Iterable[Step]) -> set[int]:
    """Those among the steps that nobody waits for any more: their ticket is closed, or its users are being restored."""
    restores = Step.objects.filter(ticket=OuterRef("ticket"), operation=Operation.RESTORE_USERS.value)
    being_restored = ~Q(operation=Operation.RESTORE_USERS.value) & Exists(restores)
    closed = Q(ticket__state__in=[state.value for state in CLOSED_STATES])
    asked = Step.objects.filter(pk__in=[step.pk for step in steps])
    return set(asked.filter(closed | being_restored).values_list("pk", flat=True))


def _change(step: Step, seen: Seen, *, now: datetime, waits: bool = False, over: bool = False) -> Change:
    """What the look makes of the step.

    `waits` says that Stream only did not answer, and not for long yet; `over` that its ticket ended meanwhile.
    """
    if seen is Seen.EFFECT:
        carried_out = {"outcome": _effect(step).value, "detail": _effect_in_words(step)}
        return Change(step, StepEvent.EFFECT_SEEN, carried_out)
    if over:
        return Change(step, StepEvent.LEFT_TO_A_PERSON, {"detail": _TICKET_ENDED})
    if seen is Seen.NO_EFFECT and not unavailable.worn_out(step):
        return Change(step, StepEvent.NO_EFFECT_SEEN)
    if seen is Seen.NO_EFFECT and waits:
        again = now + backoff(step.attempt_count + 2)
        return Change(step, StepEvent.NO_EFFECT_WHILE_UNAVAILABLE, {"next_at": again})
    return Change(step, StepEvent.LEFT_TO_A_PERSON, {"detail": _for_a_person(step, seen)})


def _record(step: Step, seen: Seen, then: str, context: Context, *, now: datetime) -> log.Record:
    return log.Record(
        action=AuditAction.CALL_RECONCILED,
        actor=context.actor,
        now=now,
        ticket_id=step.ticket_id,
        subjects=subjects(step),
        facts={
            "step": step.pk,
            "operation": step.operation,
            "seen": seen.value,
            "then": then,
            "attempts": step.attempt_count,
        },
    )


def _effect(step: Step) -> Outcome:
    if step.operation == Operation.RESTORE_USERS:
        return Outcome.RESTORED
    return erased.of_step(plans.from_json(step.ticket.plan), Operation(step.operation))


def _effect_in_words(step: Step) -> str:
    """What was seen, and no more than that."""
    if step.stream_task_id is not None:
        silent = "Stream does not tell how the task of this call ended"
    else:
        silent = "Stream gave no answer, so the task id is not known"
    if step.operation == Operation.DELETE_FEEDS_DATA:
        return f"{silent}; its feeds show nothing of this user."
    if step.operation == Operation.DELETE_USERS:
        return f"{silent}; the user is not shown any more, which the call alone brings about."
    return f"{silent}; its effect was seen on Stream."


def _for_a_person(step: Step, seen: Seen) -> str:
    if seen is Seen.SOMEBODY_ELSE:
        return "Stream shows a newer account with this id. Nothing more was sent. Check who it belongs to."
    if seen is Seen.NOT_READABLE and step.attempt_count == 0:
        return (
            "The database was restored, and Stream shows nobody by this id: perhaps erased since the backup. "
            "Retry to record that nothing is found, or give up."
        )
    if seen is Seen.NOT_READABLE:
        return "Stream gave no answer, and reading cannot tell whether a hidden user was deleted. Look on Stream."
    tries = f"{step.attempt_count} times" if step.attempt_count != 1 else "once"
    what = "asked for" if step.operation in EXPORT_OPERATIONS else "sent"
    return f"This was {what} {tries} without an answer and without an effect on Stream. Retry or give up."
