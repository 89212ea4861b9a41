"""Deadlines and reports: how many answers came in time, how long they took, and what is still open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from requests_app.queries.reports import Period, Report, Tally
from requests_app.queries.reports import report as count
from requests_app.views import spreadsheet
from requests_app.views.charts import Chart, Point, columns
from requests_app.views.loaders import actor_of, page
from requests_app.workflow import access
from requests_app.workflow.deadlines import GDPR_APPLIES_SINCE

# Months of a report; more would be no overview.
MONTHS_AT_MOST = 60


class NoPeriod(ValueError):
    """The days of the URL are no period. The text is fit for staff."""


@page
@require_safe
def report(request: HttpRequest) -> HttpResponse:
    """The report of the period that the URL names, the last twelve months without one."""
    today = timezone.localdate()
    period, trouble = _last_year(today), ""
    try:
        period = period_of(request.GET, today)
    except NoPeriod as reason:
        trouble = str(reason)
    found = count(actor_of(request), period, today)
    context = {
        "report": found,
        "trouble": trouble,
        "typed_from": request.GET.get("from", period.first.isoformat()),
        "typed_to": request.GET.get("to", period.last.isoformat()),
        "charts": _charts(found),
        "today": today,
    }
    return render(request, "reports/page.html", context, status=422 if trouble else 200)


@page
@require_safe
def report_csv(request: HttpRequest) -> HttpResponse:
    """The tables as a file; taking it away is recorded."""
    actor, today = actor_of(request), timezone.localdate()
    try:
        period = period_of(request.GET, today)
    except NoPeriod as reason:
        return HttpResponse(str(reason), status=422, content_type="text/plain; charset=utf-8")
    access.record_list(actor=actor, now=timezone.now(), facts={"report": period.bounds})
    text = "".join(spreadsheet.lines(_rows(count(actor, period, today))))
    name = f"report-{period.first.isoformat()}-{period.last.isoformat()}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type=spreadsheet.CONTENT_TYPE, headers=headers)


def period_of(given: QueryDict, today: date) -> Period:
    """The period of a URL; raises `NoPeriod` with a sentence."""
    usual = _last_year(today)
    last = _day(given.get("to", ""), usual.last)
    first = _day(given.get("from", ""), min(usual.first, last))
    if first > last:
        raise NoPeriod(_("The first day is after the last one: swap From and To."))
    if first < GDPR_APPLIES_SINCE or last.year > 2999:
        raise NoPeriod(_("The GDPR applies since 25 May 2018. Check the years."))
    if (last.year - first.year) * 12 + last.month - first.month >= MONTHS_AT_MOST:
        raise NoPeriod(_("Choose at most %(months)s months.") % {"months": MONTHS_AT_MOST})
    return Period(first, last)


def _day(text: str, otherwise: date) -> date:
    try:
        return date.fromisoformat(text) if text else otherwise
    except ValueError:
        raise NoPeriod(_("“%(text)s” is no date. Write it like 2026-11-23.") % {"text": text[:20]}) from None


def _last_year(today: date) -> Period:
    """This month and the eleven before it."""
    first = today.replace(day=1)
    for _month in range(11):
        first = (first - timedelta(days=1)).replace(day=1)
    return Period(first, today)


def _charts(found: Report) -> Sequence[Chart]:
    months = next(table for table in found.tables if table.name == "month").lines
    labels = [_short(line.words) for line in months]
    total = found.total.tally
    return (
        columns(
            "answers",
            _("Answers by month"),
            _("%(in_time)s of %(all)s answers came on time; the table “By month of the answer” has the numbers.")
            % {"in_time": total.on_time, "all": total.answered},
            series=[("good", _("On time")), ("bad", _("Late"))],
            points=[
                Point(label, (line.tally.on_time, line.tally.late)) for label, line in zip(labels, months, strict=True)
            ],
        ),
        columns(
            "days",
            _("Median days to act by month"),
            _("Half of the answers took at most so many days; the table “By month of the answer” has the numbers."),
            series=[("plain", _("Median days"))],
            points=[Point(label, (line.tally.median,)) for label, line in zip(labels, months, strict=True)],
        ),
        columns(
            "ages",
            _("Open tickets by age"),
            _("%(number)s tickets are open; the table “Open tickets” has the numbers.") % {"number": found.open_number},
            series=[("plain", _("Tickets"))],
            points=[Point(_age(one.words), (one.number,)) for one in found.ages],
        ),
    )


def _short(month: str) -> str:
    return date.fromisoformat(f"{month}-01").strftime("%b")


def _age(words: str) -> str:
    return words.removesuffix(" days").replace(" to ", "–").replace("over ", ">")


def _rows(found: Report) -> Iterator[Sequence[object]]:
    yield (
        _("Table"),
        _("Row"),
        _("Answered"),
        _("On time"),
        _("Late"),
        _("On time, %"),
        _("Median days"),
        _("Refused"),
        _("Extended"),
        _("Paused"),
    )
    yield (_("All"), found.total.words, *_numbers(found.total.tally))
    for table in found.tables:
        for line in table.lines:
            yield (table.title, line.words, *_numbers(line.tally))
    yield ()
    yield (_("Table"), _("Row"), _("Open"))
    for one in (*found.ages, *found.pressing):
        yield (_("Open tickets"), one.words, one.number)


def _numbers(tally: Tally) -> tuple[object, ...]:
    share = "" if tally.share is None else f"{tally.share:.1f}"
    median = "" if tally.median is None else f"{tally.median:g}"
    return (tally.answered, tally.on_time, tally.late, share, median, tally.refused, tally.extended, tally.paused)
