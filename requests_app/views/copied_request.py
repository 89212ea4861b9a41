"""A new request that begins as a copy of a closed one, or of what is left of it: nothing is typed twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from requests_app.forms.ticket import initial_of
from requests_app.models import Ticket
from requests_app.queries import results
from requests_app.views.loaders import actor_of, load_ticket
from requests_app.workflow import access
from requests_app.workflow import plan as plans

# In the address of the form: of which ticket, and whether of its accounts only those that are left.
COPY, ACCOUNTS, LEFT = "copy", "accounts", "left"
# In the form itself: of which ticket it is a copy.
COPIED = "copied"


@dataclass(frozen=True)
class Copied:
    """What the form begins with; nothing of it can be copied where the personal data of the ticket was erased."""

    reference: str
    initial: dict[str, Any]
    is_erased: bool = False


def copied(request: HttpRequest) -> Copied | None:
    """What the address asks to copy; None where it asks for nothing. 404 where this person sees no such ticket.

    The form shows what the ticket's page shows, so that opening it leaves the same entry.
    """
    reference = request.GET.get(COPY, "")
    if not reference:
        return None
    ticket = load_ticket(request, reference)
    if ticket.ids_erased_at is not None:
        return Copied(ticket.reference, {}, is_erased=True)
    access.record_read(ticket, actor=actor_of(request), now=timezone.now())
    return Copied(ticket.reference, {**initial_of(ticket), **_accounts(ticket, only_left=_wants_left(request))})


def copied_before(request: HttpRequest) -> Copied | None:
    """Of which ticket the form that was sent is a copy: it says so again where it comes back."""
    sought = access.visible_tickets(actor_of(request)).with_reference(request.POST.get(COPIED, ""))
    ticket = sought.first()
    return Copied(ticket.reference, {}) if ticket else None


def _wants_left(request: HttpRequest) -> bool:
    return request.GET.get(ACCOUNTS) == LEFT


def _accounts(ticket: Ticket, *, only_left: bool) -> dict[str, Any]:
    """The accounts of the copy, and the note that says where they come from."""
    ids = plans.from_json(ticket.plan).user_ids
    left = results.left_of(ticket) if only_left else ()
    if not left:
        return {"note": _("Copied from %(ticket)s.") % {"ticket": ticket.reference}}
    words = _("What is left of %(ticket)s: %(left)d of %(all)d accounts.")
    return {"user_ids": left, "note": words % {"ticket": ticket.reference, "left": len(left), "all": len(ids)}}
