"""Who takes care of a ticket: taking it, handing it over with a note, letting it go."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import AbstractUser
from django.db import transaction

from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.enums import CLOSED_STATES, Role
from requests_app.models import Ticket
from requests_app.workflow import notes, policies, staff
from requests_app.workflow.access import check_may, locked_for
from requests_app.workflow.rights import Right
from requests_app.workflow.transition import Conflict


def assign(
    ticket: Ticket,
    owner: AbstractUser | None,
    *,
    actor: Actor,
    now: datetime,
    note: str = "",
    shown_owner_id: int | None = None,
    check_shown: bool = False,
) -> Ticket:
    """Make somebody the owner, or nobody. With `check_shown` only if the owner is still the one that was shown.

    A note goes onto the ticket for the next owner. Raises `NotPermitted`, `UnableTo` or `Conflict`.
    """
    check_may(Right.ASSIGN, actor=actor, now=now, ticket=ticket)
    check(ticket)
    if owner is not None and not (owner.is_active and staff.role_of(owner) in {Role.AGENT, Role.DPO}):
        raise policies.UnableTo(
            "Only an active support agent or data protection officer can own a ticket.", field="owner"
        )
    with transaction.atomic():
        stored = locked_for(Right.ASSIGN, ticket, actor=actor, now=now)
        check(stored)
        if owner is not None and not staff.as_actor(owner).holds_in(stored.stream_app_id):
            raise policies.UnableTo(
                "The role of this person does not hold in the Stream app of this ticket.", field="owner"
            )
        if check_shown and stored.owner_id != shown_owner_id:
            raise Conflict("Somebody else assigned this ticket in the meantime. Look who owns it now.")
        before = stored.owner_id
        Ticket.objects.filter(pk=ticket.pk).update(owner=owner)
        notes.write(stored, note, actor=actor, now=now)
        log.record(
            AuditAction.TICKET_ASSIGNED,
            actor=actor,
            now=now,
            ticket=stored,
            facts={"from": before, "to": owner.pk if owner else None},
            texts={"note": note.strip()},
        )
    ticket.owner = owner
    return ticket


def check(ticket: Ticket) -> None:
    """A closed ticket needs nobody any more."""
    if ticket.state in CLOSED_STATES:
        raise policies.UnableTo("The ticket is closed, so nobody needs to take care of it.")
