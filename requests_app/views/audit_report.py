"""The report of a period of the audit log: a summary to read and print, and its entries as files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from requests_app.audit import checkpoints
from requests_app.audit.checkpoints import Broken
from requests_app.audit.note import Malformed
from requests_app.audit_actions import AuditAction
from requests_app.queries import audit_export
from requests_app.queries.audit import Filters, moments
from requests_app.queries.audit_report import report, rows, who_of
from requests_app.queries.audit_state import chain_state
from requests_app.views import spreadsheet
from requests_app.views.audit_filters import NAMES, facts_of, filters_of
from requests_app.views.form_only import form_only
from requests_app.views.loaders import actor_of, page
from requests_app.workflow import access

# What is counted while somebody waits for the page.
DAYS_AT_MOST = 366
_USUAL_DAYS = 30


def _period(given: QueryDict) -> tuple[Filters, list[str]]:
    """Filters with both days, the last thirty days where one names none, and a sentence for each part that is wrong."""
    filters, problems = filters_of(given)
    until = filters.until or timezone.localdate()
    since = filters.since or until - timedelta(days=_USUAL_DAYS - 1)
    if not problems and since > until:
        problems.append(_("The first day is after the last one: swap From and To."))
    if not problems and (until - since).days >= DAYS_AT_MOST:
        problems.append(_("Choose at most %(days)s days.") % {"days": DAYS_AT_MOST})
    return replace(filters, since=since, until=until), problems


@page
@require_safe
def audit_report(request: HttpRequest) -> HttpResponse:
    """The summary of a period. Looking at it is an entry, like any look with filters."""
    return _shown(request, request.GET)


def _shown(request: HttpRequest, given: QueryDict, trouble: str = "", status: int = 200) -> HttpResponse:
    filters, problems = _period(given)
    found = None
    if not problems:
        access.record_search(actor=actor_of(request), now=timezone.now(), facts=facts_of(filters) | {"report": True})
        found = report(filters)
    context = {
        "report": found,
        "filters": filters,
        "query": {**{name: given.get(name, "") for name in NAMES}, **_days(filters, given)},
        "problems": [*problems, *([trouble] if trouble else [])],
        "who": who_of(filters),
        "only_days": filters == Filters(since=filters.since, until=filters.until),
        "actions": AuditAction.choices(),
        "people": get_user_model().objects.filter(groups__isnull=False).order_by("username").distinct(),
        "state": chain_state(),
        "made_at": timezone.now(),
    }
    return render(request, "audit/report.html", context, status=422 if problems else status)


def _days(filters: Filters, given: QueryDict) -> dict[str, str]:
    """What stands in the fields of the days: what was typed, else what was meant."""
    meant: dict[str, date | None] = {"since": filters.since, "until": filters.until}
    return {name: given.get(name) or (day.isoformat() if day else "") for name, day in meant.items()}


@page
@form_only("audit-report")
def audit_report_csv(request: HttpRequest) -> HttpResponseBase:
    """The entries that fit, as a table, while they are read. Taking it is an entry, which goes first."""
    filters, problems = _period(request.POST)
    if problems:
        return _shown(request, request.POST)
    access.record_export(
        actor=actor_of(request), now=timezone.now(), facts=facts_of(filters) | {"form": "csv", "texts": False}
    )
    return _file(spreadsheet.lines(rows(filters)), filters, "csv", spreadsheet.CONTENT_TYPE)


@page
@form_only("audit-report")
def audit_report_proof(request: HttpRequest) -> HttpResponseBase:
    """All entries of the days, with checkpoints, as a file that is checked by itself; without free texts.

    That it was taken goes to the log and is signed first, so that a period that ends today is covered, too.
    """
    filters, problems = _period(request.POST)
    if problems:
        return _shown(request, request.POST)
    actor, now = actor_of(request), timezone.now()
    days = Filters(since=filters.since, until=filters.until)
    access.record_export(actor=actor, now=now, facts=facts_of(days) | {"form": "jsonl", "texts": False})
    try:
        checkpoints.catch_up(actor=actor, now=now)
    except (Broken, Malformed) as error:
        why = _("No file was made, since the log could not be signed: %(why)s. Check the chain.") % {"why": error}
        return _shown(request, request.POST, trouble=why, status=409)
    since, until = moments(days)
    wanted = audit_export.signed(audit_export.span(since=since, until=until))
    return _file(audit_export.lines(wanted, now=now), days, "jsonl", "application/octet-stream")


def _file(content: Iterable[str] | Iterable[bytes], filters: Filters, ending: str, kind: str) -> StreamingHttpResponse:
    response = StreamingHttpResponse(content, content_type=kind)
    name = f"audit-{filters.since}-{filters.until}.{ending}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
