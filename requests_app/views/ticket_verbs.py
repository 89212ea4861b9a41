"""What people do to a ticket by pressing a button.

The verbs that take a press or a few words have one view between them, by their rows in `workflow/verbs.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _

from requests_app.audit.actor import Actor
from requests_app.enums import Verb
from requests_app.forms.attachment import AttachmentForm
from requests_app.forms.decision import NoteForm, ReasonForm, form_of
from requests_app.forms.list import NOBODY, AssignForm
from requests_app.forms.retention import EraseForm, UnmaskForm
from requests_app.models import Ticket
from requests_app.views import unmasking
from requests_app.views.form_only import form_only
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
from requests_app.workflow.verbs import VERBS

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


# What carries out the verbs that take no more than a press or a few words.
_RUN: Mapping[Verb, Callable[..., object]] = MappingProxyType(
    {
        Verb.SUBMIT: submit_seen,
        Verb.TAKE_BACK: tickets.take_back,
        Verb.SEND_BACK: tickets.send_back,
        Verb.CANCEL: tickets.cancel,
        Verb.RETRY: aftercare.retry,
        Verb.REOPEN: aftercare.reopen,
        Verb.GIVE_UP: tickets.give_up,
        Verb.RESTORE: aftercare.restore,
        Verb.ANSWER: closing.answer,
    }
)


def verb_pages() -> Iterator[URLPattern]:
    """The address of each of them."""
    for verb in _RUN:
        name = VERBS[verb].page
        yield path(f"tickets/<str:reference>/{name.removeprefix('ticket-')}/", _pressed(verb), name=name)


def _pressed(verb: Verb) -> Callable[..., HttpResponseBase]:
    """The view of a verb, by its row in the table."""
    spec = VERBS[verb]

    def press(request: HttpRequest, reference: str) -> HttpResponse:
        def act(ticket: Ticket, actor: Actor, typed: dict[str, Any]) -> object:
            return _RUN[verb](ticket, actor=actor, now=timezone.now(), **typed)

        return carry_out(request, reference, verb.value, form_of(verb), act, spec.done)

    return page(form_only("ticket-detail", "reference")(fresh_sign_in(press) if spec.fresh_sign_in else press))


@page
@form_only("ticket-detail", "reference")
def erase(request: HttpRequest, reference: str) -> HttpResponse:
    """Erase the personal data of a closed ticket before its time."""

    def act(ticket: Ticket, actor: Actor, typed: dict[str, Any]) -> None:
        retention.erase_by_hand(ticket, actor=actor, now=timezone.now(), note=typed["note"])

    done = _("The personal data of {reference} is erased. A receipt stays.")
    return carry_out(request, reference, "erase", EraseForm, act, done)


@page
@form_only("ticket-detail", "reference")
def unmask(request: HttpRequest, reference: str) -> HttpResponse:
    """Show an auditor whom the ticket is about, for some minutes."""

    def act(ticket: Ticket, actor: Actor, typed: dict[str, Any]) -> None:
        unmasking.remember(request, ticket, actor, typed)

    return carry_out(
        request, reference, "unmask", UnmaskForm, act, _("Personal data of {reference} is shown to you now.")
    )


@page
@form_only("ticket-detail", "reference")
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
@form_only("ticket-detail", "reference")
def add_note(request: HttpRequest, reference: str) -> HttpResponse:
    """Write something on the ticket."""

    def act(ticket: Ticket, actor: Actor, typed: dict[str, Any]) -> object:
        return aftercare.add_note(ticket, actor=actor, now=timezone.now(), text=typed["note"])

    return carry_out(request, reference, "note", NoteForm, act, "Your note is on {reference}.")


@page
@form_only("ticket-detail", "reference")
def attach(request: HttpRequest, reference: str) -> HttpResponse:
    """Put a file on the ticket."""

    def act(ticket: Ticket, actor: Actor, typed: dict[str, Any]) -> object:
        file = typed["file"]
        return attachments.add(ticket, file.chunks(), name=file.name, size=file.size, actor=actor, now=timezone.now())

    return carry_out(request, reference, "attach", AttachmentForm, act, _("The file is on {reference}."))


@page
@form_only("ticket-detail", "reference")
def detach(request: HttpRequest, reference: str, attachment_id: int) -> HttpResponse:
    """Take a file off the ticket, for good."""
    attachment = load_attachment(request, reference, attachment_id)

    def act(ticket: Ticket, actor: Actor, typed: dict[str, Any]) -> object:
        return attachments.remove(attachment, actor=actor, now=timezone.now(), why=typed["note"])

    done = _("The file is gone from {reference}.")
    return carry_out(request, reference, f"detach_{attachment_id}", ReasonForm, act, done)
