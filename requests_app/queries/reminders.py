"""Who is to be told of what by mail: references and dates, never a name or a user id of a data subject."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef
from django.utils.functional import Promise

from requests_app.audit.actor import Actor
from requests_app.enums import Role, State
from requests_app.models import ClockPause, Profile, Reminder, Ticket
from requests_app.models.ticket import TicketQuerySet
from requests_app.queries.filters import narrowed
from requests_app.queries.shell import capped
from requests_app.queries.tickets import ordered
from requests_app.queries.todo import digest_of
from requests_app.workflow.staff import apps_of, roles_of
from requests_app.workflow.urgency import last_late, last_urgent

# Days late at which every data protection officer is told, each once for a ticket and due date.
DAYS_LATE = (1, 3, 7, 14, 30)
# Tickets of each kind that a mail names; the list has all of them.
NAMED = 20


@dataclass(frozen=True)
class Person:
    """An active member of staff whom mail reaches."""

    pk: int
    role: Role
    email: str
    digest: bool
    apps: frozenset[int] | None = None

    @property
    def actor(self) -> Actor:
        """The person as who looks: what a mail tells is what they may see."""
        return Actor(self.pk, self.role, "", apps=self.apps)

    def sees(self, due: Due) -> bool:
        """Whether the person's role holds in the app of the ticket."""
        return self.actor.holds_in(due.app_id)


@dataclass(frozen=True)
class Line:
    """One ticket in a mail."""

    reference: str
    due_on: date


@dataclass(frozen=True)
class Part:
    """One kind of work in a mail: how many there are, and the most pressing of them."""

    title: str | Promise
    count: int
    lines: Sequence[Line]

    @property
    def more(self) -> int:
        """How many are not named."""
        return self.count - len(self.lines)


@dataclass(frozen=True)
class Due:
    """A ticket of which somebody is to be told; `days_late` is 0, or the threshold that it has reached."""

    ticket_id: int
    app_id: int
    due_on: date
    days_late: int


def people() -> list[Person]:
    """Everybody who works on tickets or decides, is active and has an address."""
    found = get_user_model().objects.filter(is_active=True).exclude(email="").order_by("pk")
    addresses = dict(found.values_list("pk", "email"))
    quiet = set(Profile.objects.filter(digest=False).values_list("person", flat=True))
    roles, apps = roles_of(addresses), apps_of(addresses)
    return [
        Person(pk, roles[pk], email, pk not in quiet, apps.get(pk))
        for pk, email in addresses.items()
        if roles.get(pk) in {Role.AGENT, Role.DPO}
    ]


def digest(person: Person, today: date) -> list[Part]:
    """What is due or waits for somebody today; nothing where nothing does."""
    parts = []
    for work in digest_of(person.role):
        found = narrowed(work.filters, person.actor, today)
        rows = list(ordered(found, work.filters.order).values_list("pk", "due_on")[: NAMED + 1])
        if rows:
            count = len(rows) if len(rows) <= NAMED else capped(found)
            parts.append(Part(work.title, count, lines_of(rows[:NAMED])))
    return parts


def lines_of(rows: Iterable[tuple[int, date]]) -> list[Line]:
    """Tickets by number and due date as lines of a mail."""
    return [Line(Ticket(pk=pk).reference, due_on) for pk, due_on in rows]


def unanswered() -> tuple[TicketQuerySet, ...]:
    """Tickets whose person still waits, apart where each has an index of its own."""
    return (Ticket.objects.filter(closed_at__isnull=True),)


def apps_of_any(everybody: Iterable[Person]) -> frozenset[int] | None:
    """The Stream apps of which one of these people is told; None for all, where the role of one holds in all."""
    bounds = [person.apps for person in everybody]
    return None if None in bounds else frozenset().union(*(apps for apps in bounds if apps is not None))


def near(today: date, everybody: Iterable[Person], *, at_most: int) -> list[tuple[Due, int | None, str]]:
    """Tickets due within the days that are urgent of which nobody was told yet, with owner and state.

    Here and below only of apps of which one of these people is told: others would fill the bound day after day.
    """
    tickets = _unanswered_for(everybody)
    found = _untold(tickets, 0, last_late(today), last_urgent(today), at_most, moving=False)
    return [(Due(pk, app, due_on, 0), owner, state) for pk, app, due_on, owner, state in found]


def late(today: date, everybody: Iterable[Person], *, at_most: int) -> list[Due]:
    """Late tickets that reached a threshold of which nobody was told yet, the longest late first."""
    due: list[Due] = []
    tickets = _unanswered_for(everybody)
    bounds = (*DAYS_LATE[1:], None)
    for days, following in reversed(list(zip(DAYS_LATE, bounds, strict=True))):
        after = _before(today, following) if following else date.min
        found = _untold(tickets, days, after, _before(today, days), at_most - len(due))
        due += [Due(pk, app, due_on, days) for pk, app, due_on, _, _ in found]
    return due


def _unanswered_for(everybody: Iterable[Person]) -> list[TicketQuerySet]:
    apps = apps_of_any(everybody)
    return [tickets if apps is None else tickets.filter(stream_app__in=apps) for tickets in unanswered()]


def _untold(
    unanswered_ones: Iterable[TicketQuerySet],
    days_late: int,
    after: date,
    until: date,
    at_most: int,
    *,
    moving: bool = True,
) -> list[tuple[int, int, date, int | None, str]]:
    """Unanswered tickets due in these days whose threshold nobody was told of, the earliest first.

    Without `moving` those are left out whose clock stands: their due date moves on each day.
    """
    asked = ClockPause.objects.filter(ticket=OuterRef("pk"), answered_on__isnull=True)
    same = Reminder.objects.filter(days_late=days_late, ticket=OuterRef("pk"), due_on=OuterRef("due_on"))
    rows: list[tuple[int, int, date, int | None, str]] = []
    for tickets in unanswered_ones:
        found = tickets.filter(~Exists(same), due_on__gt=after, due_on__lte=until).order_by("due_on", "pk")
        found = found if moving else found.filter(~Exists(asked))
        rows += found.values_list("pk", "stream_app", "due_on", "owner", "state")[: max(0, at_most)]
    return sorted(rows, key=lambda row: (row[2], row[0]))[: max(0, at_most)]


def _before(today: date, days: int) -> date:
    return today - timedelta(days=days)


def told_of(due: Due, owner: int | None, state: str, everybody: Sequence[Person]) -> list[Person]:
    """Who is told that a due date comes near: the owner, and where a decision is missing those who decide.

    Where the owner is nobody, or nobody whom mail reaches, it is everybody who could take the ticket.
    """
    everybody = [person for person in everybody if person.sees(due)]
    deciders = [person for person in everybody if person.role is Role.DPO]
    found = {person for person in everybody if person.pk == owner}
    if state == State.AWAITING_DECISION:
        found |= set(deciders)
    agents = [person for person in everybody if person.role is Role.AGENT]
    return sorted(found or set(agents) or set(deciders), key=lambda person: person.pk)
