"""The watchdog: what each ticket that the engine works on waits for, and since when. It only tells; it never cancels.

Read from the rows alone, in a handful of queries for any number of tickets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from django.db.models import Max, Min, QuerySet
from django.utils import timezone

from requests_app.audit.actor import Actor
from requests_app.enums import DELETE_OPERATIONS, STEP_FINAL, State, StepState, Wait
from requests_app.models import Step, StreamTask, Ticket
from requests_app.models.app import COOLING_OFF_MOST
from requests_app.queries.obstacles import Obstacles, obstacles_at
from requests_app.workflow.access import visible_tickets

MOVING = (State.APPROVED, State.RUNNING, State.NEEDS_ATTENTION)

# From when on a wait is worth a look. The worker and its turn: the schedule rings each minute. An answer: the longest
# call and a lease. A look: the time to settle, some pauses, three attempts. Stream: it names no bound, and a day is
# more than it has ever taken. People: a working day.
LATE_AFTER: Mapping[Wait, timedelta] = MappingProxyType(
    {
        Wait.WORKER: timedelta(minutes=5),
        # It ends by itself; `until` says when.
        Wait.COOLING_OFF: timedelta(hours=COOLING_OFF_MOST + 1),
        Wait.TURN: timedelta(minutes=5),
        Wait.PAUSED: timedelta(hours=24),
        Wait.APP: timedelta(minutes=15),
        Wait.LIMIT: timedelta(minutes=30),
        Wait.AGAIN: timedelta(minutes=30),
        Wait.ANSWER: timedelta(minutes=5),
        Wait.CHECK: timedelta(minutes=30),
        Wait.STREAM: timedelta(hours=24),
        Wait.READ_BACK: timedelta(hours=1),
        Wait.PERSON: timedelta(hours=24),
    }
)


@dataclass(frozen=True)
class Waiting:
    """What one ticket waits for. `until` is set where that is known."""

    ticket_id: int
    kind: Wait
    since: datetime
    late: bool
    until: datetime | None = None

    @property
    def reference(self) -> str:
        """The ticket's reference."""
        return f"DSR-{self.ticket_id:06d}"


@dataclass(frozen=True)
class Longest:
    """The oldest wait of a kind, and how many there are."""

    kind: Wait
    count: int
    since: datetime


def of_tickets(tickets: Sequence[Ticket], *, now: datetime) -> dict[int, Waiting]:
    """The waits of those tickets that the engine works on, by ticket."""
    moving = [ticket for ticket in tickets if ticket.state in MOVING]
    if not moving:
        return {}
    steps = _steps(moving)
    obstacles = obstacles_at(now)
    found = {}
    for ticket in moving:
        kind, since, until = _wait(ticket, steps[ticket.pk], obstacles, now=now)
        found[ticket.pk] = Waiting(ticket.pk, kind, since, late=now - since > LATE_AFTER[kind], until=until)
    return found


def oldest(actor: Actor, *, now: datetime, limit: int = 10) -> list[Waiting]:
    """The tickets that wait longest, of those that this person may see."""
    # Whatever moves was approved: in so many words an index leads to the first of them.
    moving = visible_tickets(actor).standing(*MOVING).filter(approved_at__isnull=False)
    found = of_tickets(list(moving.order_by("approved_at", "pk")[:limit]), now=now)
    return sorted(found.values(), key=lambda one: one.since)


def _steps(tickets: Sequence[Ticket]) -> Mapping[int, list[Step]]:
    found: dict[int, list[Step]] = defaultdict(list)
    rows = (
        Step.objects.filter(ticket__in=[ticket.pk for ticket in tickets])
        .select_related("stream_task")
        .annotate(tried_at=Max("attempts__intended_at"))
        .order_by("rank", "position")
    )
    for step in rows:
        found[step.ticket_id].append(step)
    return found


Told = tuple[Wait, datetime, datetime | None]


def _wait(ticket: Ticket, steps: Sequence[Step], obstacles: Obstacles, *, now: datetime) -> Told:
    begun = ticket.begun_at or ticket.approved_at or now
    if ticket.state == State.APPROVED and ticket.not_before and ticket.not_before > now:
        return Wait.COOLING_OFF, ticket.approved_at or now, ticket.not_before
    if ticket.state == State.APPROVED:
        begun = max(ticket.approved_at or now, ticket.not_before or begun)
        return Wait.WORKER, begun, None
    if ticket.state == State.NEEDS_ATTENTION:
        return Wait.PERSON, _latest((step.finished_at for step in steps), begun), None
    step = next((step for step in steps if step.state not in STEP_FINAL), None)
    if step is not None:
        return _of_step(step, ticket, steps, obstacles, now=now)
    unread = [s for s in steps if s.operation in DELETE_OPERATIONS and s.read_back_at is None]
    own = Wait.READ_BACK, _latest((s.finished_at for s in unread or steps), begun), None
    return next((held for s in unread if (held := _held_back(s, ticket, obstacles, own[1]))), own)


def _of_step(step: Step, ticket: Ticket, steps: Sequence[Step], obstacles: Obstacles, *, now: datetime) -> Told:
    begun = ticket.begun_at or ticket.approved_at or now
    ready = _latest((s.finished_at for s in steps if s.rank < step.rank), begun)
    tried: datetime = getattr(step, "tried_at", None) or ready
    own: Told = (Wait.TURN, ready, None)
    match StepState(step.state):
        case StepState.SENDING:
            return Wait.ANSWER, tried, None
        case StepState.UNKNOWN:
            own = (Wait.CHECK, tried, step.next_at)
        case StepState.ON_STREAM:
            own = (Wait.STREAM, step.stream_task.accepted_at if step.stream_task else tried, None)
        case StepState.PLANNED if step.setbacks and step.next_at and step.next_at > now:
            own = (Wait.AGAIN, ready, step.next_at)
    return _held_back(step, ticket, obstacles, own[1]) or own


def _held_back(step: Step, ticket: Ticket, obstacles: Obstacles, since: datetime) -> Told | None:
    """What keeps the step's next call from its app: a pause, where it is not begun; silence; a limit that is spent."""
    pauses = obstacles.pauses_of(ticket.stream_app_id) if step.state == StepState.PLANNED else []
    if pauses:
        return Wait.PAUSED, max(since, min(pause.paused_at for pause in pauses)), None
    silent = obstacles.silence_of(ticket.stream_app_id)
    if silent:
        return Wait.APP, max(since, silent.since or since), silent.open_until
    until = max((at for _, at in obstacles.limits_of(step, ticket.stream_app_id)), default=None)
    return (Wait.LIMIT, since, until) if until else None


def _latest(moments: Iterable[datetime | None], otherwise: datetime) -> datetime:
    return max((at for at in moments if at), default=otherwise)


def longest() -> list[Longest]:
    """The oldest wait of each kind that can be told for all tickets at once, in one query each."""
    running = Step.objects.filter(ticket__state=State.RUNNING.value)
    told = [
        _oldest(Wait.WORKER, Ticket.objects.to_begin(timezone.now()), "approved_at"),
        _oldest(Wait.PERSON, Ticket.objects.standing(State.NEEDS_ATTENTION), "begun_at"),
        _oldest(Wait.TURN, running.filter(state=StepState.PLANNED.value), "ticket__begun_at"),
        _oldest(Wait.ANSWER, running.filter(state=StepState.SENDING.value), "attempts__intended_at"),
        _oldest(Wait.CHECK, running.filter(state=StepState.UNKNOWN.value), "attempts__intended_at"),
        _oldest(Wait.STREAM, StreamTask.objects.filter(next_poll_at__isnull=False), "accepted_at"),
        _oldest(
            Wait.READ_BACK,
            running.filter(state=StepState.DONE.value, look_again_at__isnull=False, read_back_at__isnull=True),
            "finished_at",
        ),
    ]
    return [one for one in told if one]


def _oldest(kind: Wait, rows: QuerySet[Ticket] | QuerySet[Step] | QuerySet[StreamTask], moment: str) -> Longest | None:
    since = rows.aggregate(since=Min(moment))["since"]
    return Longest(kind, rows.count(), since) if since else None


def check() -> tuple[bool, str]:
    """The watchdog's part of the readiness answer: it tells, and never calls the portal unready."""
    told = sorted(longest(), key=lambda one: one.since)
    if not told:
        return True, "Nothing waits."
    first = told[0]
    return True, f"{first.count} wait until {first.kind.label}, the longest since {first.since:%Y-%m-%d %H:%M} UTC."
