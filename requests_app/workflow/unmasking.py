"""Auditors see tickets masked; with a reason in words one sees one ticket in clear for some minutes (Art. 25 GDPR).

Only the entry opens it, for the person that it names and for these minutes; the session remembers which entry. So a
session that was restored, copied or forged shows nothing that the log does not say.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from requests_app.audit import log
from requests_app.audit.actor import Actor, acting
from requests_app.audit_actions import AuditAction
from requests_app.models import AuditEntry, Ticket
from requests_app.workflow import permissions, policies
from requests_app.workflow.access import check_may
from requests_app.workflow.rights import Right

UNMASKED_FOR = timedelta(minutes=15)
NOTHING_LEFT = "The personal data of this ticket is erased: there is nothing to show."


def unmask(ticket: Ticket, *, actor: Actor, now: datetime, note: str) -> int:
    """Open the ticket for this person; returns the number of the entry that says so. Takes a reason."""
    check_may(Right.UNMASK, actor=actor, now=now, ticket=ticket)
    if ticket.ids_erased_at is not None:
        raise policies.UnableTo(NOTHING_LEFT)
    if not note.strip():
        raise policies.UnableTo("Write why you need to see it: the reason goes to the audit log.", field="note")
    with transaction.atomic():
        entry = log.record(
            AuditAction.TICKET_UNMASKED,
            actor=actor,
            now=now,
            ticket=ticket,
            facts={"minutes": int(UNMASKED_FOR.total_seconds() // 60)},
            texts={"reason": note.strip()},
        )
    return entry.seq


def show_on_server(ticket: Ticket, *, account: str, now: datetime) -> None:
    """Somebody on the server itself has the ticket printed in clear: recorded for the account of that machine.

    No rule of ours can keep such a person from the data; the log can tell of it. Opens nothing on any page.
    """
    if ticket.ids_erased_at is not None:
        raise policies.UnableTo(NOTHING_LEFT)
    with transaction.atomic():
        log.record(
            AuditAction.TICKET_UNMASKED,
            actor=acting(),
            now=now,
            ticket=ticket,
            facts={"minutes": 0},
            texts={"reason": f"Printed by manage.py explain_ticket --clear, run as {account}."},
        )


def mask(ticket: Ticket, *, actor: Actor, now: datetime) -> None:
    """Hide it again: what opened the ticket for this person opens it no more."""
    check_may(Right.UNMASK, actor=actor, now=now, ticket=ticket)
    with transaction.atomic():
        log.record(AuditAction.TICKET_MASKED, actor=actor, now=now, ticket=ticket)


def unmasked(entries: Collection[int], *, actor: Actor, now: datetime) -> dict[int, datetime]:
    """Which tickets these entries open for this person now, by their id, and until when."""
    if not entries or not permissions.may(actor, Right.UNMASK):
        return {}
    own = AuditEntry.objects.filter(actor_id=actor.id, at__gt=now - UNMASKED_FOR, at__lte=now)
    hidden = own.filter(
        action=AuditAction.TICKET_MASKED.value, ticket_id=OuterRef("ticket_id"), seq__gt=OuterRef("seq")
    )
    found = own.filter(seq__in=entries, action=AuditAction.TICKET_UNMASKED.value).exclude(Exists(hidden))
    return {ticket_id: at + UNMASKED_FOR for ticket_id, at in found.values_list("ticket_id", "at") if ticket_id}
