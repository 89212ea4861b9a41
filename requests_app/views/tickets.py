"""Tickets: the list, the page of one, and what of it moves by itself."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from requests_app.enums import CLOSED_STATES, SENDABLE_STATES, Kind, State, Verb
from requests_app.execution import polling
from requests_app.execution.timing import FILE_KEPT
from requests_app.forms.decision import ApproveForm, NoteForm, ReasonForm, RemarkForm
from requests_app.models import Ticket
from requests_app.queries import ticket_page
from requests_app.queries import tickets as lists
from requests_app.views.loaders import actor_of, load_ticket, page
from requests_app.views.paging import Pager
from requests_app.workflow import access, deadlines, effects, permissions, tickets
from requests_app.workflow import plan as plans
from requests_app.workflow.actions import Action, actions_for

# The strip above the list: view, icon, tone, words.
_TILES = (
    ("waiting", "gavel", "warn", "wait for a DPO decision"),
    ("due", "calendar-due", "", f"due within {lists.DUE_SOON_DAYS} days"),
    ("running", "refresh", "", "running on Stream"),
    ("attention", "alert-triangle", "bad", "stopped and need a person"),
)
_FORMS = {
    Verb.APPROVE: ApproveForm,
    Verb.SEND_BACK: ReasonForm,
    Verb.REFUSE: ReasonForm,
    Verb.CANCEL: RemarkForm,
    Verb.RETRY: ReasonForm,
    Verb.GIVE_UP: ReasonForm,
    Verb.RESTORE: ReasonForm,
}


@page
@require_http_methods(["GET", "HEAD", "POST"])
def ticket_list(request: HttpRequest) -> HttpResponse:
    """The list. A search is sent as a form, so that nobody's id ever stands in a URL."""
    actor, today = actor_of(request), timezone.localdate()
    view = lists.BY_NAME.get(request.GET.get("view", ""), lists.VIEWS[0])
    typed = request.POST.get("q", "").strip()[:255] if request.method == "POST" else ""
    every = access.visible_tickets(actor)
    found = lists.matching(every, typed, actor) if typed else lists.in_view(view, actor, today)
    rows = lists.page_after(found, actor, closed=view.closed and not typed, after=None if typed else _after(request))
    counts = lists.counts(actor, today, [name for name, *_ in _TILES])
    context = {
        "rows": rows[: lists.PAGE],
        "view": view.name,
        "views": lists.VIEWS,
        "counts": counts,
        "tiles": [(name, icon, tone, words, counts[name]) for name, icon, tone, words in _TILES],
        "typed": typed,
        "more": len(rows) > lists.PAGE,
        "pager": _pager(request, view, rows),
        "may_open": permissions.may_open(actor.role, "ticket-new"),
    }
    return render(request, "tickets/list.html", context)


def _after(request: HttpRequest) -> tuple[date, int] | None:
    """The last row of the page before, from the URL: a due date and a number."""
    day, _, number = request.GET.get("after", "").partition("_")
    try:
        key = (date.fromisoformat(day), int(number))
    except ValueError:
        return None
    return key if 0 < key[1] < 10**18 else None


def _pager(request: HttpRequest, view: lists.View, rows: list[lists.Row]) -> Pager:
    shown, base = rows[: lists.PAGE], f"{reverse('ticket-list')}?view={view.name}"
    onward = ""
    if len(rows) > lists.PAGE:
        last = shown[-1]
        onward = f"{base}&{urlencode({'after': f'{last.due_on.isoformat()}_{int(last.reference[4:])}'})}"
    order = "latest first" if view.closed else "soonest deadline first"
    words = f"{len(shown)} on this page, {order}"
    return Pager(words=words, first=base if request.GET.get("after") else "", next=onward)


@page
@require_safe
def approval_list(request: HttpRequest) -> HttpResponse:
    """What waits for a decision, soonest deadline first."""
    actor = actor_of(request)
    rows = lists.page_after(lists.awaiting(actor), actor, after=_after(request))
    context = {"rows": rows[: lists.PAGE], "pager": _onward(request, rows)}
    return render(request, "approvals/page.html", context)


def _onward(request: HttpRequest, rows: list[lists.Row]) -> Pager:
    base, shown = reverse("approval-list"), rows[: lists.PAGE]
    onward = ""
    if len(rows) > lists.PAGE:
        onward = f"{base}?after={shown[-1].due_on.isoformat()}_{int(shown[-1].reference[4:])}"
    return Pager(f"{len(shown)} on this page, soonest deadline first", base if request.GET.get("after") else "", onward)


@page
@require_safe
def ticket_detail(request: HttpRequest, reference: str) -> HttpResponse:
    """The page of a ticket; opening it is recorded, and its tasks are asked about again soon."""
    ticket = load_ticket(request, reference)
    now = timezone.now()
    access.record_read(ticket, actor=actor_of(request), now=now)
    if ticket.state in SENDABLE_STATES:
        polling.look_sooner(ticket, now=now)
    return ticket_response(request, ticket)


@page
@require_safe
def ticket_progress(request: HttpRequest, reference: str) -> HttpResponse:
    """What moves by itself: nothing (204) while it is as it was, else the pieces that changed."""
    ticket = load_ticket(request, reference)
    version = ticket_page.version(ticket)
    if request.GET.get("v") == version:
        return HttpResponse(status=204)
    context = page_context(request, ticket, version=version)
    # What somebody may be typing into is renewed only where the state allows other things than before.
    context["renew_aside"] = request.GET.get("state") != ticket.state
    return render(request, "tickets/_progress_answer.html", context)


def ticket_response(
    request: HttpRequest, ticket: Ticket, *, bound: dict[str, Any] | None = None, trouble: str = "", status: int = 200
) -> HttpResponse:
    """The whole page; `bound` holds forms that were refused, by their verb, `trouble` a sentence above it."""
    context = page_context(request, ticket, bound=bound) | {"trouble": trouble}
    return render(request, "tickets/detail.html", context, status=status)


def page_context(
    request: HttpRequest, ticket: Ticket, *, bound: dict[str, Any] | None = None, version: str = ""
) -> dict[str, Any]:
    """What the page and its moving pieces show."""
    actor = actor_of(request)
    plan = plans.from_json(ticket.plan)
    clear = permissions.sees_personal_data(actor.role)
    actions = {action.verb: action for action in actions_for(ticket, actor)}
    headline, explained = effects.headline(plan)
    return {
        "ticket": ticket,
        "clear": clear,
        "subject": ticket_page.subject(ticket, clear=clear),
        "plan": plan,
        "erase": plan.kind is Kind.ERASE,
        "headline": headline,
        "explained": explained,
        "tone": _tone(plan),
        "effects": effects.effects(plan),
        "stays": effects.stays_behind(plan),
        "lasting": effects.cannot_be_undone(plan),
        "requests": effects.requests_of(plan) if clear else (),
        "progress": ticket_page.progress(ticket, actor),
        "version": version or ticket_page.version(ticket),
        "polls": _polls(ticket),
        "files_until": ticket.closed_at + FILE_KEPT if ticket.closed_at else None,
        "deadline": deadlines.deadline(ticket.received_on, tickets.clock()),
        "closed": ticket.state in CLOSED_STATES,
        "actions": {verb.value: action for verb, action in actions.items()},
        "forms": _forms(actions, plan.user_ids[0], ticket, bound or {}),
        "may_note": permissions.may_open(actor.role, "ticket-note"),
        "may_download": permissions.may_open(actor.role, "step-download"),
        "may_audit": permissions.may_open(actor.role, "audit-list"),
        "notes": ticket.notes.select_related("written_by").order_by("-id") if clear else (),
    }


def _tone(plan: plans.Plan) -> str:
    if plan.kind is Kind.EXPORT:
        return "blue"
    return "amber" if plans.is_soft_only(plan) else "red"


def _polls(ticket: Ticket) -> int:
    """Seconds until the page asks again: soon while Stream works, now and then while somebody else must act."""
    if ticket.state in SENDABLE_STATES:
        return 2
    return 15 if ticket.state in {State.AWAITING_DECISION, State.NEEDS_ATTENTION} else 0


def _forms(actions: dict[Verb, Action], expected: str, ticket: Ticket, bound: dict[str, Any]) -> dict[str, Any]:
    """A form for each verb that is possible, by its name; those that were refused come back as they were typed."""
    found: dict[str, Any] = {"note": bound.get("note") or NoteForm(auto_id="note_%s")}
    for verb, form in _FORMS.items():
        if verb.value in bound:
            found[verb.value] = bound[verb.value]
        elif verb in actions and actions[verb].allowed:
            found[verb.value] = form(auto_id=f"{verb.value}_%s", initial={"plan_digest": ticket.plan_digest})
    found["expected"] = expected
    return found
