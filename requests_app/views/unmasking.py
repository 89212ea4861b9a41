"""Having the personal data of a ticket shown, and hiding it again; what the session remembers of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from requests_app.audit.actor import Actor
from requests_app.models import Ticket
from requests_app.views.form_only import form_only
from requests_app.views.loaders import actor_of, load_ticket, page
from requests_app.workflow import permissions, unmasking

# In the session: the entries that opened tickets for this person.
ENTRIES = "unmasking_entries"


def opened(request: HttpRequest) -> dict[int, datetime]:
    """The tickets that are open in clear for this person in this session, and until when; looked up once."""
    found: dict[int, datetime] | None = getattr(request, "_unmasked", None)
    if found is None:
        entries = request.session.get(ENTRIES, [])
        found = unmasking.unmasked(entries, actor=actor_of(request), now=timezone.now())
        request._unmasked = found  # type: ignore[attr-defined]
    return found


def sees(request: HttpRequest, ticket: Ticket) -> bool:
    """Whether this person sees whom the ticket is about: by role, or because it is open for them."""
    return permissions.sees_personal_data(actor_of(request).role) or ticket.pk in opened(request)


def remember(request: HttpRequest, ticket: Ticket, actor: Actor, typed: dict[str, Any]) -> None:
    """Have the data shown, and let the session know which entry says so."""
    seq = unmasking.unmask(ticket, actor=actor, now=timezone.now(), note=typed["note"])
    request.session[ENTRIES] = [*request.session.get(ENTRIES, []), seq]


@page
@form_only("ticket-detail", "reference")
def mask(request: HttpRequest, reference: str) -> HttpResponse:
    """Hide it again, before its time is over."""
    ticket = load_ticket(request, reference)
    unmasking.mask(ticket, actor=actor_of(request), now=timezone.now())
    messages.success(request, _("Personal data is hidden again."))
    return redirect("ticket-detail", reference=ticket.reference)
