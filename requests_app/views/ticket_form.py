"""The form of a request: new, edited, and the parts of it that follow the choices made."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from requests_app.enums import Kind, Mode, Verb
from requests_app.forms.ticket import TicketForm
from requests_app.models import Ticket
from requests_app.views.loaders import actor_of, load_ticket, page
from requests_app.workflow import deadlines, effects, tickets
from requests_app.workflow import plan as plans
from requests_app.workflow.actions import actions_for
from requests_app.workflow.permissions import NotPermitted
from requests_app.workflow.policies import UnableTo
from requests_app.workflow.transition import Conflict

# Kinds of data of an erasure: field, icon, what it is.
_DATA = (
    ("user", "user", "the account itself"),
    ("messages", "messages", "text, reactions"),
    ("conversations", "message", "channels of two people"),
    ("calls", "phone", "calls of two people"),
    ("feeds_data", "rss", "activities, comments, follows"),
)
_ACTIONS = {"draft", "submit"}
# An export of everything; nothing is chosen for an erasure, since that wants a decision.
_FIRST_CHOICES = {Kind.EXPORT.value: {"export_feeds_data": "yes", "export_user_data": "yes"}}


def _form(request: HttpRequest, *, bound: bool, ticket: Ticket | None = None, kind: str = "") -> TicketForm:
    clock = tickets.clock()
    today = deadlines.receipt_date(timezone.now(), clock)
    data = _sent(request) if bound else None
    initial = {"kind": kind, **_FIRST_CHOICES.get(kind, {})} if kind else None
    return TicketForm(data, today=today, clock=clock, ticket=ticket, initial=initial)


def _sent(request: HttpRequest) -> QueryDict:
    """What was typed; choices that come into sight with a new kind begin with what most people want."""
    data = request.POST.copy()
    kind = data.get("kind", "")
    if "shown" in data and data["shown"] != kind:
        data.update(_FIRST_CHOICES.get(kind, {}))
    return data


@page
@require_http_methods(["GET", "HEAD", "POST"])
def ticket_new(request: HttpRequest) -> HttpResponse:
    """A new request, as a draft or sent to the DPO at once."""
    if request.method != "POST":
        kind = request.GET.get("kind", "")
        return _render(request, _form(request, bound=False, kind=kind if kind in set(Kind) else ""))
    form = _form(request, bound=True)
    if request.POST.get("action") == "refresh":
        return _render(request, _without_complaints(form))
    if not _holds(request, form):
        return _render(request, form, status=422)
    actor, now = actor_of(request), timezone.now()
    try:
        with transaction.atomic():
            ticket = tickets.open_ticket(form.intake(), actor=actor, now=now)
            if request.POST.get("action") == "submit":
                tickets.submit(ticket, actor=actor, now=now)
    except NotPermitted as reason:
        raise PermissionDenied(str(reason)) from None
    except UnableTo as reason:
        return _refused(request, form, reason)
    return _done(request, ticket)


@page
@require_http_methods(["GET", "HEAD", "POST"])
def ticket_edit(request: HttpRequest, reference: str) -> HttpResponse:
    """Change what is asked for, as long as it was not sent."""
    ticket = load_ticket(request, reference)
    edit = next((action for action in actions_for(ticket, actor_of(request)) if action.verb is Verb.EDIT), None)
    trouble = edit.reason if edit and not edit.allowed else ""
    if request.method != "POST":
        return _render(request, _form(request, bound=False, ticket=ticket), ticket=ticket, trouble=trouble)
    form = _form(request, bound=True, ticket=ticket)
    if request.POST.get("action") == "refresh":
        return _render(request, _without_complaints(form), ticket=ticket, trouble=trouble)
    if trouble or not _holds(request, form):
        return _render(request, form, ticket=ticket, trouble=trouble, status=422)
    actor, now, revision = actor_of(request), timezone.now(), request.POST.get("revision", "")
    known = int(revision) if revision.isdecimal() and len(revision) < 10 else None
    try:
        with transaction.atomic():
            tickets.edit_ticket(ticket, form.intake(), actor=actor, now=now, revision=known)
            if request.POST.get("action") == "submit":
                tickets.submit(ticket, actor=actor, now=now)
    except NotPermitted as reason:
        raise PermissionDenied(str(reason)) from None
    except Conflict as reason:
        return _render(request, form, ticket=load_ticket(request, reference), trouble=str(reason), status=409)
    except UnableTo as reason:
        return _refused(request, form, reason, ticket=load_ticket(request, reference))
    return _done(request, ticket)


@page
@require_POST
def ticket_plan(request: HttpRequest) -> HttpResponse:
    """The parts of the form that follow the choices made so far, and what the plan would do."""
    return render(request, "tickets/_choices_answer.html", _context(_form(request, bound=True), complain=True))


def _holds(request: HttpRequest, form: TicketForm) -> bool:
    action = request.POST.get("action", "draft")
    if action not in _ACTIONS:
        form.add_error(None, "Choose whether to save a draft or to send the request to the DPO.")
    return form.is_valid()


def _without_complaints(form: TicketForm) -> TicketForm:
    """The same choices, not judged yet: for those who work without JavaScript."""
    form.is_valid()
    for name in list(form.errors):
        del form.errors[name]
    return form


def _refused(request: HttpRequest, form: TicketForm, reason: UnableTo, *, ticket: Ticket | None = None) -> HttpResponse:
    form.add_error(reason.field if reason.field in form.fields else None, str(reason))
    return _render(request, form, ticket=ticket, status=422)


def _done(request: HttpRequest, ticket: Ticket) -> HttpResponse:
    sent = request.POST.get("action") == "submit"
    words = "is with the DPO. Nothing goes to Stream before the approval." if sent else "is saved as a draft."
    messages.success(request, f"{ticket.reference} {words}")
    return redirect("ticket-detail", reference=ticket.reference)


def _render(
    request: HttpRequest, form: TicketForm, *, ticket: Ticket | None = None, trouble: str = "", status: int = 200
) -> HttpResponse:
    context = _context(form, complain=form.is_bound and status != 200)
    context |= {"ticket": ticket, "trouble": trouble}
    context["action"] = reverse("ticket-edit", args=[ticket.reference]) if ticket else reverse("ticket-new")
    return render(request, "tickets/form.html", context, status=status)


def _context(form: TicketForm, *, complain: bool) -> dict[str, Any]:
    """The form with its following parts. Nobody is told of an empty field that they have not come to yet."""
    if form.is_bound:
        form.is_valid()
    plan = _plan_of(form)
    found = plans.problems(plan) if plan else ()
    kind = form.chosen_kind
    return {
        "form": form,
        "kind": kind.value if kind else "",
        "erase": kind is Kind.ERASE,
        "export": kind is Kind.EXPORT,
        "owners": form.chosen_user_mode is Mode.HARD,
        "with_user": form.chosen_user_mode is not Mode.KEEP,
        "data": [(form[name], icon, words) for name, icon, words in _DATA],
        "complain": complain,
        "plan": plan,
        "problems": [] if not plan else [problem for problem in found if problem.field != "user_ids" or plan.user_ids],
        "headline": effects.headline(plan) if plan and not found else None,
        "lasting": effects.cannot_be_undone(plan) if plan and not found else (),
        "stays": effects.stays_behind(plan) if plan and not found else (),
        "requests": effects.requests_of(plan) if plan and not found else (),
        "deadline": _deadline(form),
    }


def _plan_of(form: TicketForm) -> plans.Plan | None:
    """The plan as typed so far; for a form that was not sent yet, the one that its initial values make."""
    if form.is_bound:
        return form.plan
    initial = form.initial
    if not initial.get("kind") or "user_ids" not in initial:
        return None
    names = ("kind", "user_ids", *plans.MODES, "export_feeds_data", "export_user_data", "files", *plans.OWNERS)
    return plans.Plan(**{name: initial[name] for name in (*names, "copy_first")})


def _deadline(form: TicketForm) -> deadlines.Deadline | None:
    received_on = form.cleaned_data.get("received_on") if form.is_bound else form.initial.get("received_on")
    if received_on is None or deadlines.check_received_on(received_on, form.today):
        return None
    return deadlines.deadline(received_on, form.clock)
