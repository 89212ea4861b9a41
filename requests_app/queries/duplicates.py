"""Other tickets and holds of the same accounts: shown beside the user ids, never hidden and never in the way."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from django.db.models import Q
from django.utils import timezone

from requests_app.audit import keys
from requests_app.audit.actor import Actor
from requests_app.enums import Kind, State
from requests_app.models import Account, LegalHold, Ticket
from requests_app.models.ticket import is_erased
from requests_app.workflow import permissions
from requests_app.workflow import plan as plans
from requests_app.workflow.access import of_visible_tickets

# Closed tickets that are named for one account; the number of all is told.
CLOSED_SHOWN = 5
# Accounts that are looked at; a request names at most a hundred.
_MOST = 1000


@dataclass(frozen=True)
class Other:
    """Another ticket of an account, in the words of a line."""

    reference: str
    kind: Kind
    state: State

    @property
    def words(self) -> str:
        """What it is and how it stands."""
        return f"{self.kind.label}, {self.state.label[0].lower()}{self.state.label[1:]}"


@dataclass
class Related:
    """What else there is about one account."""

    open: list[Other] = field(default_factory=list)
    closed: list[Other] = field(default_factory=list)
    closed_count: int = 0
    held: bool = False

    @property
    def any(self) -> bool:
        """Whether there is anything."""
        return bool(self.open or self.closed_count or self.held)


def related(
    app_id: int, user_ids: Collection[str], actor: Actor, *, without: Ticket | None = None
) -> dict[str, Related]:
    """For each of the user ids of an app: its open tickets, its newest closed ones, and whether it is on hold.

    Only tickets that exist for this person; two queries, however many there are.
    """
    found = _tickets(app_id, user_ids, actor, without=without)
    for _, user_id in LegalHold.objects.held([app_id], list(found)):
        found[user_id].held = True
    return found


def _tickets(app_id: int, user_ids: Collection[str], actor: Actor, *, without: Ticket | None) -> dict[str, Related]:
    found = {user_id: Related() for user_id in user_ids}
    names = _names(app_id, user_ids, without)
    same = Q(user_id__in=[user_id for user_id in found if not is_erased(user_id)]) | Q(subject__in=list(names))
    rows = (
        of_visible_tickets(Account.objects.filter(same, stream_app=app_id), actor)
        .exclude(ticket=without)
        .select_related("ticket")
        .order_by("-ticket_id")[:_MOST]
    )
    for row in rows:
        other = Other(row.ticket.reference, Kind(row.ticket.kind), State(row.ticket.state))
        about = found[row.user_id if row.user_id in found and not row.is_erased else names[row.subject]]
        if row.is_open:
            about.open.append(other)
            continue
        about.closed_count += 1
        if len(about.closed) < CLOSED_SHOWN:
            about.closed.append(other)
    return found


def _names(app_id: int, user_ids: Collection[str], ticket: Ticket | None) -> dict[str, str]:
    """The pseudonyms under which accounts with erased user ids are known, each with the id that it stands for.

    Of an id that was erased here as well only its own pseudonym is left.
    """
    year = keys.year_of(timezone.now())
    names = {
        name: user_id
        for user_id in user_ids
        if not is_erased(user_id)
        for name in keys.every_subject(app_id, user_id, until=year)
    }
    if ticket is not None and ticket.ids_erased_at is not None:
        names |= dict(ticket.accounts.exclude(subject="").values_list("subject", "user_id"))
    return names


@dataclass(frozen=True)
class Line:
    """One account of a ticket for its page; masked for those who only review."""

    account: str
    related: Related


def of_ticket(ticket: Ticket, actor: Actor) -> list[Line]:
    """The accounts of a ticket about which there is more, with what there is."""
    ids = plans.from_json(ticket.plan).user_ids
    clear = permissions.sees_personal_data(actor.role)
    found = _tickets(ticket.stream_app_id, ids, actor, without=ticket)
    return [
        Line(user_id if clear and not is_erased(user_id) else f"Account {place}", found[user_id])
        for place, user_id in enumerate(ids, start=1)
        if found[user_id].open or found[user_id].closed_count
    ]
