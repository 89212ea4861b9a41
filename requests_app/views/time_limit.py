"""What moves the time limit of a ticket: extending it, asking the person, getting the answer."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from requests_app.audit.actor import Actor
from requests_app.enums import Channel, ExtensionGround, PauseOfClock
from requests_app.forms.time_limit import AnswerForm, AskForm, ExtendForm
from requests_app.models import Ticket
from requests_app.views.form_only import form_only
from requests_app.views.loaders import page
from requests_app.views.ticket_verbs import carry_out
from requests_app.workflow import time_limit


@page
@form_only("ticket-detail", "reference")
def extend(request: HttpRequest, reference: str) -> HttpResponse:
    """Extend the time once."""

    def act(ticket: Ticket, actor: Actor, typed: dict[str, Any]) -> object:
        return time_limit.extend(
            ticket,
            actor=actor,
            now=timezone.now(),
            ground=ExtensionGround(typed["ground"]),
            reason=typed["note"],
            notice_on=typed["notice_on"],
            notice_channel=Channel(typed["notice_channel"]),
        )

    return carry_out(request, reference, "extend", ExtendForm, act, _("The time of {reference} is extended."))


@page
@form_only("ticket-detail", "reference")
def ask(request: HttpRequest, reference: str) -> HttpResponse:
    """Stop the clock: the person was asked something."""

    def act(ticket: Ticket, actor: Actor, typed: dict[str, Any]) -> object:
        return time_limit.ask(
            ticket,
            actor=actor,
            now=timezone.now(),
            kind=PauseOfClock(typed["kind"]),
            asked_on=typed["asked_on"],
            question=typed["note"],
        )

    return carry_out(request, reference, "ask", AskForm, act, _("The clock of {reference} stands until the answer."))


@page
@form_only("ticket-detail", "reference")
def answer(request: HttpRequest, reference: str, pause_id: int) -> HttpResponse:
    """Let the clock go on: the person answered."""

    def act(ticket: Ticket, actor: Actor, typed: dict[str, Any]) -> object:
        return time_limit.answer(ticket, pause_id, actor=actor, now=timezone.now(), answered_on=typed["answered_on"])

    return carry_out(request, reference, f"answer{pause_id}", AnswerForm, act, _("The clock of {reference} goes on."))
