"""What narrows the list of tickets: read from the URL, written into it again, and shown as chips.

Nobody's user id, name or address ever stands here: what is typed into the search travels in a form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import AbstractUser
from django.db.models import F, Q
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from requests_app.audit.actor import Actor
from requests_app.enums import ANSWERED_STATES, CLOSED_STATES, Ground, Kind, Outcome, Refusal, State, Verb
from requests_app.models import ClockPause, Decision, StreamApp
from requests_app.models.ticket import TicketQuerySet
from requests_app.workflow import urgency
from requests_app.workflow.access import visible_apps, visible_tickets
from requests_app.workflow.staff import caseworkers

ME, NOBODY = "me", "nobody"
# Apps that do not stand in for Stream; no ground or outcome; what is no outcome but an end.
REAL_APPS, NOT_STATED, REFUSED = "real", "none", State.REFUSED.value
# What became of the request is known; the case is closed once the person was told.
UNTOLD = Q(closed_at__isnull=False, answered_at__isnull=True, state__in=sorted(ANSWERED_STATES))
_RUNNING = (State.APPROVED.value, State.RUNNING.value)


@dataclass(frozen=True)
class View:
    """One of the views that everybody has."""

    name: str
    label: str | Promise
    closed: bool = False


VIEWS = (
    View("open", "Open"),
    View("mine", "Mine"),
    View("unassigned", "Unassigned"),
    View("waiting", "Waiting for DPO"),
    View("running", "Running"),
    View("attention", "Needs attention"),
    View("due", "Due soon"),
    View("to-close", "To be closed"),
    View("closed", "Closed", closed=True),
    View("all", _("All")),
)
BY_NAME = {view.name: view for view in VIEWS}
# Orders: their words, and the columns that the pages go by. The last column is the number, which is unique.
SORTS: Mapping[str, tuple[str, tuple[str, ...]]] = MappingProxyType(
    {
        "due": ("Soonest deadline first", ("due_on", "pk")),
        "later": ("Latest deadline first", ("-due_on", "-pk")),
        "newest": ("Newest first", ("-pk",)),
        "oldest": ("Oldest first", ("pk",)),
    }
)
CLOCKS: Mapping[str, str | Promise] = MappingProxyType({"extended": _("Extended"), "paused": _("Was paused")})
TIMINGS: Mapping[str, str | Promise] = MappingProxyType({"in_time": _("On time"), "late": _("Too late")})
# Days that both count, either left out: `2026-01-01..2026-03-31`.
_RANGE = re.compile(r"(\d{4}-\d\d-\d\d)?\.\.(\d{4}-\d\d-\d\d)?")
DUES: Mapping[str, str] = MappingProxyType({"late": "Late", "soon": f"Due within {urgency.SOON_DAYS} days"})


@dataclass(frozen=True)
class Filters:
    """A view and what narrows it further; empty fields do not. `owner` is `me`, `nobody` or a person's number.

    `answered` and `received` are ranges of days, `timing` tells the answers in time from the late
    ones, `clock` what was extended or paused; `refusal` is the code of a refusal as a whole.
    """

    view: View = VIEWS[0]
    state: str = ""
    kind: str = ""
    app: str = ""
    owner: str = ""
    due: str = ""
    ground: str = ""
    outcome: str = ""
    refusal: str = ""
    timing: str = ""
    clock: str = ""
    answered: str = ""
    received: str = ""
    sort: str = ""

    @property
    def order(self) -> str:
        """The order of the list: the one asked for, or that of the view."""
        return self.sort or ("newest" if self.view.closed else "due")

    def but(self, **changes: Any) -> Filters:
        """The same with some of it changed."""
        return replace(self, **changes)

    def query(self, *, without: str = "") -> str:
        """The part of the URL after the question mark, one filter left out where asked."""
        named = {name: str(getattr(self, name)) for name in (*NARROWING, "sort") if name != without}
        return urlencode({"view": self.view.name} | {name: value for name, value in named.items() if value})


RANGES = ("answered", "received")
NARROWING = ("kind", "state", "app", "owner", "due", "ground", "outcome", "refusal", "timing", "clock", *RANGES)


@dataclass(frozen=True)
class Choice:
    """One value of a filter, in words."""

    value: str
    words: str | Promise


def read(given: QueryDict) -> Filters:
    """The filters that a URL names; what it does not know it leaves out."""
    known: dict[str, set[str]] = {
        "state": set(State),
        "kind": set(Kind),
        "due": set(DUES),
        "ground": {*Ground, NOT_STATED},
        "outcome": {*Outcome, REFUSED, NOT_STATED},
        "refusal": {*Refusal, NOT_STATED},
        "timing": set(TIMINGS),
        "clock": set(CLOCKS),
        "sort": set(SORTS),
    }
    found = {name: given.get(name, "") for name in known}
    found = {name: value if value in known[name] else "" for name, value in found.items()}
    return Filters(
        view=BY_NAME.get(given.get("view", ""), VIEWS[0]),
        app=REAL_APPS if given.get("app") == REAL_APPS else _number(given.get("app", "")),
        owner=_owner(given),
        **{name: given.get(name, "") if days_of(given.get(name, "")) else "" for name in RANGES},
        **found,
    )


def days_of(text: str) -> tuple[date | None, date | None] | None:
    """The first and the last day of a range; None where the text is none, or open at both ends."""
    match = _RANGE.fullmatch(text)
    try:
        first, last = (date.fromisoformat(one) if one else None for one in match.groups()) if match else (None, None)
    except ValueError:
        return None
    return (first, last) if first or last else None


def _owner(given: QueryDict) -> str:
    owner = given.get("owner", "")
    return owner if owner in {ME, NOBODY} else _number(owner)


def _number(text: str) -> str:
    return text if text.isascii() and text.isdecimal() and len(text) <= 18 else ""


def in_view(view: View, actor: Actor, today: date) -> TicketQuerySet:
    """The tickets of a view that exist for this person."""
    # The same as the open states (a constraint says so), and what the index of open tickets is made of.
    is_open = Q(closed_at__isnull=True)
    narrow = {
        "open": is_open,
        "mine": is_open & Q(owner=actor.id),
        "unassigned": is_open & Q(owner__isnull=True),
        "waiting": is_open & Q(state=State.AWAITING_DECISION.value),
        "running": is_open & Q(state__in=_RUNNING),
        "attention": is_open & Q(state=State.NEEDS_ATTENTION.value),
        "due": is_open & Q(due_on__lte=urgency.last_soon(today)),
        "to-close": UNTOLD,
        "closed": Q(state__in=CLOSED_STATES),
        "all": Q(),
    }
    return visible_tickets(actor).filter(narrow[view.name])


def narrowed(filters: Filters, actor: Actor, today: date) -> TicketQuerySet:
    """The tickets of the view that pass every filter."""
    tickets = in_view(filters.view, actor, today)
    if filters.state:
        tickets = tickets.filter(state=filters.state)
    if filters.kind:
        tickets = tickets.filter(kind=filters.kind)
    if filters.app == REAL_APPS:
        real = StreamApp.objects.filter(is_sandbox=False).values_list("pk", flat=True)
        tickets = tickets.filter(stream_app__in=list(real))
    elif filters.app:
        tickets = tickets.filter(stream_app=int(filters.app))
    if filters.owner == NOBODY:
        tickets = tickets.filter(owner__isnull=True)
    elif filters.owner:
        tickets = tickets.filter(owner=actor.id if filters.owner == ME else int(filters.owner))
    if filters.due:
        first, last = (today, urgency.last_soon(today)) if filters.due == "soon" else (None, urgency.last_late(today))
        tickets = tickets.filter(due_on__lte=last, closed_at__isnull=True)
        tickets = tickets.filter(due_on__gte=first) if first else tickets
    return _as_answered(filters, tickets)


def _as_answered(filters: Filters, tickets: TicketQuerySet) -> TicketQuerySet:
    """What the reports tell apart."""
    if filters.ground:
        tickets = tickets.filter(ground="" if filters.ground == NOT_STATED else filters.ground)
    if filters.outcome == REFUSED:
        tickets = tickets.filter(state=State.REFUSED.value)
    elif filters.outcome:
        outcome = "" if filters.outcome == NOT_STATED else filters.outcome
        tickets = tickets.filter(outcome=outcome).exclude(state=State.REFUSED.value)
    if filters.refusal:
        code = "" if filters.refusal == NOT_STATED else filters.refusal
        refused = Decision.objects.filter(verb=Verb.REFUSE.value, refusal=code)
        tickets = tickets.filter(state=State.REFUSED.value, pk__in=refused.values("ticket"))
    if filters.timing:
        in_time = Q(answered_on__lte=F("due_on"))
        tickets = tickets.filter(in_time if filters.timing == "in_time" else Q(answered_on__gt=F("due_on")))
    if filters.clock == "extended":
        tickets = tickets.filter(extension__isnull=False)
    elif filters.clock:
        tickets = tickets.filter(pk__in=ClockPause.objects.values("ticket"))
    for name in RANGES:
        first, last = days_of(getattr(filters, name)) or (None, None)
        tickets = tickets.filter(**{f"{name}_on__gte": first}) if first else tickets
        tickets = tickets.filter(**{f"{name}_on__lte": last}) if last else tickets
    return tickets


def choices(actor: Actor) -> dict[str, list[Choice]]:
    """What each filter can be set to."""
    return {
        "kind": [Choice(kind.value, kind.label) for kind in Kind],
        "state": [Choice(state.value, state.label) for state in State],
        "app": [Choice(REAL_APPS, _("All but stand-ins")), *_apps(actor)],
        "owner": [Choice(ME, "Me"), Choice(NOBODY, "Nobody"), *owners()],
        "due": [Choice(value, words) for value, words in DUES.items()],
        "ground": [*(Choice(ground.value, ground.label) for ground in Ground), Choice(NOT_STATED, _("Not stated"))],
        "outcome": [
            *(Choice(outcome.value, outcome.label) for outcome in Outcome),
            Choice(REFUSED, State.REFUSED.label),
            Choice(NOT_STATED, _("None yet")),
        ],
        "refusal": [*(Choice(one.value, one.label) for one in Refusal), Choice(NOT_STATED, _("Not stated"))],
        "clock": [Choice(value, words) for value, words in CLOCKS.items()],
        "timing": [Choice(value, words) for value, words in TIMINGS.items()],
        "sort": [Choice(value, words) for value, (words, _columns) in SORTS.items()],
    }


def _apps(actor: Actor) -> list[Choice]:
    return [Choice(str(pk), name) for pk, name in visible_apps(actor).order_by("name").values_list("pk", "name")]


def owners(people: Iterable[AbstractUser] | None = None) -> list[Choice]:
    """Everybody who may work on tickets, by name; `people` where they were read already."""
    known = caseworkers() if people is None else people
    named = [Choice(str(person.pk), person.get_full_name() or person.get_username()) for person in known]
    return sorted(named, key=lambda one: str(one.words).casefold())


LABELS: Mapping[str, str | Promise] = MappingProxyType(
    {
        "kind": "Request",
        "state": "Status",
        "app": "App",
        "owner": "Owner",
        "due": "Deadline",
        "ground": _("Ground"),
        "outcome": _("Outcome"),
        "refusal": _("Ground of the refusal"),
        "timing": _("Answer"),
        "clock": _("Clock"),
        "sort": "Order",
    }
)


RANGE_LABELS: Mapping[str, str | Promise] = MappingProxyType({"answered": _("Answered"), "received": _("Received")})


@dataclass(frozen=True)
class Chip:
    """A filter that is on, and the address of the list without it."""

    words: str
    without: str


def chips(filters: Filters, every: Mapping[str, list[Choice]]) -> list[Chip]:
    """The filters that are on."""
    found = []
    for name in NARROWING:
        value = getattr(filters, name)
        if not value:
            continue
        if name in RANGES:
            words = f"{RANGE_LABELS[name]} {_in_words(value)}"
        else:
            named = next((choice.words for choice in every[name] if choice.value == value), "unknown")
            words = f"{LABELS[name]}: {named}"
        found.append(Chip(words, filters.query(without=name)))
    return found


def _in_words(value: str) -> str:
    """A range of days as people read it."""
    first, last = days_of(value) or (None, None)
    if first and last:
        return f"{first:%d %b %Y} to {last:%d %b %Y}"
    return f"since {first:%d %b %Y}" if first else f"until {last:%d %b %Y}"
