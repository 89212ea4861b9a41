"""Who sees which ticket, and the entries that reading, downloading and refused attempts leave."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Model, QuerySet

from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.enums import STAFF_ROLES, Role, State
from requests_app.models import Step, StreamApp, Ticket
from requests_app.models.app import StreamAppQuerySet
from requests_app.models.ticket import TicketQuerySet
from requests_app.workflow import notes, permissions
from requests_app.workflow.rights import Right

Row = TypeVar("Row", bound=Model)
Rows = TypeVar("Rows", bound=QuerySet[Any])


def visible_tickets(actor: Actor) -> TicketQuerySet:
    """The tickets that exist for this person. Lists, pages, downloads and counts all start here."""
    return tickets_seen_by(actor.role, actor.apps)


def tickets_seen_by(role: Role | None, apps: frozenset[int] | None) -> TicketQuerySet:
    """The same for everybody of that role in these apps, or in all."""
    if role not in STAFF_ROLES:
        return Ticket.objects.none()
    found = Ticket.objects.all() if apps is None else Ticket.objects.filter(stream_app__in=apps)
    return found if permissions.sees_drafts(role) else found.exclude(state=State.DRAFT.value)


def visible_apps(actor: Actor) -> StreamAppQuerySet:
    """The Stream apps that exist for this person, without their secrets."""
    return in_apps_of(StreamApp.objects.defer("api_secret"), actor, "pk")


def in_apps_of(rows: Rows, actor: Actor, column: str = "stream_app") -> Rows:
    """Those of the rows whose Stream app, which stands in the column, exists for this person."""
    return rows if actor.apps is None else rows.filter(**{f"{column}__in": actor.apps})


def of_visible_tickets(rows: QuerySet[Row], actor: Actor) -> QuerySet[Row]:
    """Those of the rows that hang on a ticket which exists for this person.

    By a join, and by nothing at all where every ticket does: for a list of all tickets SQLite walks through it.
    """
    if actor.role not in STAFF_ROLES:
        return rows.none()
    rows = in_apps_of(rows, actor, "ticket__stream_app")
    return rows if permissions.sees_drafts(actor.role) else rows.exclude(ticket__state=State.DRAFT.value)


def record_read(ticket: Ticket, *, actor: Actor, now: datetime) -> None:
    """Somebody opened the page of a ticket, and so saw what mentions them there."""
    with transaction.atomic():
        notes.seen(ticket, actor=actor, now=now)
        log.record(AuditAction.TICKET_READ, actor=actor, now=now, ticket=ticket)


def record_download(ticket: Ticket, step: Step, *, actor: Actor, now: datetime, size: int | None = None) -> None:
    """Somebody was handed the export of a step. `size` is in bytes where Stream told it."""
    with transaction.atomic():
        Step.objects.filter(pk=step.pk, delivered_at__isnull=True).update(delivered_at=now)
        log.record(
            AuditAction.PACKAGE_DOWNLOADED,
            actor=actor,
            now=now,
            ticket=ticket,
            subjects=log.subjects_of(ticket.accounts.all()),
            facts={"step": step.pk, "operation": str(step.operation), "bytes": size},
        )


def record_list(*, actor: Actor, now: datetime, facts: Mapping[str, object]) -> None:
    """Somebody took the list of tickets away as a file; `facts` names its filters."""
    with transaction.atomic():
        log.record(AuditAction.LIST_EXPORTED, actor=actor, now=now, facts=facts)


def record_search(*, actor: Actor, now: datetime, facts: Mapping[str, object], subjects: Iterable[str] = ()) -> None:
    """Somebody looked into the audit log; `facts` names the filters, `subjects` the pseudonyms that were looked for."""
    with transaction.atomic():
        log.record(AuditAction.AUDIT_READ, actor=actor, now=now, facts=facts, subjects=subjects)


def record_ticket_search(*, actor: Actor, now: datetime, found: int, subjects: Iterable[str] = ()) -> None:
    """Somebody searched the tickets. What was typed may name a person: the entry holds its pseudonyms, never the words.

    `found` is how many of the tickets found were shown.
    """
    with transaction.atomic():
        log.record(AuditAction.TICKETS_SEARCHED, actor=actor, now=now, facts={"found": found}, subjects=subjects)


def record_export(*, actor: Actor, now: datetime, facts: Mapping[str, object]) -> None:
    """Somebody took a part of the audit log away as a file; `facts` names its form and its filters."""
    with transaction.atomic():
        log.record(AuditAction.AUDIT_EXPORTED, actor=actor, now=now, facts=facts)


@dataclass(frozen=True)
class _Attempt:
    """Something that somebody tried and may not."""

    actor: Actor
    now: datetime
    what: str
    reason: str
    ticket: Ticket | None


class _Waiting(threading.local):
    """Attempts of this thread whose entries wait for the end of the caller's transaction."""

    def __init__(self) -> None:
        self.attempts: list[_Attempt] = []


_waiting = _Waiting()


def check_may(
    right: Right, *, actor: Actor, now: datetime, ticket: Ticket | None = None, app_id: int | None = None
) -> None:
    """Raise `NotPermitted` where the actor does not hold the right in the app, that of the ticket where there is one.

    The attempt leaves an entry.
    """
    try:
        permissions.check_may(actor, right, app_id=ticket.stream_app_id if ticket else app_id)
    except permissions.NotPermitted as reason:
        record_refused(actor=actor, now=now, what=right.value, reason=str(reason), ticket=ticket)
        raise


def locked_for(right: Right, ticket: Ticket, *, actor: Actor, now: datetime) -> Ticket:
    """The ticket as it stands now, kept from changing until the caller's transaction ends.

    The right is asked for in the app that it has now: it may have moved to another one since it was read.
    """
    stored = Ticket.objects.select_for_update(of=("self",)).get(pk=ticket.pk)
    check_may(right, actor=actor, now=now, ticket=stored)
    return stored


def record_refused(*, actor: Actor, now: datetime, what: str, reason: str, ticket: Ticket | None = None) -> None:
    """Somebody tried what they may not. `what` is a verb or the name of a page, `reason` the sentence they got.

    The refusal mostly ends the transaction that it happened in, and would take its entry along: inside one the entry
    waits for `record_waiting`.
    """
    attempt = _Attempt(actor, now, what, reason, ticket)
    if _is_in_a_transaction_of_the_caller():
        _waiting.attempts.append(attempt)
    else:
        _write(attempt)


def record_waiting() -> None:
    """Write the entries of attempts that were refused inside a transaction which has ended since, however it did.

    Called where a request or a loop over tickets is through.
    """
    while _waiting.attempts and not _is_in_a_transaction_of_the_caller():
        attempt = _waiting.attempts[0]
        _write(attempt)
        # Only now: an entry that could not be written is still to be written.
        _waiting.attempts.pop(0)


def _write(attempt: _Attempt) -> None:
    ticket = attempt.ticket
    # One that was made in the transaction and went with it: its number is another ticket's next.
    if ticket is not None and not Ticket.objects.filter(pk=ticket.pk, opened_at=ticket.opened_at).exists():
        ticket = None
    with transaction.atomic():
        log.record(
            AuditAction.ATTEMPT_REFUSED,
            actor=attempt.actor,
            now=attempt.now,
            ticket=ticket,
            facts={"what": attempt.what, "reason": attempt.reason},
        )


def _is_in_a_transaction_of_the_caller() -> bool:
    """Whether a transaction is open, but for the one that a test runs in, which is there for every test."""
    blocks = transaction.get_connection().atomic_blocks
    return bool(blocks) and not blocks[-1]._from_testcase
