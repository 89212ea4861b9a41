"""The audit log: read, narrowed, checked. Looking into it is recorded as well."""

from __future__ import annotations

import time
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from requests_app.audit import log
from requests_app.audit_actions import AuditAction
from requests_app.forms.retention import PersonForm
from requests_app.queries import audit, audit_verify
from requests_app.queries.audit_state import chain_state
from requests_app.views.audit_filters import NAMES, facts_of, filters_of, number
from requests_app.views.form_only import form_only
from requests_app.views.loaders import actor_of, page
from requests_app.views.paging import Pager
from requests_app.views.unmasking import opened
from requests_app.workflow import access, permissions

# How many entries are checked while somebody waits for the page: some seconds' worth.
CHECKED_AT_ONCE = 50_000


@page
@require_safe
def audit_list(request: HttpRequest) -> HttpResponse:
    """The entries, newest first. All filters stand in the URL; looking with filters is an entry of its own."""
    filters, problems = filters_of(request.GET)
    actor = actor_of(request)
    found = audit.page_of(
        filters,
        actor,
        before=number(request.GET, "before"),
        after=number(request.GET, "after"),
        opened=opened(request),
    )
    if filters.any:
        access.record_search(actor=actor, now=timezone.now(), facts=facts_of(filters))
    query = {name: request.GET.get(name, "") for name in NAMES}
    context = {
        "lines": found.lines,
        "query": query,
        "problems": problems,
        "narrowed": filters.any,
        "actions": AuditAction.choices(),
        "people": get_user_model().objects.filter(groups__isnull=False).order_by("username").distinct(),
        "may_report": permissions.may_open(actor, "audit-report"),
        "person_form": PersonForm(auto_id="person_%s") if permissions.may_open(actor, "audit-person") else None,
        "state": chain_state(),
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
@form_only("audit-list")
def audit_check(request: HttpRequest) -> HttpResponse:
    """Check the log now, as far as fits into one answer, and record what was found."""
    actor, now, began = actor_of(request), timezone.now(), time.monotonic()
    verdict = audit_verify.check_newest(CHECKED_AT_ONCE)
    report, seconds = verdict.report, time.monotonic() - began
    with transaction.atomic():
        facts = {"entries": report.count, "after": report.after, "intact": report.intact}
        if report.first_break:
            facts["broken_at"] = report.first_break.seq
        log.record(AuditAction.AUDIT_CHECKED, actor=actor, now=now, facts=facts)
    if not report.intact:
        messages.error(request, str(report))
        return redirect("audit-list")
    points = ngettext("%(number)s signed checkpoint", "%(number)s signed checkpoints", verdict.roots)
    words = _(
        "%(report)s Hashes, free texts, who approved what was sent, and the tree against %(points)s "
        "were checked in %(seconds)s s."
    ) % {
        "report": report,
        "points": points % {"number": f"{verdict.roots:,}"},
        "seconds": f"{seconds:.1f}",
    }
    if report.after:
        words += " " + _("Run manage.py verify_audit --full for the whole log.")
    messages.success(request, words)
    return redirect("audit-list")
