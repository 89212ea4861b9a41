"""Refusing a request with its notice, and refusing parts of it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from requests_app.enums import Kind, Language, LetterKind
from requests_app.forms.refusal import PartsForm, RefusalForm
from requests_app.models import Ticket
from requests_app.views.loaders import actor_of, load_ticket, page
from requests_app.workflow import letters, policies, refusals, refusing, time_limit
from requests_app.workflow import plan as plans
from requests_app.workflow.letters import Draft
from requests_app.workflow.permissions import NotPermitted
from requests_app.workflow.policies import UnableTo
from requests_app.workflow.transition import Conflict


@page
@require_http_methods(["GET", "POST"])
def refuse(request: HttpRequest, reference: str) -> HttpResponse:
    """First ground and reason, then the notice as it will be kept, then the refusal with it."""
    ticket = load_ticket(request, reference)
    kind = Kind(ticket.kind)
    if request.method != "POST":
        return _page(request, ticket, RefusalForm(kind=kind, initial={"language": letters.default_language().value}))
    form = RefusalForm(request.POST, kind=kind)
    if not form.is_valid():
        return _page(request, ticket, form, status=422)
    try:
        return _refuse(request, ticket, form)
    except NotPermitted as reason:
        raise PermissionDenied(str(reason)) from None
    except Conflict as reason:
        return _page(request, load_ticket(request, reference), form, trouble=str(reason), status=409)
    except UnableTo as reason:
        form.add_error(reason.field if reason.field in form.fields else None, str(reason))
        return _page(request, load_ticket(request, reference), form, written=bool(request.POST.get("body")), status=422)


def _refuse(request: HttpRequest, ticket: Ticket, form: RefusalForm) -> HttpResponse:
    typed, now = form.cleaned_data, timezone.now()
    code = refusals.check(Kind(ticket.kind), typed["code"], typed["evidence"])
    policies.check_reason(typed["note"])
    language = Language(typed["language"])
    fresh = refusing.notice(ticket, code, typed["note"], language, now=now)
    if request.POST.get("action") != "refuse":
        # What depends on the notice is made anew; what was typed stays.
        initial = {**typed, "subject": fresh.subject, "body": fresh.body}
        return _page(request, ticket, RefusalForm(kind=Kind(ticket.kind), initial=initial), written=True)
    letter = Draft(LetterKind.REFUSAL, language, typed["subject"], typed["body"], fresh.template)
    refusing.refuse(
        ticket,
        actor=actor_of(request),
        now=now,
        note=typed["note"],
        code=typed["code"],
        evidence=typed["evidence"],
        letter=letter,
        by_mail=typed["by_mail"],
        override_late=typed["override_late"],
    )
    messages.success(
        request, _("{reference} is refused. The notice stands under Letters.").format(reference=ticket.reference)
    )
    return redirect("ticket-detail", reference=ticket.reference)


def _page(
    request: HttpRequest,
    ticket: Ticket,
    form: RefusalForm,
    *,
    written: bool = False,
    trouble: str = "",
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {
        "ticket": ticket,
        "form": form,
        "written": written,
        "trouble": trouble,
        "late": time_limit.is_too_late_to_refuse(ticket, now=timezone.now(), override=True),
        "no_mail": letters.why_no_mail(ticket),
    }
    return render(request, "letters/refuse.html", context, status=status)


@page
@require_http_methods(["GET", "POST"])
def refuse_parts(request: HttpRequest, reference: str) -> HttpResponse:
    """A verdict for each part of the plan; the ticket goes back to the agent with it."""
    ticket = load_ticket(request, reference)
    plan = plans.from_json(ticket.plan)
    form = PartsForm(plan=plan)
    trouble, status = "", 200
    if request.method == "POST":
        status = 422
        form = PartsForm(request.POST, plan=plan)
        try:
            if form.is_valid():
                refusing.refuse_parts(
                    ticket, form.refused(), actor=actor_of(request), now=timezone.now(), note=form.cleaned_data["note"]
                )
                messages.success(
                    request,
                    _("{reference} went back to the agent with your verdict.").format(reference=ticket.reference),
                )
                return redirect("ticket-detail", reference=ticket.reference)
        except NotPermitted as reason:
            raise PermissionDenied(str(reason)) from None
        except Conflict as reason:
            trouble, status = str(reason), 409
        except UnableTo as reason:
            form.add_error(reason.field if reason.field in form.fields else None, str(reason))
    context = {"ticket": ticket, "form": form, "trouble": trouble}
    return render(request, "letters/refuse_parts.html", context, status=status)
