"""What the page of a ticket shows of its personal data: how long it is kept, and who has it shown."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from requests_app.forms.retention import EraseForm, UnmaskForm
from requests_app.models import Ticket
from requests_app.queries import retention
from requests_app.views.loaders import actor_of
from requests_app.views.unmasking import opened
from requests_app.workflow import permissions


def context(request: HttpRequest, ticket: Ticket, bound: dict[str, Any]) -> dict[str, Any]:
    """The card and the banner; `bound` holds forms that were refused, by their verb."""
    actor = actor_of(request)
    kept, until = retention.of_ticket(ticket), opened(request).get(ticket.pk)
    may_erase = kept is not None and not kept.cannot and permissions.may_open(actor, "ticket-erase")
    may_unmask = until is None and not ticket.ids_erased_at and permissions.may_open(actor, "ticket-unmask")
    return {
        "retention": kept,
        "erase_form": bound.get("erase") or (EraseForm(auto_id="erase_%s") if may_erase else None),
        "unmask_form": bound.get("unmask") or (UnmaskForm(auto_id="unmask_%s") if may_unmask else None),
        "unmasked_until": until,
        "unmasked_seconds": max(1, int((until - timezone.now()).total_seconds()) + 1) if until else 0,
    }
