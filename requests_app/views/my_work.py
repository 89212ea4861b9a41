"""My work: what waits for this very person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from requests_app.audit.actor import Actor
from requests_app.enums import Role
from requests_app.queries import tickets as lists
from requests_app.queries.filters import SORTS, narrowed
from requests_app.queries.shell import capped
from requests_app.queries.todo import Work, work_of
from requests_app.views.loaders import actor_of, page
from requests_app.workflow import permissions

# Of each kind of work; the list of tickets has all of it.
SHOWN = 10


@dataclass(frozen=True)
class Section:
    """One kind of work that waits: the first rows of it, how many there are (no further than a cap), and where."""

    title: str | Promise
    icon: str
    rows: list[lists.Row]
    count: int
    url: str


@page
@require_safe
def my_work(request: HttpRequest) -> HttpResponse:
    """What is to be done, most pressing first; sections without anything are left out."""
    actor = actor_of(request)
    sections = [section for section in _sections(actor) if section.rows]
    context = {
        "sections": sections,
        "first_name": request.user.first_name or request.user.get_username(),  # type: ignore[union-attr]
        "may_open": permissions.may_open(actor, "ticket-new"),
        "reviews": actor.role in {Role.AUDITOR, Role.ADMINISTRATOR},
        "may_audit": permissions.may_open(actor, "audit-list"),
    }
    return render(request, "work/page.html", context)


def _sections(actor: Actor) -> Iterator[Section]:
    """In the order to do it; who was mentioned is told beside what stopped."""
    for place, work in enumerate(work_of(actor.role)):
        yield _section(work, actor)
        if place == 0 and permissions.sees_personal_data(actor.role):
            yield from _mentions(actor)


def _mentions(actor: Actor) -> Iterator[Section]:
    """Tickets whose notes mention this person, until they open them."""
    found = lists.mentioning(actor)
    rows = lists.page_after(found, actor, sort="due", size=SHOWN)
    if rows:
        yield Section(_("You were mentioned"), "message", rows[:SHOWN], capped(found), "")


def _section(work: Work, actor: Actor) -> Section:
    chosen = work.filters
    found = narrowed(chosen, actor, timezone.localdate())
    rows = lists.page_after(found, actor, sort=chosen.order, size=SHOWN)
    count = len(rows) if len(rows) <= SHOWN else capped(found, *SORTS[chosen.order][1])
    return Section(work.title, work.icon, rows[:SHOWN], count, f"{reverse('ticket-list')}?{chosen.query()}")
