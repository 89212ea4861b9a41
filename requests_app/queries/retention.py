"""What the page of a ticket says of its personal data: when it is erased, or when it was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone

from requests_app.models import Ticket
from requests_app.workflow import retention
from requests_app.workflow.retained import Stage


@dataclass(frozen=True)
class Retention:
    """Days on which what is erased, once the ticket is closed; or since when it is. `held`: not while a hold is on."""

    details_on: date
    ids_on: date
    details_erased_at: datetime | None
    ids_erased_at: datetime | None
    held: bool
    cannot: str


def of_ticket(ticket: Ticket) -> Retention | None:
    """Nothing while the ticket is open: its time has not begun."""
    if ticket.closed_at is None:
        return None
    held = ticket.ids_erased_at is None and retention.is_held(ticket)
    return Retention(
        details_on=timezone.localdate(ticket.closed_at + retention.span(Stage.CONTACT)),
        ids_on=timezone.localdate(ticket.closed_at + retention.span(Stage.REST)),
        details_erased_at=ticket.details_erased_at,
        ids_erased_at=ticket.ids_erased_at,
        held=held,
        cannot=retention.cannot_erase(ticket, held=held),
    )
