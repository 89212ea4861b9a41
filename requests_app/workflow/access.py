"""Who sees which ticket, and the entries that reading, downloading and refused attempts leave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypeVar

from django.db import transaction
from django.db.models import Model, QuerySet

from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.enums import STAFF_ROLES, State
from requests_app.models import Step, Ticket
from requests_app.models.ticket import TicketQuerySet
from requests_app.workflow import notes, permissions

Row = TypeVar("Row", bound=Model)


def visible_tickets(actor: Actor) -> TicketQuerySet:
    """The tickets that exist for this person. Lists, pages, downloads and counts all start here."""
    if actor.role not in STAFF_ROLES:
        return Ticket.objects.none()
    if permissions.sees_drafts(actor.role):
        return Ticket.objects.all()
    return Ticket.objects.exclude(state=State.DRAFT.value)


def of_visible_tickets(rows: QuerySet[Row], actor: Actor) -> QuerySet[Row]:
    """Those of the rows that hang on a ticket which exists for this person.

    By a join, and by nothing at all where every ticket does: for a list of all tickets SQLite walks through it.
    """
    if actor.role not in STAFF_ROLES:
        return rows.none()
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


def record_refused(*, actor: Actor, now: datetime, what: str, reason: str, ticket: Ticket | None = None) -> None:
    """Somebody tried what they may not. `what` is a verb or the name of a page, `reason` the sentence they got."""
    with transaction.atomic():
        log.record(
            AuditAction.ATTEMPT_REFUSED, actor=actor, now=now, ticket=ticket, facts={"what": what, "reason": reason}
        )
