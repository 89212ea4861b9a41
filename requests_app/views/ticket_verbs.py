"""What people do to a ticket by pressing a button: each view is one verb of the workflow behind one small form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from requests_app.audit.actor import Actor
from requests_app.enums import Verb
from requests_app.forms.attachment import AttachmentForm
from requests_app.forms.decision import NoteForm, ReasonForm
from requests_app.forms.list import NOBODY, AssignForm
from requests_app.forms.retention import EraseForm, UnmaskForm
from requests_app.models import Ticket
from requests_app.views import unmasking
from requests_app.views.freshness import fresh_sign_in
from requests_app.views.loaders import actor_of, load_attachment, load_ticket, page
from requests_app.views.look_up import submit_seen
from requests_app.views.numbers import ID_DIGITS, number_or_none
from requests_app.views.renewed import renewed
from requests_app.views.tickets import ticket_response
from requests_app.workflow import aftercare, assignment, attachments, closing, retention, tickets
from requests_app.workflow.permissions import NotPermitted
from requests_app.workflow.policies import UnableTo
from requests_app.workflow.transition import Conflict

Act = Callable[[Ticket, Actor, dict[str, Any]], object]


def carry_out(
    request: HttpRequest,
    reference: str,
    name: str,
    form_class: type[forms.Form],
    act: Act,
    done: str | Callable[[Ticket], str],
) -> HttpResponse:
    """Load, check the form, act; back to the page, or the page with the sentence that says why not."""
    ticket = load_ticket(request, reference)
    form = form_class(request.POST, request.FILES, auto_id=f"{name}_%s")
    if not form.is_valid():
        return ticket_response(request, ticket, bound={name: form}, status=422)
    try:
        act(ticket, actor_of(request), form.cleaned_data)
    except NotPermitted as reason:
        raise PermissionDenied(str(reason)) from None
    except Conflict as reason:
        ticket = load_ticket(request, reference)
        bound = {name: renewed(form, ticket)}
        return ticket_response(request, ticket, bound=bound, trouble=str(reason), status=409)
    except UnableTo as reason:
        return _refused(request, reference, name, form, reason)
    words = done if isinstance(done, str) else done(ticket)
    messages.success(request, words.format(reference=ticket.reference))
    return redirect("ticket-detail", reference=ticket.reference)


def _refused(request: HttpRequest, reference: str, name: str, form: forms.Form, reason: UnableTo) -> HttpResponse:
    # What was read may have been changed in memory: the page shows what is stored.
    ticket = load_ticket(request, reference)
    if reason.field in form.fields:
        form.add_error(reason.field, str(reason))
        return ticket_response(request, ticket, bound={name: form}, status=422)
    return ticket_response(request, ticket, bound={name: renewed(form, ticket)}, trouble=str(reason), status=422)


@page
@require_POST
def submit(request: HttpRequest, reference: str) -> HttpResponse:
    """Send the ticket to the DPO."""
    done = "{reference} is with the DPO. Nothing goes to Stream before the approval."
    return _without_form(request, reference, Verb.SUBMIT, submit_seen, done)


@page
@require_POST
def reopen(request: HttpRequest, reference: str) -> HttpResponse:
    """Make a draft again of a stopped ticket of which nothing was sent."""
    done = _("{reference} is a draft again. Nothing of it was sent. Change what is wrong and send it to the DPO.")
    return _without_form(request, reference, Verb.REOPEN, aftercare.reopen, done)


@page
@require_POST
def take_back(request: HttpRequest, reference: str) -> HttpResponse:
    """Make a draft of it again before anybody decides."""
    done = _("{reference} is a draft again. The DPO no longer sees it among the approvals.")
    return _without_form(request, reference, Verb.TAKE_BACK, tickets.take_back, done)


def _without_form(
    request: HttpRequest, reference: str, verb: Verb, run: Callable[..., object], done: str
) -> HttpResponse:
    """A verb that takes nothing but a press."""

    def act(ticket: Ticket, actor: Actor, typed: dict[str, Any]) -> object:
        return run(ticket, actor=actor, now=timezone.now())

    return carry_out(request, reference, verb.value, forms.Form, act, done)


def _with_note(request: HttpRequest, reference: str, verb: Verb, run: Callable[..., object], done: str) -> HttpResponse:
    def act(ticket: Ticket, actor: Actor, typed: dict[str, Any]) -> object:
        return run(ticket, actor=actor, now=timezone.now(), note=typed["note"])

    return carry_out(request, reference, verb.value, ReasonForm, act, done)


@page
@require_POST
def send_back(request: HttpRequest, reference: str) -> HttpResponse:
    """Give the ticket back to the agent."""
    done = "{reference} went back to the agent."
    return _with_note(request, reference, Verb.SEND_BACK, tickets.send_back, done)


@page
@require_POST
def answer(request: HttpRequest, reference: str) -> HttpResponse:
    """Close the case."""
    return _without_form(request, reference, Verb.ANSWER, closing.answer, _("The case of {reference} is closed."))


@page
@require_POST
def cancel(request: HttpRequest, reference: str) -> HttpResponse:
    """Withdraw the request."""
    done = "{reference} is cancelled. Nothing was sent to Stream."
    return _with_note(request, reference, Verb.CANCEL, tickets.cancel, done)


@page
@require_POST
def retry(request: HttpRequest, reference: str) -> HttpResponse:
    """Try the failed steps again."""
    done = "{reference} is tried again within seconds."
    return _with_note(request, reference, Verb.RETRY, aftercare.retry, done)


@page
@require_POST
def give_up(request: HttpRequest, reference: str) -> HttpResponse:
    """Close a stopped ticket with what was reached."""
    return _with_note(request, reference, Verb.GIVE_UP, tickets.give_up, "{reference} is closed as it stands.")


@page
@require_POST
@fresh_sign_in
def restore(request: HttpRequest, reference: str) -> HttpResponse:
    """Ask Stream to bring soft-deleted users back."""
    done = "Stream is asked to restore the users of {reference}."
    return _with_note(request, reference, Verb.RESTORE, aftercare.restore, done)


@page
@require_POST
def erase(request: HttpRequest, reference: str) -> HttpResponse:
    """Erase the personal data of a closed ticket before its time."""

    def act(ticket: Ticket, actor: Actor, typed: dict[str, Any]) -> None:
        retention.erase_by_hand(ticket, actor=actor, now=timezone.now(), note=typed["note"])

    done = _("The personal data of {reference} is erased. A receipt stays.")
    return carry_out(request, reference, "erase", EraseForm, act, done)


@page
@require_POST
def unmask(request: HttpRequest, reference: str) -> HttpResponse:
    """Show an auditor whom the ticket is about, for some minutes."""

    def act(ticket: Ticket, actor: Actor, typed: dict[str, Any]) -> None:
        unmasking.remember(request, ticket, actor, typed)

    return carry_out(
        request, reference, "unmask", UnmaskForm, act, _("Personal data of {reference} is shown to you now.")
    )


@page
@require_POST
def assign(request: HttpRequest, reference: str) -> HttpResponse:
    """Take the ticket, hand it over, or let it go."""

    def act(ticket: Ticket, actor: Actor, typed: dict[str, Any]) -> object:
        return assignment.assign(
            ticket,
            _person(typed["owner"]),
            actor=actor,
            now=timezone.now(),
            note=typed["note"],
            shown_owner_id=number_or_none(typed["shown"], most_digits=ID_DIGITS),
            check_shown=bool(typed["shown"]),
        )

    def done(ticket: Ticket) -> str:
        owner = ticket.owner
        return f"{{reference}} belongs to {owner.get_full_name() or owner.get_username() if owner else 'nobody'} now."

    return carry_out(request, reference, "assign", AssignForm, act, done)


def _person(value: str) -> AbstractUser | None:
    return None if value == NOBODY else get_user_model().objects.filter(pk=int(value)).first()


@page
@require_POST
def add_note(request: HttpRequest, reference: str) -> HttpResponse:
    """Write something on the ticket."""

    def act(ticket: Ticket, actor: Actor, typed: dict[str, Any]) -> object:
        return aftercare.add_note(ticket, actor=actor, now=timezone.now(), text=typed["note"])

    return carry_out(request, reference, "note", NoteForm, act, "Your note is on {reference}.")


@page
@require_POST
def attach(request: HttpRequest, reference: str) -> HttpResponse:
    """Put a file on the ticket."""

    def act(ticket: Ticket, actor: Actor, typed: dict[str, Any]) -> object:
        file = typed["file"]
        return attachments.add(ticket, file.chunks(), name=file.name, size=file.size, actor=actor, now=timezone.now())

    return carry_out(request, reference, "attach", AttachmentForm, act, _("The file is on {reference}."))


@page
@require_POST
def detach(request: HttpRequest, reference: str, attachment_id: int) -> HttpResponse:
    """Take a file off the ticket, for good."""
    attachment = load_attachment(request, reference, attachment_id)

    def act(ticket: Ticket, actor: Actor, typed: dict[str, Any]) -> object:
        return attachments.remove(attachment, actor=actor, now=timezone.now(), why=typed["note"])

    done = _("The file is gone from {reference}.")
    return carry_out(request, reference, f"detach_{attachment_id}", ReasonForm, act, done)
