"""The page of a ticket, and what of it moves by itself."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django import forms
from django.contrib.auth.models import AbstractUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from requests_app.audit.actor import Actor
from requests_app.engine.phases import poll
from requests_app.enums import CLOSED_STATES, SENDABLE_STATES, Kind, State, Verb
from requests_app.forms.attachment import AttachmentForm
from requests_app.forms.decision import ApproveForm, NoteForm, ReasonForm, form_of
from requests_app.forms.list import NOBODY, AssignForm
from requests_app.models import Attachment, Ticket
from requests_app.queries import approvals, duplicates, outcome_words, results, ticket_page, ticket_parts
from requests_app.queries.audit_state import chain_of
from requests_app.queries.ticket_parts import PREVIEWS, read_parts, standing_verdicts
from requests_app.views import deadline_card, personal, saying, unmasking
from requests_app.views.decision_card import card_context
from requests_app.views.freshness import is_fresh
from requests_app.views.loaders import actor_of, introduce, load_ticket, page
from requests_app.workflow import access, approval, effects, permissions, presence, staff
from requests_app.workflow import plan as plans
from requests_app.workflow.actions import Action, actions_for
from requests_app.workflow.guard import is_cooling_off, lacks_cover_sheet
from requests_app.workflow.verbs import VERBS, Asks

# A change of somebody else's is seen within this time (seconds) and that of the answer.
POLL_SECONDS = 2
CONFLICT = 409
_FORMS = {Verb.APPROVE: ApproveForm} | {
    verb: form_of(verb) for verb, spec in VERBS.items() if spec.asks in {Asks.REASON, Asks.REMARK}
}
_VERBS = {verb.value for verb in _FORMS}


@page
@require_safe
def ticket_detail(request: HttpRequest, reference: str) -> HttpResponse:
    """The page of a ticket; opening it is recorded, and its tasks are asked about again soon."""
    ticket = load_ticket(request, reference)
    now = timezone.now()
    access.record_read(ticket, actor=actor_of(request), now=now)
    if ticket.state in SENDABLE_STATES:
        poll.look_sooner(ticket, now=now)
    return ticket_response(request, ticket, present=presence.others(ticket, actor=actor_of(request), now=now))


@page
@require_safe
def ticket_progress(request: HttpRequest, reference: str) -> HttpResponse:
    """What moves by itself: nothing (204) while it is as it was, else the pieces that changed."""
    ticket = load_ticket(request, reference)
    present = presence.others(ticket, actor=actor_of(request), now=timezone.now())
    version = ticket_page.version(ticket, present)
    if request.GET.get("v") == version:
        return HttpResponse(status=204)
    context = page_context(request, ticket, version=version, present=present)
    return render(request, "tickets/_progress_answer.html", context)


def ticket_response(
    request: HttpRequest,
    ticket: Ticket,
    *,
    bound: dict[str, Any] | None = None,
    trouble: str = "",
    status: int = 200,
    present: tuple[str, ...] = (),
) -> HttpResponse:
    """The whole page; `bound` holds forms that were refused, by their verb, `trouble` a sentence above it.

    Somebody else's change in between (409) is told with what it was, and nothing that was typed is lost.
    """
    context = page_context(request, ticket, bound=bound, present=present)
    context["trouble"] = f"{trouble} {context['news']}." if status == CONFLICT else trouble
    shown = {*context["forms"], *(["assign"] if context["assign_form"] else [])}
    context["kept"] = _kept(bound or {}, shown)
    return render(request, "tickets/detail.html", context, status=status)


def _kept(bound: dict[str, Any], shown: Collection[str]) -> list[str]:
    """What was typed into forms that the page shows no more."""
    gone = [form for name, form in bound.items() if name in _VERBS | {"assign"} and name not in shown]
    areas = [field for form in gone for field in form if isinstance(field.field.widget, forms.Textarea)]
    return [field.value() for field in areas if field.value()]


def page_context(
    request: HttpRequest,
    ticket: Ticket,
    *,
    bound: dict[str, Any] | None = None,
    version: str = "",
    present: tuple[str, ...] = (),
) -> dict[str, Any]:
    """What the page and its moving pieces show."""
    actor, plan, now = actor_of(request), plans.from_json(ticket.plan), timezone.now()
    people, kinds = introduce(ticket, request), read_parts(ticket)
    known = ticket_parts.known(ticket, kinds)
    clear = unmasking.sees(request, ticket)
    actions = {action.verb: action for action in actions_for(ticket, actor, now=now, known=known)}
    decides = ticket.state == State.AWAITING_DECISION and Verb.APPROVE in actions and actions[Verb.APPROVE].allowed
    progress = ticket_page.progress(ticket, clear=clear, known=people)
    return {
        "ticket": ticket,
        "decides": decides,
        "next_in_line": approvals.next_in_line(ticket, actor) if permissions.may(actor, Verb.APPROVE) else None,
        **(card_context(ticket, actor, now=now, was_previewed=PREVIEWS in kinds) if decides else {}),
        "clear": clear,
        "subject": ticket_page.subject(ticket, clear=clear),
        **_plan_in_words(ticket, plan, clear=clear),
        "held": known.held,
        "cooling_off": is_cooling_off(ticket, now=now),
        "first_counts": decides and approval.first_that_counts(ticket) is not None,
        "why_second": _why_second(ticket, actor) if decides else "",
        "asks_password": not is_fresh(request),
        "lacks_cover_sheet": ticket.state not in CLOSED_STATES
        and ticket.cover_sheet is None
        and lacks_cover_sheet(ticket),
        "may_cover": permissions.may_open(actor, "app-cover-sheet"),
        "others": duplicates.of_ticket(ticket, actor),
        "progress": progress,
        **_shared(ticket, actor, bound or {}, present, clear=clear),
        "news": ticket_page.news(progress.events),
        **personal.context(request, ticket, bound or {}),
        "version": version or ticket_page.version(ticket, present, progress),
        "told": outcome_words.told(ticket),
        "chain": chain_of(ticket),
        **_results(request, ticket, clear=clear),
        **deadline_card.card(ticket, actor, bound or {}, today=timezone.localdate()),
        "closed": ticket.state in CLOSED_STATES,
        "blocked": [action for action in actions.values() if not action.allowed],
        "actions": {verb.value: action for verb, action in actions.items()},
        "forms": _forms(actions, plan.user_ids[0], ticket, bound or {}),
        "may_prove": permissions.may_open(actor, "ticket-proof"),
        "may_note": permissions.may_open(actor, "ticket-note"),
        "may_download": permissions.may_open(actor, "step-download"),
        "may_audit": permissions.may_open(actor, "audit-list"),
    }


def _plan_in_words(ticket: Ticket, plan: plans.Plan, *, clear: bool) -> dict[str, Any]:
    """What the plan does, what it leaves, and what nobody can undo."""
    headline, explained = effects.headline(plan)
    return {
        "plan": plan,
        "erase": plan.kind is Kind.ERASE,
        "headline": headline,
        "explained": explained,
        "tone": _tone(plan),
        "effects": effects.effects(plan),
        "stays": effects.stays_behind(plan),
        "lasting": effects.cannot_be_undone(plan),
        "requests": effects.requests_of(plan) if clear and not ticket.ids_erased_at else (),
    }


def _results(request: HttpRequest, ticket: Ticket, *, clear: bool) -> dict[str, Any]:
    """What was reached, for all accounts where the address asks for that."""
    whole = request.GET.get("accounts") == "all"
    may_copy = ticket.state in CLOSED_STATES and ticket.ids_erased_at is None
    return {
        "may_copy": may_copy and permissions.may_open(actor_of(request), "ticket-new"),
        "left": results.left_of(ticket) if may_copy else (),
        "results": results.of_ticket(ticket, ticket_parts.steps_of(ticket), clear=clear, whole=whole),
        "whole": whole,
    }


def _shared(
    ticket: Ticket, actor: Actor, bound: dict[str, Any], present: tuple[str, ...], *, clear: bool
) -> dict[str, Any]:
    """What several people share on the page: who is there, who owns it, notes and files."""
    may_assign = permissions.may_open(actor, "ticket-assign") and ticket.state not in CLOSED_STATES
    caseworkers = list(staff.caseworkers(app_id=ticket.stream_app_id)) if clear or may_assign else []
    return {
        "present": present,
        "moves": ticket.state in SENDABLE_STATES,
        "polls": _polls(ticket, present),
        "may_attach": permissions.may_open(actor, "ticket-attach"),
        "attachments": _attachments(ticket, bound) if clear else (),
        **saying.context(ticket, actor, bound),
        "notes": sorted(ticket.notes.all(), key=lambda note: -note.pk) if clear else (),
        "people": ticket_page.mentionable(caseworkers) if clear else (),
        "assign_form": _assign_form(ticket, caseworkers, bound) if may_assign else None,
    }


def _attachments(ticket: Ticket, bound: dict[str, Any]) -> list[tuple[Attachment, ReasonForm]]:
    """The files of the ticket, removed ones too, each with the form of its removal."""
    return [
        (one, bound.get(f"detach_{one.pk}") or ReasonForm(auto_id=f"detach_{one.pk}_%s"))
        for one in ticket.attachments.all()
    ]


def _why_second(ticket: Ticket, actor: Actor) -> str:
    """Why a second person must approve after this one, who may, where no first approval counts."""
    if approval.first_that_counts(ticket) is not None:
        return ""
    return approval.why_second(ticket, ticket.stream_app, actor=actor, now=timezone.now())


def _assign_form(ticket: Ticket, caseworkers: list[AbstractUser], bound: dict[str, Any]) -> AssignForm:
    """The form of the owner."""
    shown = str(ticket.owner_id or NOBODY)
    initial = {"owner": shown, "shown": shown}
    form: AssignForm = bound.get("assign") or AssignForm(auto_id="assign_%s", initial=initial, people=caseworkers)
    return form


def _tone(plan: plans.Plan) -> str:
    if plan.kind is Kind.EXPORT:
        return "blue"
    return "amber" if plans.is_soft_only(plan) else "red"


def _polls(ticket: Ticket, present: tuple[str, ...]) -> int:
    """Seconds until the page asks again, 0 for never: while the ticket is open, or somebody else is there, too."""
    return POLL_SECONDS if ticket.state not in CLOSED_STATES or present else 0


def _notice(ticket: Ticket) -> dict[str, str]:
    """The notice of the parts that are refused, to be changed before it is kept; nothing where there are none."""
    if not standing_verdicts(ticket):
        return {}
    notice = approval.partial_notice(ticket, now=timezone.now())
    return {"subject": notice.subject, "body": notice.body} if notice else {}


def _forms(actions: dict[Verb, Action], expected: str, ticket: Ticket, bound: dict[str, Any]) -> dict[str, Any]:
    """A form for each verb that is possible, by its name; those that were refused come back as they were typed."""
    found: dict[str, Any] = {
        "note": bound.get("note") or NoteForm(auto_id="note_%s"),
        "attach": bound.get("attach") or AttachmentForm(auto_id="attach_%s"),
    }
    for verb, form in _FORMS.items():
        if verb in actions and actions[verb].allowed:
            shown = {"plan_digest": ticket.plan_digest, "revision": ticket.revision}
            initial = shown | (_notice(ticket) if verb is Verb.APPROVE else {})
            fresh = form(auto_id=f"{verb.value}_%s", initial=initial)
            found[verb.value] = bound.get(verb.value) or fresh
    found["expected"] = expected
    return found
