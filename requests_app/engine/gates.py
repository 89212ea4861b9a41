"""What holds a ticket and each of its steps now, judged by what the engine itself asks before it sends. Only reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from requests_app.engine.phases.begin import approved_calls, lay_out
from requests_app.engine.phases.objections import Concern, Objections
from requests_app.enums import OPEN_STATES, Operation, State, StepState, Wait
from requests_app.models import Pause, Step, Ticket
from requests_app.queries.obstacles import Obstacles, obstacles_at
from requests_app.steps import order


@dataclass(frozen=True)
class Gate:
    """One thing that holds a ticket or a step. `until` is set where it is known, `reason` is what staff wrote."""

    name: str
    words: str
    since: datetime | None = None
    until: datetime | None = None
    reason: str = ""


Gates = tuple[Gate, ...]


@dataclass(frozen=True)
class Held:
    """The gates of a ticket as a whole, and those of each of its steps, by step."""

    ticket: Gates
    steps: Mapping[int, Gates]


def of_ticket(ticket: Ticket, steps: Sequence[Step], *, now: datetime) -> Held:
    """Every gate of an open ticket and of its steps; `steps` with their tasks, and with this ticket. A few queries."""
    obstacles = obstacles_at(now)
    objections = {step.pk: gate for step, gate in _objections(ticket, steps, now)}
    standing, app = tuple(_of_state(ticket, now)), tuple(_of_app(ticket, obstacles))
    found = {}
    for step in steps:
        own = [*_of_step(step, ticket, obstacles, now), *_of_lease(step, now)]
        if step.state == StepState.PLANNED:
            against = [objections[step.pk]] if step.pk in objections else []
            own = [*standing, *app, *against, *_of_rank(step, steps), *own] or [_wait(Wait.TURN)]
        found[step.pk] = tuple(own)
    if ticket.state not in OPEN_STATES:
        return Held(standing, found)
    coming = () if steps else _of_coming(ticket, obstacles, now)
    spent = dict.fromkeys(gate for own in found.values() for gate in own if gate.name == Wait.LIMIT)
    return Held((*standing, *coming, *app, *spent), found)


def _wait(kind: Wait, *, since: datetime | None = None, until: datetime | None = None, more: str = "") -> Gate:
    return Gate(kind.value, f"waits until {kind.label}{more}", since, until)


def _of_state(ticket: Ticket, now: datetime) -> Iterator[Gate]:
    """What the ticket itself waits for before anything of it may be sent."""
    state = State(ticket.state)
    if state is State.APPROVED and ticket.not_before and ticket.not_before > now:
        yield _wait(Wait.COOLING_OFF, since=ticket.approved_at, until=ticket.not_before)
    elif state is State.APPROVED:
        yield _wait(Wait.WORKER, since=ticket.not_before or ticket.approved_at)
    elif state is State.NEEDS_ATTENTION:
        yield _wait(Wait.PERSON)
    elif state in OPEN_STATES - {State.RUNNING}:
        yield Gate("approval", f"is not approved: the ticket is “{state.label}”")


def _of_app(ticket: Ticket, obstacles: Obstacles) -> Iterator[Gate]:
    """What keeps every call from the ticket's app: a pause, or the breaker."""
    yield from map(_pause, obstacles.pauses_of(ticket.stream_app_id))
    yield from _silence(ticket, obstacles)


def _pause(pause: Pause) -> Gate:
    scope = "for this app" if pause.stream_app_id else "for all apps"
    more = f"{Wait.PAUSED.label} {scope}, until somebody lets it go on"
    return Gate(Wait.PAUSED.value, more, pause.paused_at, reason=pause.reason)


def _silence(ticket: Ticket, obstacles: Obstacles) -> Iterator[Gate]:
    silent = obstacles.silence_of(ticket.stream_app_id)
    if silent:
        yield _wait(
            Wait.APP, since=silent.since or silent.changed_at, until=silent.open_until, more=f" ({silent.reason})"
        )


def _limits(step: Step, ticket: Ticket, obstacles: Obstacles) -> Iterator[Gate]:
    for endpoint, until in obstacles.limits_of(step, ticket.stream_app_id):
        yield _wait(Wait.LIMIT, until=until, more=f" ({endpoint})")


def _of_coming(ticket: Ticket, obstacles: Obstacles, now: datetime) -> Gates:
    """What would hold the steps of a ticket that is approved and not taken up yet."""
    calls = approved_calls(ticket) if ticket.state == State.APPROVED else None
    if calls is None or ticket.approved_at is None:
        return ()
    laid_out = list(lay_out(ticket, calls, now=ticket.approved_at))
    objections = [gate for _, gate in _objections(ticket, laid_out, now)]
    spent = [gate for step in laid_out for gate in _limits(step, ticket, obstacles)]
    return tuple(dict.fromkeys([*objections, *spent]))


def _objections(ticket: Ticket, steps: Sequence[Step], now: datetime) -> Iterator[tuple[Step, Gate]]:
    """What is to be said against sending the planned ones of the steps."""
    planned = [step for step in steps if step.state == StepState.PLANNED]
    if planned:
        objections = Objections.read([ticket], planned)
        for step in planned:
            objection = objections.against(step, ticket, now=now)
            # A copy that goes first may still be made.
            is_early = objection and objection.about is Concern.COPY and order.before(step, steps)
            if objection and not is_early:
                yield step, Gate(objection.about.value, objection.reason)


def _of_rank(step: Step, steps: Sequence[Step]) -> Iterator[Gate]:
    """Steps of a lower rank that are not done, all of which go first."""
    before = order.before(step, steps)
    if before:
        more = f" and {len(before) - 1} more" if len(before) > 1 else ""
        label = Operation(before[0].operation).label
        yield Gate("rank", f"step {before[0].pk} ({label}) goes first{more}")


def _of_lease(step: Step, now: datetime) -> Iterator[Gate]:
    """A worker holds the step, or the task that it hangs on."""
    task = step.stream_task if step.state == StepState.ON_STREAM else None
    for what, until in (("the step", step.lease_until), ("its Stream task", task.lease_until if task else None)):
        if until and until >= now:
            yield Gate("lease", f"a worker holds {what}", until=until)


def _of_step(step: Step, ticket: Ticket, obstacles: Obstacles, now: datetime) -> Iterator[Gate]:
    """What the step waits for in its own state."""
    state = StepState(step.state)
    if state is StepState.SENDING:
        yield _wait(Wait.ANSWER)
        if step.lease_until and step.lease_until < now:
            yield Gate("lease", "its worker's lease ran out: the next sweep takes it over", since=step.lease_until)
        return
    if state is StepState.PLANNED:
        yield from _of_time(step, now)
    elif state is StepState.UNKNOWN:
        yield _wait(Wait.CHECK, until=step.next_at)
    elif state is StepState.ON_STREAM and step.stream_task:
        task = step.stream_task
        yield _wait(Wait.STREAM, since=task.accepted_at)
        if task.next_poll_at and task.next_poll_at > now:
            yield Gate("next_at", "Stream is asked again", until=task.next_poll_at)
    elif step.look_again_at:
        second = ", for the second time" if step.read_back_at else ""
        yield _wait(Wait.READ_BACK, until=step.look_again_at, more=second)
    else:
        return
    if state is not StepState.PLANNED:
        yield from _silence(ticket, obstacles)
    yield from _limits(step, ticket, obstacles)


def _of_time(step: Step, now: datetime) -> Iterator[Gate]:
    """A planned step that is not due yet: after a failed try, or for another reason."""
    if step.next_at and step.next_at > now:
        if step.setbacks:
            yield _wait(Wait.AGAIN, until=step.next_at)
        else:
            yield Gate("next_at", "is not due yet", until=step.next_at)
