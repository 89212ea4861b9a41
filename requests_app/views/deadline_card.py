"""The cards of identity and deadline on a ticket: what stands there, and a form for each thing that may be done."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from requests_app.audit.actor import Actor
from requests_app.enums import CLOSED_STATES, State
from requests_app.forms.identity import IdentityForm
from requests_app.forms.time_limit import AnswerForm, AskForm, ExtendForm
from requests_app.models import Ticket
from requests_app.workflow import deadlines, identity, permissions, time_limit
from requests_app.workflow.deadlines import Deadline


def card(ticket: Ticket, actor: Actor, bound: dict[str, Any], *, today: date) -> dict[str, Any]:
    """What the card shows: the dates, the extension, the questions, and a form for each thing that may be done.

    Of a ticket whose parts were read.
    """
    extension = getattr(ticket, "extension", None)
    found = time_limit.deadline_of(ticket, today=today, extended=extension is not None)
    open_ticket = ticket.state not in CLOSED_STATES
    if not open_ticket:
        found = _as_it_closed(found, ticket)
    late = deadlines.check_extension(today, found.refuse_by_on, extended=found.extended)
    may_extend = open_ticket and permissions.may_open(actor, "clock-extend")
    may_check = State(ticket.state) in identity.CHECKABLE and permissions.may_open(actor, "identity-check")
    may_answer = permissions.may_open(actor, "clock-answer")
    may_ask = open_ticket and permissions.may_open(actor, "clock-ask")
    questions = list(ticket.clock_pauses.all())
    return {
        "identity": max(ticket.identity_checks.all(), key=lambda check: check.pk, default=None),
        "identity_form": _form("identity", IdentityForm, bound) if may_check else None,
        "deadline": found,
        "waits_for_person": any(pause.answered_on is None for pause in questions),
        "extension": extension,
        "questions": [
            (pause, _answer_form(pause.pk, bound) if may_answer and pause.answered_on is None else None)
            for pause in questions
        ],
        "extend_form": _form("extend", ExtendForm, bound) if may_extend and not late else None,
        "why_not_extended": late if may_extend else "",
        "ask_form": _form("ask", AskForm, bound) if may_ask else None,
    }


def _as_it_closed(found: Deadline, ticket: Ticket) -> Deadline:
    """A closed ticket keeps the dates it was answered by (D11), whatever the settings say today."""
    kept = replace(
        found,
        due_on=ticket.due_on,
        target_on=ticket.target_on,
        refuse_by_on=ticket.refuse_by_on or found.refuse_by_on,
    )
    if kept == found:
        return found
    then = _("Received %(day)s; counted by the settings that held until the ticket was closed.")
    sentence = then % {"day": deadlines.spoken(ticket.received_on)}
    return replace(kept, sentence=sentence, target_sentence="", refuse_sentence="Art. 12(4) GDPR.")


def _form(name: str, form_class: type[forms.Form], bound: dict[str, Any]) -> forms.Form:
    found: forms.Form = bound.get(name) or form_class(auto_id=f"{name}_%s")
    return found


def _answer_form(pause_id: int, bound: dict[str, Any]) -> forms.Form:
    return _form(f"answer{pause_id}", AnswerForm, bound)
