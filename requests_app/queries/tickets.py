"""Lists of tickets: rows, and pages by the last row seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from requests_app.audit.actor import Actor
from requests_app.enums import CLOSED_STATES, Kind, Outcome, State
from requests_app.models import ClockPause, Extension, Mention, Ticket
from requests_app.models.ticket import TicketQuerySet
from requests_app.queries.filters import BY_NAME, SORTS, in_view
from requests_app.queries.shell import capped
from requests_app.queries.ticket_page import subject
from requests_app.workflow import effects, permissions
from requests_app.workflow import plan as plans
from requests_app.workflow.access import visible_tickets

PAGE = 50
# Where a page begins: the sorting columns of the row before it.
Place = tuple[date | int, ...]


@dataclass(frozen=True)
class Tag:
    """One mode and the kinds of data it is for; what does not fit stands in `rest`."""

    mode: str
    data: str
    drastic: bool


@dataclass(frozen=True)
class Row:
    """One ticket of a list."""

    reference: str
    kind: Kind
    subject: str
    app: str
    opened_by: str
    opened_on: date
    tags: tuple[Tag, ...]
    state: State
    outcome: str
    due_on: date
    closed: bool
    number: int
    owner: str
    received_on: date
    closed_on: date | None
    # The clock stands, the time was extended, the refusal came after its day.
    paused: bool
    extended: bool
    refused_late: bool

    @property
    def outcome_words(self) -> str:
        """What became of it, or nothing yet."""
        return Outcome(self.outcome).label if self.outcome else ""


def page_after(
    tickets: TicketQuerySet, actor: Actor, *, sort: str = "due", after: Place | None = None, size: int | None = None
) -> list[Row]:
    """One page in the order asked for, and one row more where there are more."""
    found = with_clock(ordered(tickets, sort, after)).select_related("stream_app", "opened_by", "owner")
    return rows_of(found.defer("stream_app__api_secret")[: (size or PAGE) + 1], actor)


def with_clock(tickets: QuerySet[Ticket]) -> QuerySet[Ticket]:
    """The same, each with whether its clock stands and whether its time was extended, as rows show it."""
    its = {"ticket": OuterRef("pk")}
    waits = ClockPause.objects.filter(answered_on__isnull=True, **its)
    return tickets.annotate(is_paused=Exists(waits), is_extended=Exists(Extension.objects.filter(**its)))


def mentioning(actor: Actor) -> TicketQuerySet:
    """Tickets with a note that mentions this person and that they did not open since."""
    unseen = Mention.objects.filter(person_id=actor.id, seen_at__isnull=True)
    return visible_tickets(actor).filter(pk__in=unseen.values("ticket"))


def ordered(tickets: TicketQuerySet, sort: str, after: Place | None = None) -> QuerySet[Ticket]:
    """The tickets behind a place in this order.

    The bound on the first column alone says nothing new, but it is what lets the index lead to the place at once.
    """
    columns = SORTS[sort][1]
    if after:
        first, *rest = zip(columns, after, strict=True)
        bound = _beyond(*first)
        if rest:
            ((_, number),) = rest
            name = first[0].lstrip("-")
            at_least = Q(**{f"{name}__{'lte' if first[0][0] == '-' else 'gte'}": first[1]})
            bound = at_least & (bound | (Q(**{name: first[1]}) & _beyond(rest[0][0], number)))
        tickets = tickets.filter(bound)
    return tickets.order_by(*columns)


def _beyond(column: str, value: date | int) -> Q:
    return Q(**{f"{column.lstrip('-')}__{'lt' if column[0] == '-' else 'gt'}": value})


def place_of(row: Row, sort: str) -> str:
    """Where the page after this row begins, as it stands in a URL."""
    return f"{row.due_on.isoformat()}_{row.number}" if "due_on" in SORTS[sort][1][0] else str(row.number)


def place(text: str, sort: str) -> Place | None:
    """What `place_of` wrote, or None where the text is something else."""
    *day, number = text.split("_")
    if len(day) != len(SORTS[sort][1]) - 1:
        return None
    try:
        found: Place = (*(date.fromisoformat(one) for one in day), int(number))
    except ValueError:
        return None
    return found if 0 < int(number) < 10**18 else None


def rows_of(tickets: Iterable[Ticket], actor: Actor) -> list[Row]:
    """Tickets as rows, as this person may see them."""
    clear = permissions.sees_personal_data(actor.role)
    return [_row(ticket, clear=clear) for ticket in tickets]


def _row(ticket: Ticket, *, clear: bool) -> Row:
    return Row(
        reference=ticket.reference,
        kind=Kind(ticket.kind),
        subject=subject(ticket, clear=clear),
        app=ticket.stream_app.name,
        opened_by=_name(ticket.opened_by),
        opened_on=timezone.localdate(ticket.opened_at),
        tags=tuple(Tag(*tag) for tag in effects.summary(plans.from_json(ticket.plan))),
        state=State(ticket.state),
        outcome=ticket.outcome,
        due_on=ticket.due_on,
        closed=ticket.state in CLOSED_STATES,
        number=ticket.pk,
        owner=_name(ticket.owner),
        received_on=ticket.received_on,
        closed_on=timezone.localdate(ticket.closed_at) if ticket.closed_at else None,
        paused=ticket.state not in CLOSED_STATES and getattr(ticket, "is_paused", False),
        extended=getattr(ticket, "is_extended", False),
        refused_late=ticket.refused_late,
    )


def _name(person: Any) -> str:
    return person.get_full_name() or person.get_username() if person else ""


def counts(actor: Actor, today: date, names: Sequence[str]) -> dict[str, int]:
    """How many tickets some views hold, no further than the cap."""
    return {name: capped(in_view(BY_NAME[name], actor, today)) for name in names}


def awaiting(actor: Actor) -> TicketQuerySet:
    """Tickets that wait for a decision."""
    return visible_tickets(actor).standing(State.AWAITING_DECISION)
