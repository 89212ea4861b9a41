"""What a URL or a form narrows the audit log to."""

from __future__ import annotations

from datetime import date

from django.http import QueryDict
from django.utils.translation import gettext as _

from requests_app.audit_actions import AuditAction
from requests_app.models.ticket import REFERENCE
from requests_app.queries.audit import Filters
from requests_app.views.numbers import ID_DIGITS, number_or_none

NAMES = ("since", "until", "actor", "action", "ticket")
_ACTIONS = {action.value for action in AuditAction}


def number(given: QueryDict, name: str) -> int | None:
    """A sequence number or an id; None where there is none, or none that could exist."""
    return number_or_none(given.get(name, ""), most_digits=ID_DIGITS)


def facts_of(filters: Filters) -> dict[str, object]:
    """The filters as an entry names them."""
    return {
        "since": filters.since.isoformat() if filters.since else "",
        "until": filters.until.isoformat() if filters.until else "",
        "actor": filters.actor,
        "action": filters.action,
        "ticket": filters.ticket,
    }


def filters_of(given: QueryDict) -> tuple[Filters, list[str]]:
    """What the log is narrowed to, and a sentence for each part that says nothing."""
    problems: list[str] = []
    since, until = (_day(given, name, problems) for name in ("since", "until"))
    if since and until and since > until:
        problems.append(_("The first day is after the last one: swap From and To."))
    action = given.get("action", "")
    if action and action not in _ACTIONS:
        action = ""
        problems.append(_("There is no such action. Choose one of the list."))
    ticket = given.get("ticket", "").strip().upper()
    if ticket and not REFERENCE.fullmatch(ticket):
        ticket = ""
        problems.append(_("A ticket is called like DSR-000123."))
    return Filters(since=since, until=until, actor=number(given, "actor"), action=action, ticket=ticket), problems


def _day(given: QueryDict, name: str, problems: list[str]) -> date | None:
    text = given.get(name, "")
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError:
        day = None
        problems.append(_("“%(text)s” is no date. Write it like 2026-11-23.") % {"text": text[:20]})
    # The years at either end of the calendar do not fit into every time zone.
    if day and not 1900 <= day.year <= 2999:
        day = None
        problems.append(_("Nothing was recorded in %(year)s.") % {"year": text[:4]})
    return day
