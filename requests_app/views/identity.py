"""Writing down that the identity of whoever asks was checked."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from requests_app.audit.actor import Actor
from requests_app.enums import IdentityMethod, IdentityResult
from requests_app.forms.identity import IdentityForm
from requests_app.models import Ticket
from requests_app.views.form_only import form_only
from requests_app.views.loaders import page
from requests_app.views.ticket_verbs import carry_out
from requests_app.workflow import identity, time_limit


@page
@form_only("ticket-detail", "reference")
def identity_check(request: HttpRequest, reference: str) -> HttpResponse:
    """Keep a check."""

    def act(ticket: Ticket, actor: Actor, typed: dict[str, Any]) -> object:
        file = typed["file"]
        return identity.record(
            ticket,
            actor=actor,
            now=timezone.now(),
            method=IdentityMethod(typed["method"]),
            result=IdentityResult(typed["result"]),
            doubt=typed["doubt"],
            evidence=identity.Evidence(file.chunks(), file.name, file.size) if file else None,
        )

    return carry_out(request, reference, "identity", IdentityForm, act, _told)


def _told(ticket: Ticket) -> str:
    check = identity.latest(ticket)
    if check is not None and check.result == IdentityResult.MORE and not time_limit.open_questions(ticket):
        return _("The check is on {reference}. The answer was due before, so the clock does not stand.")
    return _("The check is on {reference}.")
