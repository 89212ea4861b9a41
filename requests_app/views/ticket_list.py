"""The list of tickets and what waits for a decision: pages, search, and the same as a file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from requests_app.forms.list import SaveViewForm
from requests_app.queries import approvals, filters, saved_views, search
from requests_app.queries import tickets as lists
from requests_app.queries.filters import Filters
from requests_app.views import spreadsheet
from requests_app.views.loaders import actor_of, page
from requests_app.views.paging import Pager
from requests_app.workflow import access, permissions, urgency
from requests_app.workflow.bulk import ACTS

# The strip above the list: view, icon, tone, words.
_TILES = (
    ("waiting", "gavel", "warn", "wait for a DPO decision"),
    ("due", "calendar-due", "", f"due within {urgency.SOON_DAYS} days"),
    ("running", "refresh", "", "running on Stream"),
    ("attention", "alert-triangle", "bad", "stopped and need a person"),
)
# Rows of the file that are read in one query.
CHUNK = 500
_COLUMNS = ("Ticket", "Request", "Status", "Outcome", "About", "Stream app", "Owner", "Opened by", "Opened on")
_DATES = ("Received on", "Due on", "Closed on")


@page
@require_http_methods(["GET", "HEAD", "POST"])
def ticket_list(request: HttpRequest) -> HttpResponse:
    """The list. A search is sent as a form, so that nobody's id ever stands in a URL."""
    actor, today = actor_of(request), timezone.localdate()
    chosen = filters.read(request.GET)
    typed = request.POST.get("q", "").strip()[:255] if request.method == "POST" else ""
    found = filters.narrowed(chosen, actor, today)
    if typed:
        found = search.matching(access.visible_tickets(actor), typed, actor)
    after = None if typed else lists.place(request.GET.get("after", ""), chosen.order)
    rows = lists.page_after(found, actor, sort=chosen.order, after=after)
    if typed:
        subjects = search.pseudonyms(typed) if permissions.sees_personal_data(actor.role) else ()
        shown = len(rows[: lists.PAGE])
        access.record_ticket_search(actor=actor, now=timezone.now(), found=shown, subjects=subjects)
    counts = lists.counts(actor, today, [name for name, *_ in _TILES])
    every = filters.choices(actor)
    context = {
        "rows": rows[: lists.PAGE],
        "filters": chosen,
        "query": chosen.query(),
        "view": chosen.view.name,
        "views": filters.VIEWS,
        "saved": saved_views.of(actor),
        "chips": filters.chips(chosen, every),
        "fields": [(name, filters.LABELS[name], every[name], getattr(chosen, name)) for name in filters.LABELS],
        "ranges": [(name, getattr(chosen, name)) for name in filters.RANGES if getattr(chosen, name)],
        "counts": counts,
        "tiles": [(name, icon, tone, words, counts[name]) for name, icon, tone, words in _TILES],
        "typed": typed,
        "more": len(rows) > lists.PAGE,
        "pager": _pager("ticket-list", chosen, rows, paged=after is not None),
        "may_open": permissions.may_open(actor, "ticket-new"),
        "acts": ACTS.items() if permissions.may_open(actor, "ticket-bulk") else (),
        "save_form": SaveViewForm(auto_id="view_%s"),
    }
    return render(request, "tickets/list.html", context)


def _pager(name: str, chosen: Filters, rows: list[lists.Row], *, paged: bool) -> Pager:
    shown = rows[: lists.PAGE]
    base = f"{reverse(name)}?{chosen.query()}" if name == "ticket-list" else reverse(name)
    onward = ""
    if len(rows) > lists.PAGE:
        onward = f"{base}{'&' if '?' in base else '?'}after={lists.place_of(shown[-1], chosen.order)}"
    words = f"{len(shown)} on this page, {filters.SORTS[chosen.order][0].lower()}"
    return Pager(words=words, first=base if paged else "", next=onward)


@page
@require_safe
def approval_list(request: HttpRequest) -> HttpResponse:
    """What waits for a decision, soonest deadline first."""
    actor, chosen = actor_of(request), Filters(view=filters.BY_NAME["waiting"])
    after = lists.place(request.GET.get("after", ""), chosen.order)
    waiting = approvals.page(actor, after=after)
    rows = [one.row for one in waiting]
    pager = _pager("approval-list", chosen, rows, paged=after is not None)
    context = {"waiting": waiting[: lists.PAGE], "rows": rows[: lists.PAGE], "pager": pager}
    return render(request, "approvals/page.html", context)


@page
@require_safe
def ticket_csv(request: HttpRequest) -> HttpResponseBase:
    """Every ticket of the list as the filters stand, streamed; taking it away is recorded."""
    actor, chosen = actor_of(request), filters.read(request.GET)
    access.record_list(actor=actor, now=timezone.now(), facts={"filters": chosen.query()})
    found = filters.narrowed(chosen, actor, timezone.localdate())

    def rows() -> Iterator[lists.Row]:
        after: lists.Place | None = None
        while True:
            part = lists.page_after(found, actor, sort=chosen.order, after=after, size=CHUNK)
            yield from part[:CHUNK]
            if len(part) <= CHUNK:
                return
            after = lists.place(lists.place_of(part[CHUNK - 1], chosen.order), chosen.order)

    content = spreadsheet.lines(chain([(*_COLUMNS, *_DATES)], map(_cells, rows())))
    answer = StreamingHttpResponse(content, content_type=spreadsheet.CONTENT_TYPE)
    answer["Content-Disposition"] = f'attachment; filename="tickets-{timezone.localdate():%Y-%m-%d}.csv"'
    return answer


def _cells(row: lists.Row) -> tuple[object, ...]:
    return (
        row.reference,
        row.kind.label,
        row.outcome_words or row.state.label,
        row.outcome_words,
        row.subject,
        row.app,
        row.owner,
        row.opened_by,
        row.opened_on.isoformat(),
        row.received_on.isoformat(),
        row.due_on.isoformat(),
        row.closed_on.isoformat() if row.closed_on else "",
    )
