"""The DPO's decision: the preview of its effect, and the approval that is bound to it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from requests_app.engine import effect_preview
from requests_app.enums import Kind, LetterKind, State, Verb
from requests_app.forms.decision import ApproveForm
from requests_app.models import Ticket
from requests_app.views.decision_card import preview_context
from requests_app.views.form_only import form_only
from requests_app.views.freshness import fresh_sign_in
from requests_app.views.loaders import actor_of, load_ticket, page
from requests_app.views.numbers import number_or_none
from requests_app.views.renewed import renewed
from requests_app.views.tickets import ticket_response
from requests_app.workflow import approval, letters
from requests_app.workflow.letters import Draft
from requests_app.workflow.permissions import NotPermitted
from requests_app.workflow.policies import UnableTo
from requests_app.workflow.transition import Conflict


@page
@form_only("ticket-detail", "reference")
def preview(request: HttpRequest, reference: str) -> HttpResponse:
    """Ask Stream what it shows of the accounts now. A fragment for htmx, else back to the page that shows it."""
    ticket = load_ticket(request, reference)
    now = timezone.now()
    try:
        effect_preview.make(ticket, actor=actor_of(request), now=now)
    except NotPermitted as reason:
        raise PermissionDenied(str(reason)) from None
    except UnableTo as reason:
        return ticket_response(request, load_ticket(request, reference), trouble=str(reason), status=422)
    if not request.headers.get("HX-Request"):
        return redirect("ticket-detail", reference=ticket.reference)
    context = {
        "ticket": ticket,
        "erase": ticket.kind == Kind.ERASE,
        "renewed": True,
        **preview_context(ticket, now=now),
    }
    return render(request, "tickets/_effect_preview_answer.html", context)


@page
@form_only("ticket-detail", "reference")
@fresh_sign_in
def approve(request: HttpRequest, reference: str) -> HttpResponse:
    """Release exactly the plan that the page showed, over exactly the preview that it showed."""
    ticket = load_ticket(request, reference)
    form = ApproveForm(request.POST, auto_id="approve_%s")
    if not form.is_valid():
        return ticket_response(request, ticket, bound={"approve": form}, status=422)
    typed = form.cleaned_data
    try:
        approval.approve(
            ticket,
            actor=actor_of(request),
            now=timezone.now(),
            confirm_user_id=typed["confirm_user_id"],
            note=typed["note"],
            plan_digest=typed["plan_digest"],
            revision=number_or_none(typed["revision"]),
            preview_digest=typed["preview_digest"],
            without_preview=typed["without_preview"],
            send_if_absent=typed["send_if_absent"],
            ground=typed["ground"],
            letter=_notice(request, typed),
        )
    except NotPermitted as reason:
        raise PermissionDenied(str(reason)) from None
    except Conflict as reason:
        return _done_before(request, reference) or _too_late(request, reference, form, reason)
    except UnableTo as reason:
        return _done_before(request, reference) or _refused(request, reference, form, reason)
    messages.success(request, _approved(ticket))
    return redirect("ticket-detail", reference=ticket.reference)


def _notice(request: HttpRequest, typed: dict[str, Any]) -> Draft | None:
    """The notice of what is refused as the page had it; None where the page had none."""
    if "body" not in request.POST:
        return None
    return Draft(LetterKind.PARTIAL, letters.default_language(), typed["subject"], typed["body"], None)


def _done_before(request: HttpRequest, reference: str) -> HttpResponse | None:
    """Where this person approved the ticket before: the page, which tells so. A second press does nothing again."""
    ticket = load_ticket(request, reference)
    mine = approval.approved_before(ticket, actor=actor_of(request))
    if mine is None:
        return None
    at = timezone.localtime(mine)
    words = _("You approved {reference} already, on {at}. Nothing was done a second time.")
    messages.info(request, words.format(reference=ticket.reference, at=f"{at:%d %b, %H:%M}"))
    return redirect("ticket-detail", reference=ticket.reference)


def _refused(request: HttpRequest, reference: str, form: forms.Form, reason: UnableTo) -> HttpResponse:
    # What was read may have been changed in memory: the page shows what is stored, and the form what was typed.
    ticket = load_ticket(request, reference)
    if ticket.state != State.AWAITING_DECISION:
        bound = {Verb.APPROVE.value: renewed(form, ticket)}
        return ticket_response(request, ticket, bound=bound, trouble=str(reason), status=422)
    if not _is_of(form, ticket):
        # The page shows the ticket as it is now: what is approved next is that, once it was read and confirmed anew.
        form = renewed(form, ticket)
    form.add_error(reason.field if reason.field in form.fields else None, str(reason))
    return ticket_response(request, ticket, bound={"approve": form}, status=422)


def _is_of(form: forms.Form, ticket: Ticket) -> bool:
    """Whether the form was filled in over the ticket as it stands."""
    shown = (form.data.get("plan_digest"), form.data.get("revision"))
    return shown == (ticket.plan_digest, str(ticket.revision))


def _approved(ticket: Ticket) -> str:
    if ticket.state != State.APPROVED:
        words = _("{reference} has your approval. A second data protection officer must approve it, too.")
        return words.format(reference=ticket.reference)
    if ticket.not_before:
        ends = timezone.localtime(ticket.not_before)
        words = _("{reference} is approved. Nothing is sent before {at}; until then it can be cancelled.")
        return words.format(reference=ticket.reference, at=f"{ends:%d %b, %H:%M}")
    return _("{reference} is approved. The portal starts on Stream within seconds.").format(reference=ticket.reference)


def _too_late(request: HttpRequest, reference: str, form: ApproveForm, reason: Conflict) -> HttpResponse:
    """Somebody else was quicker: the page says who, and keeps what was typed."""
    ticket = load_ticket(request, reference)
    bound = {Verb.APPROVE.value: renewed(form, ticket)}
    return ticket_response(request, ticket, bound=bound, trouble=str(reason), status=409)
