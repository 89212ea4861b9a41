"""After a delete: what does Stream still show for this user? After a restore: does it show the user again?

The first look decides whether the step stands; Stream may need a moment, so it is repeated a few times. A second
look a day later finds what came back. Each look is evidence on the step and an entry in the log.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction

from requests_app.audit import log
from requests_app.audit.chain import timestamp
from requests_app.audit_actions import AuditAction
from requests_app.engine import breaker, budgets, claims, parking
from requests_app.engine.batching.waiting import MAX_DELETES
from requests_app.engine.context import Context
from requests_app.engine.outgoing import Returned
from requests_app.engine.phases import remaining
from requests_app.engine.phases.intend import subjects
from requests_app.engine.phases.remaining import Evidence
from requests_app.engine.timing import LOOKS, SECOND_LOOK, STRANDED, UNAVAILABLE, backoff
from requests_app.enums import Operation
from requests_app.models import Step, StreamApp
from requests_app.steps import write
from requests_app.steps.lifecycle import StepEvent
from requests_app.steps.write import Change
from requests_app.stream.errors import RateLimited, StreamError

# Each of these takes some calls, one after the other, in a thread whose lease must outlast them.
LOOKS_TOGETHER = 2
_STILL_THERE = "Stream still shows data of the user that this delete was to remove. Retry, or look on Stream."
_NOT_BACK = "Stream reported the user as restored, but does not show them. Retry, or look on Stream."
# A look that is to be repeated soon.
_NO_EVIDENCE_YET = frozenset({StepEvent.LOOK_REPEATED, StepEvent.LOOK_SET_BACK, StepEvent.LOOK_POSTPONED})


def read_back_due(context: Context) -> int:
    """Look at every finished delete that is due; returns how many were taken up."""
    steps = claims.claim_to_look_at(now=context.now(), closed_apps=context.agenda.closed)
    parking.each(partial(_take_up, context=context), steps, context.park)
    return len(steps)


def _take_up(steps: Sequence[Step], context: Context) -> None:
    unfit = breaker.unfit((step.ticket.stream_app for step in steps), context)
    now = context.now()
    left_alone = [step for step in steps if step.ticket.stream_app_id in unfit]
    later = [Change(step, StepEvent.LOOK_POSTPONED, {"look_again_at": now + backoff(5)}) for step in left_alone]
    write.write_held_now(later, now=now)
    fit = [step for step in steps if step.ticket.stream_app_id not in unfit]
    for app, part in chunks(fit, together=LOOKS_TOGETHER):
        look = partial(remaining.look, context.client(app), part)
        context.calls.add(app.pk, look, part, _apply_looks, first=True)


def chunks(steps: Sequence[Step], *, together: int = MAX_DELETES) -> list[tuple[StreamApp, list[Step]]]:
    """Steps that are read in one go: so many deletes of users of one app at most, all others alone."""
    users: dict[StreamApp, list[Step]] = defaultdict(list)
    made = []
    for step in steps:
        if step.operation == Operation.DELETE_USERS:
            users[step.ticket.stream_app].append(step)
        else:
            made.append((step.ticket.stream_app, [step]))
    for app, own in users.items():
        made += [(app, own[start : start + together]) for start in range(0, len(own), together)]
    return made


def _apply_looks(returned: Sequence[Returned[list[Step], dict[int, Evidence]]], context: Context) -> None:
    """Write down what was seen, and what it makes of the steps."""
    now = context.now()
    by_app: dict[StreamApp, list[object]] = defaultdict(list)
    changes: list[Change] = []
    for steps, reply in returned:
        by_app[steps[0].ticket.stream_app].append(reply)
        for step in steps:
            context.touched.add(step.ticket_id)
            if isinstance(reply, StreamError):
                changes.append(_unread(step, reply, now=now))
            else:
                changes.append(_meaning(step, reply[step.pk], now=now))
    for app, replies in by_app.items():
        breaker.note(app, replies, now=now, troubled=context.agenda.troubled)
        budgets.block_refused(app, replies, now=now)
    with transaction.atomic():
        written = write.write_held(changes, now=now)
        told = [one for one in changes if one.step.pk in written and one.event not in _NO_EVIDENCE_YET]
        log.record_all([_record(one.step, one.given["evidence"], context, now=now) for one in told])


def _tries(step: Step) -> int:
    return int(step.evidence.get("tries", 0)) + 1


def _unread(step: Step, error: StreamError, *, now: datetime) -> Change:
    """Stream could not be read: try again, and after a quarter of an hour go on without evidence and say so.

    Such a try is a setback, not one of the looks that saw something.
    A spent budget tells nothing about Stream, so it is waited for and is no try, for a day. What the last look saw
    stands.
    """
    since = step.finished_at or now
    if isinstance(error, RateLimited) and now - since < STRANDED:
        pause = max(timedelta(seconds=error.retry_after), backoff(1))
        return Change(step, StepEvent.LOOK_POSTPONED, {"look_again_at": now + pause})
    if step.read_back_at or step.finished_at is None or now - step.finished_at < UNAVAILABLE:
        return Change(step, StepEvent.LOOK_SET_BACK, {"look_again_at": now + backoff(step.setbacks + 2)})
    if "user" in step.evidence:
        return _failed(step, {name: value for name, value in step.evidence.items() if name != "tries"})
    evidence = {"unreadable": True, "looked_at": timestamp(now)}
    return Change(step, StepEvent.UNREADABLE, {"evidence": evidence, "look_again_at": now + SECOND_LOOK})


def _repeated(step: Step, evidence: Evidence, *, tries: int, at: datetime) -> Change:
    """Another look follows, after so many that count."""
    return Change(step, StepEvent.LOOK_REPEATED, {"evidence": {**evidence, "tries": tries}, "look_again_at": at})


def _meaning(step: Step, seen: Evidence, *, now: datetime) -> Change:
    left = remaining.remains(step, seen)
    evidence = {**seen, "looked_at": timestamp(now)}
    if step.read_back_at:
        first = {name: value for name, value in step.evidence.items() if name != "tries"}
        return Change(step, StepEvent.SEEN_AGAIN, {"evidence": {**first, "second": {**evidence, "remains": left}}})
    if not left and step.operation == Operation.RESTORE_USERS:
        # A restored user may go again for any reason: a look a day later would say nothing about this step.
        return Change(step, StepEvent.SEEN_BACK, {"evidence": evidence})
    if not left:
        return Change(step, StepEvent.SEEN_GONE, {"evidence": evidence, "look_again_at": now + SECOND_LOOK})
    tries = _tries(step)
    if tries < LOOKS:
        return _repeated(step, evidence, tries=tries, at=now + backoff(tries))
    return _failed(step, evidence)


def _failed(step: Step, evidence: Evidence) -> Change:
    """The last look still showed what was to go."""
    detail = _NOT_BACK if step.operation == Operation.RESTORE_USERS else _STILL_THERE
    return Change(step, StepEvent.STILL_THERE, {"evidence": evidence, "detail": detail})


def _record(step: Step, evidence: Evidence, context: Context, *, now: datetime) -> log.Record:
    return log.Record(
        action=AuditAction.READ_BACK,
        actor=context.actor,
        now=now,
        ticket_id=step.ticket_id,
        subjects=subjects(step),
        facts={"step": step.pk, "operation": step.operation, "seen": evidence},
    )
