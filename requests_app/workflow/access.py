"""Who sees which ticket, and the entries that reading, downloading and refused attempts leave."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.enums import STAFF_ROLES, AuditAction, State
from requests_app.models import Step, Ticket
from requests_app.models.ticket import TicketQuerySet
from requests_app.workflow import permissions


def visible_tickets(actor: Actor) -> TicketQuerySet:
    """The tickets that exist for this person. Lists, pages, downloads and counts all start here."""
    if actor.role not in STAFF_ROLES:
        return Ticket.objects.none()
    if permissions.sees_drafts(actor.role):
        return Ticket.objects.all()
    return Ticket.objects.exclude(state=State.DRAFT.value)


def record_read(ticket: Ticket, *, actor: Actor, now: datetime) -> None:
    """Somebody opened the page of a ticket."""
    with transaction.atomic():
        log.record(AuditAction.TICKET_READ, actor=actor, now=now, ticket=ticket)


def record_download(ticket: Ticket, step: Step, *, actor: Actor, now: datetime, size: int | None = None) -> None:
    """Somebody was handed the export of a step. `size` is in bytes where Stream told it."""
    with transaction.atomic():
        log.record(
            AuditAction.PACKAGE_DOWNLOADED,
            actor=actor,
            now=now,
            ticket=ticket,
            subjects=log.subjects_of(ticket.accounts.all()),
            facts={"step": step.pk, "operation": str(step.operation), "bytes": size},
        )


def record_search(*, actor: Actor, now: datetime, facts: Mapping[str, object]) -> None:
    """Somebody looked into the audit log; `facts` names the filters, never what was typed about a person."""
    with transaction.atomic():
        log.record(AuditAction.AUDIT_READ, actor=actor, now=now, facts=facts)


def record_refused(*, actor: Actor, now: datetime, what: str, reason: str, ticket: Ticket | None = None) -> None:
    """Somebody tried what they may not. `what` is a verb or the name of a page, `reason` the sentence they got."""
    with transaction.atomic():
        log.record(
            AuditAction.ATTEMPT_REFUSED, actor=actor, now=now, ticket=ticket, facts={"what": what, "reason": reason}
        )
