"""What the page of a ticket shows of letters, recipients and closing the case, with the forms for them."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from requests_app.audit.actor import Actor
from requests_app.forms.letter import ByHandForm, InformingForm
from requests_app.models import Informing, Ticket
from requests_app.queries import letters
from requests_app.queries.ticket_parts import standing_verdicts
from requests_app.workflow import plan as plans


def context(ticket: Ticket, actor: Actor, bound: dict[str, Any]) -> dict[str, Any]:
    """`bound` holds forms that were refused, by their name."""
    found = letters.saying(ticket, actor)
    return {
        "saying": found,
        "letters": [(line, _by_hand(line, bound)) for line in found.lines],
        "informings": [(one, _informing(one, ticket, found.may_write, bound)) for one in found.informings],
        "verdicts": [(plans.LABELS[one.part], one.get_code_display()) for one in standing_verdicts(ticket)],
    }


def _by_hand(line: letters.Line, bound: dict[str, Any]) -> Any:
    name = f"by_hand_{line.letter.pk}"
    if name in bound:
        return bound[name]
    today = timezone.localdate()
    return ByHandForm(auto_id=f"{name}_%s", initial={"sent_on": today}) if line.may_mark else None


def _informing(one: Informing, ticket: Ticket, may_write: bool, bound: dict[str, Any]) -> Any:
    name = f"informing_{one.pk}"
    if name in bound:
        return bound[name]
    if not may_write or ticket.answered_at is not None:
        return None
    told = "no" if one.answered_at and not one.informed_on else "yes"
    initial = {"told": told, "informed_on": one.informed_on or timezone.localdate(), "words": one.words}
    return InformingForm(auto_id=f"{name}_%s", initial=initial)
