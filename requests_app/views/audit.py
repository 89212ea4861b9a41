"""The audit log: read, narrowed, checked. Looking into it is recorded as well."""

from __future__ import annotations

import time
from datetime import date
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from requests_app.audit import log
from requests_app.enums import AuditAction
from requests_app.models import AuditEntry
from requests_app.models.ticket import REFERENCE
from requests_app.queries import audit
from requests_app.views.loaders import actor_of, page
from requests_app.views.paging import Pager
from requests_app.workflow import access

# How many entries are checked while somebody waits for the page: some seconds' worth.
CHECKED_AT_ONCE = 100_000
_FILTERS = ("since", "until", "actor", "action", "ticket")
_ACTIONS = {action.value for action in AuditAction}
# Sequence numbers and ids fit into 64 bits.
_DIGITS = 19


@page
@require_safe
def audit_list(request: HttpRequest) -> HttpResponse:
    """The entries, newest first. All filters stand in the URL; looking with filters is an entry of its own."""
    filters, problems = _filters(request)
    actor = actor_of(request)
    found = audit.page_of(
        audit.narrowed(filters), actor, before=_number(request, "before"), after=_number(request, "after")
    )
    if filters.any:
        access.record_search(actor=actor, now=timezone.now(), facts=_facts(filters))
    query = {name: request.GET.get(name, "") for name in _FILTERS}
    context = {
        "lines": found.lines,
        "query": query,
        "problems": problems,
        "narrowed": filters.any,
        "actions": AuditAction.choices(),
        "people": get_user_model().objects.filter(groups__isnull=False).order_by("username").distinct(),
        "head": AuditEntry.objects.order_by("-seq").first(),
        "check": audit.last_check(),
        "pager": _pager(found, {name: value for name, value in query.items() if value}),
    }
    return render(request, "audit/page.html", context, status=422 if problems else 200)


def _pager(found: audit.Page, kept: dict[str, str]) -> Pager:
    """Newer and older from the ends of this page on."""
    base = reverse("audit-list")
    lines = found.lines
    return Pager(
        words=f"{len(lines)} {'entry' if len(lines) == 1 else 'entries'} on this page, newest first",
        first=f"{base}?{urlencode({**kept, 'after': lines[0].seq})}" if lines and found.newer else "",
        next=f"{base}?{urlencode({**kept, 'before': lines[-1].seq})}" if lines and found.older else "",
        back_label="Newer",
        next_label="Older",
    )


@page
@require_POST
def audit_check(request: HttpRequest) -> HttpResponse:
    """Check the chain now, as far as fits into one answer, and record what was found."""
    actor, now, began = actor_of(request), timezone.now(), time.monotonic()
    report = audit.check_chain(newest=CHECKED_AT_ONCE)
    seconds = time.monotonic() - began
    with transaction.atomic():
        facts = {"entries": report.count, "after": report.after, "intact": report.intact}
        log.record(AuditAction.AUDIT_CHECKED, actor=actor, now=now, facts=facts)
    words = f"{report} Checked in {seconds:.1f} s."
    if report.after:
        words += " Run manage.py verify_audit for the whole log."
    (messages.success if report.intact else messages.error)(request, words)
    return redirect("audit-list")


def _number(request: HttpRequest, name: str) -> int | None:
    """A sequence number of the URL; None where there is none, or none that could exist."""
    given = request.GET.get(name, "")
    return int(given) if given.isdecimal() and len(given) < _DIGITS else None


def _facts(filters: audit.Filters) -> dict[str, object]:
    return {
        "since": filters.since.isoformat() if filters.since else "",
        "until": filters.until.isoformat() if filters.until else "",
        "actor": filters.actor,
        "action": filters.action,
        "ticket": filters.ticket,
    }


def _filters(request: HttpRequest) -> tuple[audit.Filters, list[str]]:
    """What the URL narrows the log to, and a sentence for each part that says nothing."""
    problems: list[str] = []
    since, until = (_day(request, name, problems) for name in ("since", "until"))
    if since and until and since > until:
        problems.append("The first day is after the last one: swap From and To.")
    action = request.GET.get("action", "")
    if action and action not in _ACTIONS:
        action = ""
        problems.append("There is no such action. Choose one of the list.")
    ticket = request.GET.get("ticket", "").strip().upper()
    if ticket and not REFERENCE.fullmatch(ticket):
        ticket = ""
        problems.append("A ticket is called like DSR-000123.")
    filters = audit.Filters(since=since, until=until, actor=_number(request, "actor"), action=action, ticket=ticket)
    return filters, problems


def _day(request: HttpRequest, name: str, problems: list[str]) -> date | None:
    given = request.GET.get(name, "")
    try:
        day = date.fromisoformat(given) if given else None
    except ValueError:
        day = None
        problems.append(f"“{given[:20]}” is no date. Write it like 2026-11-23.")
    # The years at either end of the calendar do not fit into every time zone.
    if day and not 1900 <= day.year <= 2999:
        day = None
        problems.append(f"Nothing was recorded in {given[:4]}.")
    return day
