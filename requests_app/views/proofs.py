"""What proves the audit log to others: a checkpoint on demand, and a proof of one ticket's entries."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from requests_app.audit import checkpoints, log
from requests_app.audit.actor import Actor
from requests_app.audit.checkpoints import Broken
from requests_app.audit.note import Malformed
from requests_app.audit_actions import AuditAction
from requests_app.models import Ticket
from requests_app.queries import audit_proof
from requests_app.views.form_only import form_only
from requests_app.views.loaders import actor_of, load_ticket, page
from requests_app.views.tickets import ticket_response

logger = logging.getLogger("portal.audit")


@page
@form_only("audit-list")
def audit_checkpoint(request: HttpRequest) -> HttpResponse:
    """Sign the log as it stands now."""
    try:
        found = checkpoints.make_and_hand_out(actor=actor_of(request), now=timezone.now())
    except (Broken, Malformed) as error:
        messages.error(request, _("Nothing was signed: %(why)s. Check the chain.") % {"why": error})
        return redirect("audit-list")
    if found is None:
        messages.info(request, _("The log is empty: there is nothing to sign yet."))
    else:
        messages.success(request, _("Signed: %(count)s entries.") % {"count": f"{found.size:,}"})
    return redirect("audit-list")


@page
@form_only("ticket-detail", "reference")
def ticket_proof(request: HttpRequest, reference: str) -> HttpResponse:
    """Hand out a proof of the ticket's entries, as a file. That somebody took it is an entry, and part of it."""
    ticket = load_ticket(request, reference)
    try:
        found = prove(ticket, actor=actor_of(request), now=timezone.now())
    except (Broken, Malformed) as error:
        sentence = _("No proof was made: %(why)s. Check the chain on the audit page.") % {"why": error}
        return ticket_response(request, ticket, trouble=sentence, status=409)
    response = HttpResponse(audit_proof.spelt(found), content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="{ticket.reference}-audit-proof.json"'
    return response


def prove(ticket: Ticket, *, actor: Actor, now: datetime) -> Mapping[str, object]:
    """Record that a proof is taken, sign the log with that in it, and make the proof.

    Raises `Broken` where the log does not hold and `Malformed` where the signing key is none.
    """
    with transaction.atomic():
        log.record(AuditAction.TICKET_PROVED, actor=actor, now=now, ticket=ticket)
    checkpoint = checkpoints.make_and_hand_out(actor=actor, now=now)
    if checkpoint is None:
        raise Broken("the log is empty")
    return audit_proof.proof(ticket, checkpoint, now=now)
