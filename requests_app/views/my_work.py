"""My work: what waits for this very person."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from requests_app.audit.actor import Actor
from requests_app.enums import Role, State
from requests_app.models.ticket import TicketQuerySet
from requests_app.queries import tickets as lists
from requests_app.views.loaders import actor_of, page
from requests_app.workflow import permissions

# Of each kind of work; the list of tickets has all of it.
SHOWN = 10


@dataclass(frozen=True)
class Section:
    """One kind of work that waits."""

    title: str
    icon: str
    rows: list[lists.Row]
    more: bool


@page
@require_safe
def my_work(request: HttpRequest) -> HttpResponse:
    """What is to be done, most pressing first; sections without anything are left out."""
    actor = actor_of(request)
    sections = [section for section in _sections(actor) if section.rows]
    context = {
        "sections": sections,
        "first_name": request.user.first_name or request.user.get_username(),  # type: ignore[union-attr]
        "may_open": permissions.may_open(actor.role, "ticket-new"),
        "reviews": actor.role in {Role.AUDITOR, Role.ADMINISTRATOR},
        "may_audit": permissions.may_open(actor.role, "audit-list"),
    }
    return render(request, "work/page.html", context)


def _sections(actor: Actor) -> list[Section]:
    today = timezone.localdate()
    found = []
    if actor.role is Role.DPO:
        found.append(_section("Waiting for your decision", "gavel", lists.awaiting(actor), actor))
    if permissions.sees_personal_data(actor.role):
        attention = lists.in_view(lists.BY_NAME["attention"], actor, today)
        found += [
            _section("Stopped: a person must look", "alert-triangle", attention, actor),
            _section("Sent back to you", "arrow-back-up", lists.own_of(actor, State.SENT_BACK), actor),
            _section("Your drafts", "circle-dashed", lists.own_of(actor, State.DRAFT), actor),
        ]
    found.append(_section("Due soon", "calendar-due", lists.in_view(lists.BY_NAME["due"], actor, today), actor))
    return found


def _section(title: str, icon: str, tickets: TicketQuerySet, actor: Actor) -> Section:
    rows = lists.page_after(tickets, actor)
    return Section(title, icon, rows[:SHOWN], len(rows) > SHOWN)
