"""Sending: look, write down the intent, call, write down the answer.

The intent is committed before the call and the answer after it, and no transaction is open in between. What is
compared again in the transaction of the intent: the ticket is still running under an approval of exactly this
plan, the plan names exactly this call, and the lease is still ours. A call is begun only while the lease outlasts it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from requests_app.engine import breaker, budgets, claims, parking
from requests_app.engine.batching.parcels import Parcel, parcels, send
from requests_app.engine.batching.waiting import MAX_DELETES, key_of
from requests_app.engine.context import Context, HeldUp
from requests_app.engine.outgoing import Returned
from requests_app.engine.phases import answer, check_before, intend
from requests_app.engine.timing import LAST_CALL, LEASE, backoff
from requests_app.models import Step, StreamApp
from requests_app.steps import write
from requests_app.steps.lifecycle import StepEvent
from requests_app.steps.write import Change
from requests_app.stream.errors import StreamError

# Of looks that may take several calls for one user, so many share a thread.
LOOKS_TOGETHER = 20


def send_due(context: Context) -> int:
    """Take up every step that is due and let those go that need not wait for company; returns how many were taken."""
    steps = claims.claim_sendable(now=context.now(), closed_apps=context.agenda.closed | context.agenda.paused)
    moment = context.tick()
    going = context.waiting.add(_of_fit_apps(steps, context), moment=moment)
    for group in context.waiting.take_ready(moment=moment, linger=context.linger):
        going += group
    if going:
        parking.each(partial(_look, context=context), going, context.park)
    return len(steps)


def release_waiting(context: Context) -> None:
    """The sweep ends: whoever waits for company is free for the next one."""
    _put_back(context.waiting.take_all(), context)


def _of_fit_apps(steps: Sequence[Step], context: Context) -> list[Step]:
    """Steps whose app can be called at all; the others wait, with the reason on the app."""
    unfit = breaker.unfit((step.ticket.stream_app for step in steps), context)
    _put_back([step for step in steps if step.ticket.stream_app_id in unfit], context, setback=True)
    return [step for step in steps if step.ticket.stream_app_id not in unfit]


def _put_back(steps: Sequence[Step], context: Context, *, setback: bool = False) -> None:
    """Let go of claimed steps: due again at once, or after a pause that grows."""
    now = context.now()
    pauses = {setbacks: now + backoff(setbacks) for setbacks in {step.setbacks for step in steps}}
    if setback:
        changes = [Change(step, StepEvent.SET_BACK, {"next_at": pauses[step.setbacks]}) for step in steps]
    else:
        changes = [Change(step, StepEvent.POSTPONED, {"next_at": now}) for step in steps]
    write.write_held_now(changes, now=now)


def _look(steps: Sequence[Step], context: Context) -> None:
    """Read Stream once more before a delete; what deletes nothing is sent at once."""
    budgets.learn({step.ticket.stream_app for step in steps}, context)
    chunks: dict[object, list[Step]] = defaultdict(list)
    for step in steps:
        if step.operation in check_before.CHECKED:
            chunks[key_of(step)].append(step)
    for chunk in chunks.values():
        app = chunk[0].ticket.stream_app
        size = MAX_DELETES if chunk[0].operation not in check_before.SLOW else LOOKS_TOGETHER
        for start in range(0, len(chunk), size):
            part = chunk[start : start + size]
            look = partial(check_before.look, context.client(app), part)
            context.calls.add(app.pk, look, part, _act_on_looks, first=True)
    _send([step for step in steps if step.operation not in check_before.CHECKED], context)


def _act_on_looks(returned: Sequence[Returned[list[Step], dict[int, check_before.Look]]], context: Context) -> None:
    """Act on the looks that came in, and send what may be sent."""
    by_app: dict[StreamApp, list[object]] = defaultdict(list)
    looks: dict[int, check_before.Look] = {}
    unread: list[Step] = []
    for steps, reply in returned:
        by_app[steps[0].ticket.stream_app].append(reply)
        if isinstance(reply, StreamError):
            unread += steps
        else:
            looks.update(reply)
    for app, replies in by_app.items():
        breaker.note(app, replies, now=context.now(), troubled=context.agenda.troubled)
    _put_back(unread, context, setback=True)
    read = [step for steps, reply in returned if not isinstance(reply, StreamError) for step in steps]
    willing = intend.apply_verdicts(read, looks, context)
    if context.closing or context.resuming:
        _put_back(willing, context)
    else:
        _send(willing, context)


def _send(steps: Iterable[Step], context: Context) -> None:
    """Launch as many calls as the budgets allow, each after its intent is committed."""
    ready = _within_budgets(parcels(steps), context)
    begin_by = context.tick() + (LEASE - LAST_CALL).total_seconds()
    for parcel, attempt in intend.intend(ready, context):
        call = partial(_in_time, send(parcel, context), context.tick, begin_by)
        context.calls.add(parcel.app.pk, call, (parcel, attempt), answer.write_down, first=True)


def _in_time(call: Callable[[], object], tick: Callable[[], float], begin_by: float) -> object:
    """The call, unless this process was stopped for so long that somebody else may hold its steps by now."""
    if tick() > begin_by:
        raise HeldUp("The worker was held up, so nothing was sent. It is tried again.")
    return call()


def _within_budgets(all_parcels: Sequence[Parcel], context: Context) -> list[Parcel]:
    """The parcels that Stream would not refuse for their number; the others wait for the next window."""
    now = context.now()
    kinds: dict[tuple[StreamApp, str], list[Parcel]] = defaultdict(list)
    for parcel in all_parcels:
        kinds[parcel.app, parcel.endpoint].append(parcel)
    ready: list[Parcel] = []
    for (app, endpoint), members in kinds.items():
        granted, wait_until = budgets.take_some(app, endpoint, len(members), now=now)
        ready += members[:granted]
        waiting = [step for parcel in members[granted:] for step in parcel.steps]
        later = [Change(step, StepEvent.POSTPONED, {"next_at": wait_until}) for step in waiting]
        write.write_held_now(later, now=now)
    return ready
