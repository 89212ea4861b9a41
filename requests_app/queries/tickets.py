"""Lists of tickets: views, filters, search, and pages by the last row seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from requests_app.audit.actor import Actor
from requests_app.enums import CLOSED_STATES, OPEN_STATES, Kind, State, Verb
from requests_app.models import Account, StreamTask, Ticket
from requests_app.models.ticket import REFERENCE, TicketQuerySet
from requests_app.queries.shell import capped
from requests_app.queries.ticket_page import subject
from requests_app.workflow import effects, permissions
from requests_app.workflow import plan as plans
from requests_app.workflow.access import visible_tickets

PAGE = 50
DUE_SOON_DAYS = 5
_RUNNING = (State.APPROVED.value, State.RUNNING.value)


@dataclass(frozen=True)
class View:
    """One of the saved views of the list."""

    name: str
    label: str
    closed: bool = False


VIEWS = (
    View("open", "Open"),
    View("mine", "My work"),
    View("waiting", "Waiting for DPO"),
    View("running", "Running"),
    View("attention", "Needs attention"),
    View("due", "Due soon"),
    View("closed", "Closed", closed=True),
)
BY_NAME = {view.name: view for view in VIEWS}


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


def in_view(view: View, actor: Actor, today: date) -> TicketQuerySet:
    """The tickets of a view that exist for this person."""
    tickets = visible_tickets(actor)
    soon = Q(state__in=OPEN_STATES, due_on__lte=today + timedelta(days=DUE_SOON_DAYS))
    narrow = {
        "open": Q(state__in=OPEN_STATES),
        "mine": Q(state__in=OPEN_STATES) & (Q(opened_by=actor.id) | Q(edited_by=actor.id)),
        "waiting": Q(state=State.AWAITING_DECISION.value),
        "running": Q(state__in=_RUNNING),
        "attention": Q(state=State.NEEDS_ATTENTION.value),
        "due": soon,
        "closed": Q(state__in=CLOSED_STATES),
    }
    return tickets.filter(narrow[view.name])


def matching(tickets: TicketQuerySet, text: str, actor: Actor) -> TicketQuerySet:
    """Tickets by reference or task id; for those who work on tickets also by user id, name and e-mail."""
    text = text.strip()
    if not text:
        return tickets
    found = Q(pk__in=[]) | Q(steps__stream_task__in=StreamTask.objects.filter(task_id=text))
    match = REFERENCE.fullmatch(text.upper())
    number = match[1] if match else text if text.isdecimal() and len(text) <= 18 else ""
    if number.isascii() and number:
        found |= Q(pk=int(number))
    if permissions.sees_personal_data(actor.role):
        ids = Account.objects.filter(Q(user_id=text) | Q(user_id__istartswith=text))
        found |= Q(accounts__in=ids) | Q(requester_email__iexact=text) | Q(requester_name__icontains=text)
    return tickets.filter(found).distinct()


def page_after(
    tickets: TicketQuerySet, actor: Actor, *, closed: bool = False, after: tuple[date, int] | None = None
) -> list[Row]:
    """One page, soonest due date first (closed ones: latest closed first), and one row more where there are more."""
    if closed:
        if after:
            tickets = tickets.filter(pk__lt=after[1])
        ordered: QuerySet[Ticket] = tickets.order_by("-pk")
    else:
        if after:
            tickets = tickets.filter(Q(due_on__gt=after[0]) | Q(due_on=after[0], pk__gt=after[1]))
        ordered = tickets.order_by("due_on", "pk")
    return rows_of(ordered.select_related("stream_app", "opened_by").defer("stream_app__api_secret")[: PAGE + 1], actor)


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
        opened_by=ticket.opened_by.get_full_name() or ticket.opened_by.get_username(),
        opened_on=timezone.localdate(ticket.opened_at),
        tags=tuple(Tag(*tag) for tag in effects.summary(plans.from_json(ticket.plan))),
        state=State(ticket.state),
        outcome=ticket.outcome,
        due_on=ticket.due_on,
        closed=ticket.state in CLOSED_STATES,
    )


def counts(actor: Actor, today: date, names: Sequence[str]) -> dict[str, int]:
    """How many tickets some views hold, no further than the cap."""
    return {name: capped(in_view(BY_NAME[name], actor, today)) for name in names}


def awaiting(actor: Actor) -> TicketQuerySet:
    """Tickets that wait for a decision."""
    return visible_tickets(actor).filter(state=State.AWAITING_DECISION.value)


def own_of(actor: Actor, state: State) -> TicketQuerySet:
    """Tickets in a state that this person opened or edited."""
    mine = Q(opened_by=actor.id) | Q(edited_by=actor.id)
    return visible_tickets(actor).filter(mine, state=state.value)


def decided_by(actor: Actor) -> TicketQuerySet:
    """Tickets that this person approved and that are still under way."""
    return visible_tickets(actor).filter(
        state__in=OPEN_STATES, decisions__decided_by=actor.id, decisions__verb=Verb.APPROVE.value
    )
