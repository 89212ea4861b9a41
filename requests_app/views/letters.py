"""Letters of a ticket: writing one with a preview, sending it, noting that it went out by hand."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from requests_app.enums import Language, LetterKind
from requests_app.forms.letter import ByHandForm, LetterChoiceForm, LetterForm
from requests_app.models import Letter, Ticket
from requests_app.queries import letters as queries
from requests_app.views.form_only import form_only
from requests_app.views.loaders import actor_of, load_ticket, page
from requests_app.views.tickets import ticket_response
from requests_app.workflow import letters
from requests_app.workflow.letters import Draft
from requests_app.workflow.permissions import NotPermitted
from requests_app.workflow.policies import UnableTo


@page
@require_http_methods(["GET", "POST"])
def letter_new(request: HttpRequest, reference: str) -> HttpResponse:
    """Write a letter: pre-filled, changed at will, looked at, kept, and sent where that is asked for."""
    ticket = load_ticket(request, reference)
    if request.method != "POST":
        return _page(request, ticket, LetterForm(initial=_filled(request, ticket)))
    form = LetterForm(request.POST)
    if not form.is_valid():
        return _page(request, ticket, form, status=422)
    try:
        letter = _draft(ticket, form.cleaned_data)
        letters.check(letter)
        if request.POST.get("action") == "preview":
            return _page(request, ticket, form, preview=letter)
        by_mail = request.POST.get("action") == "send"
        letters.write(ticket, letter, actor=actor_of(request), now=timezone.now(), by_mail=by_mail)
    except NotPermitted as reason:
        raise PermissionDenied(str(reason)) from None
    except UnableTo as reason:
        form.add_error(reason.field if reason.field in form.fields else None, str(reason))
        return _page(request, ticket, form, status=422)
    messages.success(request, _("The letter is kept with {reference}.").format(reference=ticket.reference))
    return redirect("ticket-detail", reference=ticket.reference)


def _filled(request: HttpRequest, ticket: Ticket) -> dict[str, str]:
    """The letter that the choice asks for, or the likeliest."""
    kinds = letters.fitting(ticket)
    kind = next((one for one in kinds if one == request.GET.get("kind")), kinds[0])
    language = next((one for one in Language if one == request.GET.get("language")), letters.default_language())
    draft = letters.draft(ticket, kind, language, now=timezone.now())
    return {"kind": kind.value, "language": language.value, "subject": draft.subject, "body": draft.body}


def _draft(ticket: Ticket, typed: dict[str, Any]) -> Draft:
    if typed["kind"] not in set(LetterKind):
        raise UnableTo(_("There is no such letter. Choose one of the list."))
    kind, language = LetterKind(typed["kind"]), Language(typed["language"])
    template = letters.draft(ticket, kind, language, now=timezone.now()).template
    return Draft(kind, language, typed["subject"], typed["body"], template)


def _page(
    request: HttpRequest, ticket: Ticket, form: LetterForm, *, preview: Draft | None = None, status: int = 200
) -> HttpResponse:
    kinds = letters.fitting(ticket)
    chosen = {name: form[name].value() for name in ("kind", "language")}
    context = {
        "ticket": ticket,
        "form": form,
        "choice": LetterChoiceForm(kinds=kinds, initial=chosen, auto_id="choice_%s"),
        "preview": preview,
        "no_mail": letters.why_no_mail(ticket),
    }
    return render(request, "letters/new.html", context, status=status)


def _load(request: HttpRequest, reference: str, letter_id: int) -> tuple[Ticket, Letter]:
    ticket = load_ticket(request, reference)
    try:
        letter = queries.of_ticket(ticket, letter_id)
    except OverflowError:
        letter = None
    if letter is None:
        raise Http404
    return ticket, letter


@page
@form_only("ticket-detail", "reference")
def letter_send(request: HttpRequest, reference: str, letter_id: int) -> HttpResponse:
    """Send a letter by mail, or once more."""
    ticket, letter = _load(request, reference, letter_id)
    try:
        letters.send(letter, actor=actor_of(request), now=timezone.now())
    except UnableTo as reason:
        return ticket_response(request, ticket, trouble=str(reason), status=422)
    messages.success(request, _("The letter goes out within a minute. What becomes of it stands below."))
    return redirect("ticket-detail", reference=ticket.reference)


@page
@form_only("ticket-detail", "reference")
def letter_by_hand(request: HttpRequest, reference: str, letter_id: int) -> HttpResponse:
    """Note that a letter went out by hand."""
    ticket, letter = _load(request, reference, letter_id)
    name = f"by_hand_{letter.pk}"
    form = ByHandForm(request.POST, auto_id=f"{name}_%s")
    if not form.is_valid():
        return ticket_response(request, ticket, bound={name: form}, status=422)
    typed = form.cleaned_data
    try:
        letters.sent_by_hand(
            letter,
            actor=actor_of(request),
            now=timezone.now(),
            sent_on=typed["sent_on"],
            channel=typed["channel"],
        )
    except UnableTo as reason:
        if reason.field not in form.fields:
            return ticket_response(request, ticket, trouble=str(reason), status=422)
        form.add_error(reason.field, str(reason))
        return ticket_response(request, ticket, bound={name: form}, status=422)
    messages.success(request, _("It is noted that the letter was sent."))
    return redirect("ticket-detail", reference=ticket.reference)
