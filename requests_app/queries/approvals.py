"""What waits for a decision, with what weighs in it; and what is next in line for somebody who just decided."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from requests_app.audit.actor import Actor
from requests_app.enums import State
from requests_app.models import Account, LegalHold, Ticket
from requests_app.queries.tickets import PAGE, Place, Row, awaiting, ordered, rows_of, with_clock
from requests_app.workflow import approval
from requests_app.workflow.access import of_visible_tickets
from requests_app.workflow.staff import Deciders, still_approve

# Accounts of other tickets that are looked at for one page.
_MOST = 5000
Keys = Collection[set[tuple[int, str]]]


@dataclass(frozen=True)
class Waiting:
    """One ticket that waits: its row, and what a data protection officer wants to know before opening it."""

    row: Row
    accounts: int
    since: datetime | None
    held: bool
    others: int
    first_approver: str
    # The result of the last look at the identity of whoever asks; empty where nobody looked.
    identity: str


def page(actor: Actor, *, after: Place | None = None) -> list[Waiting]:
    """One page, the earliest due first, and one more where there are more. As many queries for many as for few."""
    found = with_clock(ordered(awaiting(actor), "due", after)).select_related(
        "stream_app", "opened_by", "owner", "first_approved_by"
    )
    tickets = list(found.defer("stream_app__api_secret").prefetch_related("accounts", "identity_checks")[: PAGE + 1])
    keys = {ticket.pk: {(one.stream_app_id, one.user_id) for one in ticket.accounts.all()} for ticket in tickets}
    deciders = _deciders(tickets)
    held, others = _held(keys.values()), _others(keys.values(), actor)
    return [
        Waiting(
            row=row,
            accounts=len(keys[ticket.pk]),
            since=ticket.submitted_at,
            # A hold keeps no export back.
            held=ticket.kind == "erase" and bool(keys[ticket.pk] & held),
            others=len({pk for key in keys[ticket.pk] for pk in others.get(key, ()) if pk != ticket.pk}),
            first_approver=_name(ticket, deciders),
            identity=_identity(ticket),
        )
        for ticket, row in zip(tickets, rows_of(tickets, actor), strict=True)
    ]


def _named(keys: Keys) -> tuple[set[int], set[str]]:
    every = {key for some in keys for key in some}
    return {app for app, _ in every}, {user_id for _, user_id in every}


def _held(keys: Keys) -> set[tuple[int, str]]:
    apps, ids = _named(keys)
    return LegalHold.objects.held(apps, ids)


def _others(keys: Keys, actor: Actor) -> dict[tuple[int, str], set[int]]:
    """The tickets of each account, as far as they exist for this person."""
    apps, ids = _named(keys)
    rows = of_visible_tickets(Account.objects.filter(stream_app__in=apps, user_id__in=ids), actor)
    found: dict[tuple[int, str], set[int]] = {}
    # In the order of the index that finds them: SQLite would walk through all that there are in that of the tickets.
    found_rows = rows.order_by("user_id", "-ticket_id").values_list("stream_app_id", "user_id", "ticket_id")
    for app, user_id, ticket in found_rows[:_MOST]:
        found.setdefault((app, user_id), set()).add(ticket)
    return found


def _deciders(tickets: Collection[Ticket]) -> Deciders:
    """Those of the first approvers who still approve."""
    first = {one.first_approved_by_id for one in tickets if one.first_approved_by_id is not None}
    return still_approve(first) if first else {}


def _name(ticket: Ticket, deciders: Deciders) -> str:
    """Who approved first, where that still counts."""
    first = ticket.first_approved_by if approval.first_that_counts(ticket, deciders) else None
    return first.get_full_name() or first.get_username() if first else ""


def _identity(ticket: Ticket) -> str:
    looks = list(ticket.identity_checks.all())
    return looks[-1].get_result_display() if looks else ""


def next_in_line(ticket: Ticket, actor: Actor) -> Ticket | None:
    """After this person decided about the ticket: the one due first among those that they may decide about.

    A ticket that was sent again waits for a decision anew, also of whoever sent it back.
    """
    if ticket.state == State.AWAITING_DECISION and ticket.first_approved_by_id != actor.id:
        return None
    if all(decision.decided_by_id != actor.id for decision in ticket.decisions.all()):
        return None
    open_to = awaiting(actor).exclude(pk=ticket.pk).exclude(contributions__actor=actor.id)
    return ordered(open_to.exclude(first_approved_by=actor.id), "due").first()
