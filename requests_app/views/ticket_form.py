"""The form of a request: new, edited, and the parts of it that follow the choices made."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_http_methods

from requests_app.engine import lookup
from requests_app.enums import Kind, Mode, Verb
from requests_app.forms.ticket import TicketForm
from requests_app.models import Ticket
from requests_app.views.concurrent_edit import (
    STILL_TO_CHOOSE,
    Difference,
    asked_about,
    differences,
    undecided,
    with_choices,
)
from requests_app.views.copied_request import Copied, copied, copied_before
from requests_app.views.form_only import form_only
from requests_app.views.loaders import actor_of, load_ticket, page
from requests_app.views.look_up import accounts_context
from requests_app.views.numbers import number_or_none
from requests_app.views.tickets import CONFLICT
from requests_app.workflow import access, autosave, deadlines, effects, presets, tickets
from requests_app.workflow import plan as plans
from requests_app.workflow.actions import actions_for
from requests_app.workflow.clock import clock
from requests_app.workflow.guard import costs_the_approval
from requests_app.workflow.permissions import NotPermitted
from requests_app.workflow.policies import UnableTo
from requests_app.workflow.sightings import NOT_ASKED, Sighting
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


def _form(
    request: HttpRequest, *, bound: bool, ticket: Ticket | None = None, initial: dict[str, Any] | None = None
) -> TicketForm:
    today = deadlines.receipt_date(timezone.now(), clock())
    data = _sent(request) if bound else None
    if data is not None and ticket is not None:
        data = with_choices(data, ticket)
    apps = access.visible_apps(actor_of(request))
    return TicketForm(data, today=today, clock=clock(), apps=apps, ticket=ticket, initial=initial)


def _sent(request: HttpRequest) -> QueryDict:
    """What was typed; choices that come into sight with a new kind begin with what most people want."""
    data = request.POST.copy()
    kind = data.get("kind", "")
    if "shown" in data and data["shown"] != kind:
        data.update(_FIRST_CHOICES.get(kind, {}))
    preset = presets.BY_NAME.get(data.get("preset", ""))
    if preset and kind == Kind.ERASE:
        data.update({name: mode.value for name, mode in preset.modes.items()})
        data["files"] = "yes" if preset.files else "no"
        if preset.modes["user"] is not Mode.HARD:
            data.update(dict.fromkeys(plans.OWNERS, ""))
    return data


def _only_looks(request: HttpRequest) -> bool:
    """Whether the form is sent to be shown again, by those who work without JavaScript: nothing is saved."""
    return request.POST.get("action") in {"refresh", "look-up"} or "preset" in request.POST


def form_of(request: HttpRequest, ticket: Ticket | None = None) -> TicketForm:
    """The form as it was sent, of that ticket where it is about one already."""
    return _form(request, bound=True, ticket=ticket)


def revision_of(request: HttpRequest) -> int | None:
    """The revision of the ticket that the page showed."""
    return number_or_none(request.POST.get("revision", ""))


def _kept_form(request: HttpRequest, ticket: Ticket | None = None) -> TicketForm | None:
    """The form that this person left unfinished, where the URL asks for it."""
    kept = autosave.of_session(request.GET.get("kept", ""), actor_of(request))
    if kept is None or kept.ticket != ticket or not autosave.is_for_own_app(kept, actor_of(request)):
        return None
    data = QueryDict(mutable=True)
    data.update(autosave.typed(kept))
    today = deadlines.receipt_date(timezone.now(), clock())
    apps = access.visible_apps(actor_of(request))
    return _without_complaints(TicketForm(data, today=today, clock=clock(), apps=apps, ticket=ticket))


@page
@require_http_methods(["GET", "HEAD", "POST"])
def ticket_new(request: HttpRequest) -> HttpResponse:
    """A new request, as a draft or sent to the DPO at once."""
    if request.method != "POST":
        kept = _kept_form(request)
        if kept:
            return _render(request, kept)
        copy, kind = copied(request), request.GET.get("kind", "")
        first = {"kind": kind, **_FIRST_CHOICES.get(kind, {})} if kind in set(Kind) else {}
        return _render(request, _form(request, bound=False, initial=copy.initial if copy else first), copy=copy)
    own = _saved_by_itself(request)
    if own and not _only_looks(request):
        return _edit(request, own)
    form = _form(request, bound=True)
    if _only_looks(request):
        return _render(request, _without_complaints(form))
    if not _holds(request, form):
        return _render(request, form, status=422)
    actor, now, seen = actor_of(request), timezone.now(), _seen(request, form)
    try:
        with transaction.atomic():
            ticket = tickets.open_ticket(form.intake(), actor=actor, now=now)
            if request.POST.get("action") == "submit":
                tickets.submit(ticket, actor=actor, now=now, seen=seen)
    except NotPermitted as reason:
        raise PermissionDenied(str(reason)) from None
    except tickets.AlreadyOpen as reason:
        # The form may have saved itself in this very moment: then that is the ticket.
        own = _saved_by_itself(request)
        return _edit(request, own) if own else _refused(request, form, reason)
    except UnableTo as reason:
        return _refused(request, form, reason)
    return _done(request, ticket)


def _saved_by_itself(request: HttpRequest) -> str:
    """The reference of the draft as which the form of a new request saved itself, or an empty text."""
    kept = autosave.of_session(request.POST.get("session", ""), actor_of(request))
    return kept.ticket.reference if kept and kept.ticket else request.POST.get("draft", "")


@page
@require_http_methods(["GET", "HEAD", "POST"])
def ticket_edit(request: HttpRequest, reference: str) -> HttpResponse:
    """Change what is asked for, as long as it was not sent."""
    return _edit(request, reference)


def _edit(request: HttpRequest, reference: str) -> HttpResponse:
    ticket = load_ticket(request, reference)
    edit = next(
        (action for action in actions_for(ticket, actor_of(request), now=timezone.now()) if action.verb is Verb.EDIT),
        None,
    )
    trouble = edit.reason if edit and not edit.allowed else ""
    if request.method != "POST":
        form = _kept_form(request, ticket) or _form(request, bound=False, ticket=ticket)
        form.initial.setdefault("note", autosave.waiting_note(actor_of(request), ticket))
        return _render(request, form, ticket=ticket, trouble=trouble)
    form = _form(request, bound=True, ticket=ticket)
    if _only_looks(request):
        return _render(request, _without_complaints(form), ticket=ticket, trouble=trouble)
    if trouble or not _holds(request, form):
        return _render(request, form, ticket=ticket, trouble=trouble, status=422)
    open_choices = undecided(request, form, ticket)
    if open_choices:
        return _render(request, form, ticket=ticket, trouble=str(STILL_TO_CHOOSE), status=422, differs=open_choices)
    actor, now, seen = actor_of(request), timezone.now(), _seen(request, form)
    kept = autosave.of_session(request.POST.get("session", ""), actor)
    known = autosave.own_revision(kept, ticket, revision_of(request))
    try:
        with transaction.atomic():
            tickets.edit_ticket(ticket, form.intake(), actor=actor, now=now, revision=known)
            if request.POST.get("action") == "submit":
                tickets.submit(ticket, actor=actor, now=now, seen=seen)
    except NotPermitted as reason:
        raise PermissionDenied(str(reason)) from None
    except Conflict as reason:
        ticket = load_ticket(request, reference)
        differs = differences(form, ticket)
        return _render(request, form, ticket=ticket, trouble=str(reason), status=CONFLICT, differs=differs)
    except UnableTo as reason:
        return _refused(request, form, reason, ticket=load_ticket(request, reference))
    return _done(request, ticket)


@page
@form_only("ticket-new")
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
    form.add_error(reason.field if reason.field in form.fields else None, _sentence(reason))
    if isinstance(reason, tickets.NotThePerson):
        tickets.record_stopped(reason, actor=actor_of(request), now=timezone.now(), ticket=ticket)
    return _render(request, form, ticket=ticket, status=422)


def _sentence(reason: UnableTo) -> str:
    """The sentence of a refusal; one that names another ticket leads there."""
    if isinstance(reason, tickets.AlreadyOpen) and reason.reference:
        address = reverse("ticket-detail", args=[reason.reference])
        link = format_html('<a href="{}">{}</a>', address, reason.reference)
        return format_html("{}{}", link, str(reason).removeprefix(reason.reference))
    return str(reason)


def _seen(request: HttpRequest, form: TicketForm) -> Sighting:
    """What Stream shows of the request where it is to be sent to the DPO. Read before any transaction is open."""
    intake = form.intake()
    if request.POST.get("action") != "submit":
        return NOT_ASKED
    return lookup.look_at(intake.stream_app, intake.plan, now=timezone.now())


def _done(request: HttpRequest, ticket: Ticket) -> HttpResponse:
    autosave.forget(request.POST.get("session", ""), actor=actor_of(request), ticket=ticket)
    sent = request.POST.get("action") == "submit"
    words = "is with the DPO. Nothing goes to Stream before the approval." if sent else "is saved as a draft."
    messages.success(request, f"{ticket.reference} {words}")
    return redirect("ticket-detail", reference=ticket.reference)


def _render(
    request: HttpRequest,
    form: TicketForm,
    *,
    ticket: Ticket | None = None,
    trouble: str = "",
    status: int = 200,
    copy: Copied | None = None,
    differs: tuple[Difference, ...] = (),
) -> HttpResponse:
    context = _context(form, complain=form.is_bound and status != 200)
    copy = copy or copied_before(request)
    context["differences"] = differs or (asked_about(request, form, ticket) if ticket else ())
    context |= {"ticket": ticket, "trouble": trouble, "copied": copy, "session": _session(request)}
    context["draft"] = ticket.reference if ticket else request.POST.get("draft", "")
    context["revision"] = _known_revision(request, ticket, told=status == CONFLICT)
    context["costs_the_approval"] = costs_the_approval(ticket, actor_of(request))
    if request.method != "POST" and not form.is_bound:
        context["unfinished"] = autosave.unfinished(actor_of(request), ticket)
    looks = request.POST.get("action") == "look-up" or status == 422
    context["known"] = accounts_context(request, form) if form.is_bound and looks else {"findings": []}
    context["action"] = reverse("ticket-edit", args=[ticket.reference]) if ticket else reverse("ticket-new")
    return render(request, "tickets/form.html", context, status=status)


def _known_revision(request: HttpRequest, ticket: Ticket | None, *, told: bool) -> int | str:
    """The revision that the page knows. A form that comes back has not seen what was saved since, unless it is told."""
    if ticket is None or (request.method == "POST" and not told):
        return request.POST.get("revision", "")
    kept = autosave.of_session(request.GET.get("kept", ""), actor_of(request))
    return (kept.revision if kept and kept.ticket == ticket else None) or ticket.revision


def _session(request: HttpRequest) -> str:
    """What the page saves itself under: the page goes on with its own, a new page gets one."""
    own = request.POST.get("session", "")
    if autosave.is_session(own):
        return own
    kept = request.GET.get("kept", "")
    return kept if autosave.of_session(kept, actor_of(request)) else secrets.token_hex(16)


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
        "presets": presets.PRESETS,
        "preset": presets.matching(plan) if plan else None,
        "own_choice": bool(plan and presets.is_own_choice(plan)),
        "plan": plan,
        "problems": [] if not plan else [problem for problem in found if problem.field != "user_ids" or plan.user_ids],
        "headline": effects.headline(plan) if plan and not found else None,
        "effects": effects.effects(plan) if plan and not found else (),
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
