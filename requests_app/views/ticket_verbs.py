"""What people do to a ticket by pressing a button: each view is one verb of the workflow behind one small form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from requests_app.audit.actor import Actor
from requests_app.enums import Verb
from requests_app.forms.decision import ApproveForm, NoteForm, ReasonForm
from requests_app.models import Ticket
from requests_app.views.loaders import actor_of, load_ticket, page
from requests_app.views.tickets import ticket_response
from requests_app.workflow import aftercare, tickets
from requests_app.workflow.permissions import NotPermitted
from requests_app.workflow.policies import UnableTo
from requests_app.workflow.transition import Conflict

Act = Callable[[Ticket, Actor, dict[str, Any]], object]


def _do(
    request: HttpRequest, reference: str, name: str, form_class: type[forms.Form], act: Act, done: str
) -> HttpResponse:
    """Load, check the form, act; back to the page, or the page with the sentence that says why not."""
    ticket = load_ticket(request, reference)
    form = form_class(request.POST, auto_id=f"{name}_%s")
    if not form.is_valid():
        return ticket_response(request, ticket, bound={name: form}, status=422)
    try:
        act(ticket, actor_of(request), form.cleaned_data)
    except NotPermitted as reason:
        raise PermissionDenied(str(reason)) from None
    except Conflict as reason:
        return ticket_response(request, load_ticket(request, reference), trouble=str(reason), status=409)
    except UnableTo as reason:
        return _refused(request, reference, name, form, reason)
    messages.success(request, done.format(reference=ticket.reference))
    return redirect("ticket-detail", reference=ticket.reference)


def _refused(request: HttpRequest, reference: str, name: str, form: forms.Form, reason: UnableTo) -> HttpResponse:
    # What was read may have been changed in memory: the page shows what is stored.
    ticket = load_ticket(request, reference)
    if reason.field in form.fields:
        form.add_error(reason.field, str(reason))
        return ticket_response(request, ticket, bound={name: form}, status=422)
    return ticket_response(request, ticket, trouble=str(reason), status=422)


@page
@require_POST
def submit(request: HttpRequest, reference: str) -> HttpResponse:
    """Send the ticket to the DPO."""

    def act(ticket: Ticket, actor: Actor, typed: dict[str, Any]) -> object:
        return tickets.submit(ticket, actor=actor, now=timezone.now())

    done = "{reference} is with the DPO. Nothing goes to Stream before the approval."
    return _do(request, reference, Verb.SUBMIT.value, forms.Form, act, done)


@page
@require_POST
def approve(request: HttpRequest, reference: str) -> HttpResponse:
    """Release exactly the plan that the page showed."""

    def act(ticket: Ticket, actor: Actor, typed: dict[str, Any]) -> object:
        return tickets.approve(
            ticket,
            actor=actor,
            now=timezone.now(),
            confirm_user_id=typed["confirm_user_id"],
            note=typed["note"],
            plan_digest=typed["plan_digest"] or None,
            send_if_absent=typed["send_if_absent"],
        )

    done = "{reference} is approved. The portal starts on Stream within seconds."
    return _do(request, reference, Verb.APPROVE.value, ApproveForm, act, done)


def _with_note(request: HttpRequest, reference: str, verb: Verb, run: Callable[..., object], done: str) -> HttpResponse:
    def act(ticket: Ticket, actor: Actor, typed: dict[str, Any]) -> object:
        return run(ticket, actor=actor, now=timezone.now(), note=typed["note"])

    return _do(request, reference, verb.value, ReasonForm, act, done)


@page
@require_POST
def send_back(request: HttpRequest, reference: str) -> HttpResponse:
    """Give the ticket back to the agent."""
    done = "{reference} went back to the agent."
    return _with_note(request, reference, Verb.SEND_BACK, tickets.send_back, done)


@page
@require_POST
def refuse(request: HttpRequest, reference: str) -> HttpResponse:
    """Refuse the request."""
    return _with_note(request, reference, Verb.REFUSE, tickets.refuse, "{reference} is refused.")


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
def restore(request: HttpRequest, reference: str) -> HttpResponse:
    """Ask Stream to bring soft-deleted users back."""
    done = "Stream is asked to restore the users of {reference}."
    return _with_note(request, reference, Verb.RESTORE, aftercare.restore, done)


@page
@require_POST
def add_note(request: HttpRequest, reference: str) -> HttpResponse:
    """Write something on the ticket."""

    def act(ticket: Ticket, actor: Actor, typed: dict[str, Any]) -> object:
        return aftercare.add_note(ticket, actor=actor, now=timezone.now(), text=typed["note"])

    return _do(request, reference, "note", NoteForm, act, "Your note is on {reference}.")
