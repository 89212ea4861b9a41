"""How well the house does: numbers over the tickets answered in a period, and the age of those still open.

Answered is a ticket once its case is closed: the person was told what became of the request.

One grouped query over the answered tickets, folded here by each way of looking at them. What each number means stands
in docs/reports.md; a test counts every one of them again from the audit log alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db.models import Case, CharField, Count, F, Func, IntegerField, QuerySet, Value, When
from django.utils.translation import gettext as _

from requests_app.audit.actor import Actor
from requests_app.enums import Ground, Kind, Outcome, Refusal, State, Verb
from requests_app.models import ClockPause, Ticket
from requests_app.models.ticket import TicketQuerySet
from requests_app.queries.filters import BY_NAME, NOT_STATED, REAL_APPS, REFUSED, UNTOLD, Filters
from requests_app.workflow.access import visible_apps, visible_tickets
from requests_app.workflow.urgency import Urgency, urgency

# Days since receipt at which an age of open tickets ends; the last is open.
AGES = (7, 14, 21, 30)
_NO_BOUND = 10**6


@dataclass(frozen=True)
class Period:
    """Local dates of the controller, both included."""

    first: date
    last: date

    @property
    def bounds(self) -> str:
        """As it stands in a URL."""
        return f"{self.first.isoformat()}..{self.last.isoformat()}"

    def months(self) -> Iterator[Period]:
        """The calendar months that it touches, cut at its ends."""
        first = self.first
        while first <= self.last:
            following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
            yield Period(first, min(self.last, following - timedelta(days=1)))
            first = following


@dataclass
class Tally:
    """Answered tickets that have something in common: how many, how quickly, and how they ended."""

    answered: int = 0
    on_time: int = 0
    refused: int = 0
    extended: int = 0
    paused: int = 0
    days: Counter[int] = field(default_factory=Counter)

    @property
    def late(self) -> int:
        """Answered after the due date that was in force."""
        return self.answered - self.on_time

    @property
    def share(self) -> float | None:
        """Per cent answered on time; None where none was answered."""
        return self._share(self.on_time)

    @property
    def refused_share(self) -> float | None:
        """Per cent answered by a refusal; None where none was answered."""
        return self._share(self.refused)

    @property
    def extended_share(self) -> float | None:
        """Per cent whose time was extended (Art. 12(3)); None where none was answered."""
        return self._share(self.extended)

    @property
    def paused_share(self) -> float | None:
        """Per cent whose clock stood for a while; None where none was answered."""
        return self._share(self.paused)

    def _share(self, number: int) -> float | None:
        return 100 * number / self.answered if self.answered else None

    @property
    def median(self) -> float | None:
        """Days from receipt to answer, half of the tickets faster (Art. 12(3): “without undue delay”)."""
        return median_of(self.days)

    def add(self, group: Mapping[str, Any]) -> None:
        """Count the tickets of one group of the query."""
        number = group["number"]
        self.answered += number
        self.on_time += number if group["in_time"] else 0
        self.refused += number if group["state"] == State.REFUSED else 0
        self.days[group["days"]] += number
        self.extended += group["extended"]
        self.paused += group["paused"]


@dataclass(frozen=True)
class Line:
    """One row of a table: its words, its numbers, and the filters that lead to exactly these tickets."""

    words: str
    tally: Tally
    filters: Filters


@dataclass(frozen=True)
class Table:
    """The answered tickets by one way of looking at them."""

    name: str
    title: str
    lines: Sequence[Line]


@dataclass(frozen=True)
class Open:
    """Open tickets of one age or urgency, and the filters that lead to them."""

    words: str
    number: int
    filters: Filters


@dataclass(frozen=True)
class Report:
    """Everything on the page."""

    period: Period
    # Whether only apps that stand in for Stream have tickets, so that these are counted.
    stand_ins: bool
    total: Line
    tables: Sequence[Table]
    ages: Sequence[Open]
    pressing: Sequence[Open]

    @property
    def open_number(self) -> int:
        """How many tickets are open."""
        return sum(one.number for one in self.ages)


class DaysBetween(Func):
    """Whole days from one date column to another, without a function of Python on SQLite."""

    output_field = IntegerField()
    arity = 2

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """Julian days of dates are whole and a half: their difference is whole."""
        template = "CAST(julianday(%(expressions)s) AS INTEGER)"
        return super().as_sql(compiler, connection, template=template, arg_joiner=") - julianday(", **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """The difference of two dates is a number of days."""
        return super().as_sql(compiler, connection, template="(%(expressions)s)", arg_joiner=" - ", **extra)


class MonthOf(Func):
    """The month of a date column as `2026-11`."""

    output_field = CharField()
    arity = 1

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """Dates are texts there."""
        return super().as_sql(compiler, connection, template="substr(%(expressions)s, 1, 7)", **extra)

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        """In the words of the server."""
        return super().as_sql(compiler, connection, template="to_char(%(expressions)s, 'YYYY-MM')", **extra)


def median_of(days: Mapping[int, int]) -> float | None:
    """The median of values by how often they occur: the middle one, or the mean of the two in the middle."""
    number = sum(days.values())
    if not number:
        return None
    wanted, seen = ((number - 1) // 2, number // 2), 0
    found: list[int] = []
    for value in sorted(days):
        seen += days[value]
        found += [value for place in wanted[len(found) :] if place < seen]
        if len(found) == 2:
            break
    return sum(found) / 2


def report(actor: Actor, period: Period, today: date) -> Report:
    """Count. Apps that stand in for Stream are left out, unless there are no others."""
    names = dict(visible_apps(actor).filter(is_sandbox=False).values_list("pk", "name"))
    stand_ins = not names
    if stand_ins:
        names = dict(visible_apps(actor).values_list("pk", "name"))
    tickets = visible_tickets(actor).filter(stream_app__in=list(names))
    base = Filters(view=BY_NAME["all"], app="" if stand_ins else REAL_APPS, answered=period.bounds)
    groups, refused = _groups(tickets, period), _refused(tickets, period)
    ages, pressing = _open(tickets, today, base)
    return Report(
        period=period,
        stand_ins=stand_ins,
        total=Line(_("All answered"), _sum(groups), base),
        tables=(*_tables(groups, period, base, names), _by_refusal(refused, base)),
        ages=ages,
        pressing=pressing,
    )


def _groups(tickets: TicketQuerySet, period: Period) -> list[dict[str, Any]]:
    """The answered tickets of the period, counted by everything that the tables tell apart. Three queries."""
    answered = tickets.filter(answered_on__gte=period.first, answered_on__lte=period.last)
    in_time = Case(When(answered_on__lte=F("due_on"), then=Value(1)), default=Value(0))
    told = {"month": MonthOf("answered_on"), "days": DaysBetween("answered_on", "received_on"), "in_time": in_time}
    kept = ("month", "kind", "ground", "state", "outcome", "stream_app", "days", "in_time")
    rows = answered.annotate(**told).order_by().values(*kept)
    # What was extended or paused is little: it is looked up by itself, and not asked of every ticket.
    extended = _numbers(rows.filter(extension__isnull=False), kept)
    paused = _numbers(rows.filter(pk__in=ClockPause.objects.values("ticket")), kept)
    return [
        dict(zip(kept, key, strict=True)) | {"number": number, "extended": extended[key], "paused": paused[key]}
        for key, number in _numbers(rows, kept).items()
    ]


def _numbers(rows: QuerySet[Ticket, dict[str, Any]], kept: Sequence[str]) -> Counter[tuple[Any, ...]]:
    """How many there are of each group."""
    return Counter({tuple(row[name] for name in kept): row["number"] for row in rows.annotate(number=Count("pk"))})


def _refused(tickets: TicketQuerySet, period: Period) -> list[dict[str, Any]]:
    """The same of what was refused as a whole, by the code of the refusal. One query."""
    answered = tickets.filter(answered_on__gte=period.first, answered_on__lte=period.last, state=State.REFUSED.value)
    in_time = Case(When(answered_on__lte=F("due_on"), then=Value(1)), default=Value(0))
    rows = answered.filter(decisions__verb=Verb.REFUSE.value).annotate(
        code=F("decisions__refusal"), days=DaysBetween("answered_on", "received_on"), in_time=in_time
    )
    clock = {
        "number": Count("pk"),
        "extended": Count("extension"),
        "paused": Count(Case(When(pk__in=ClockPause.objects.values("ticket"), then=Value(1)))),
    }
    return [dict(row) for row in rows.order_by().values("code", "state", "days", "in_time").annotate(**clock)]


def _sum(groups: Iterable[Mapping[str, Any]]) -> Tally:
    tally = Tally()
    for group in groups:
        tally.add(group)
    return tally


def _by(groups: Iterable[Mapping[str, Any]], key: Callable[[Mapping[str, Any]], str]) -> dict[str, Tally]:
    found: dict[str, Tally] = {}
    for group in groups:
        found.setdefault(key(group), Tally()).add(group)
    return found


def end_of(group: Mapping[str, Any]) -> str:
    """How a ticket ended, as the filter of the list names it."""
    return REFUSED if group["state"] == State.REFUSED else str(group["outcome"])


def _tables(
    groups: Sequence[Mapping[str, Any]], period: Period, base: Filters, apps: Mapping[int, str]
) -> tuple[Table, ...]:
    months = _by(groups, lambda group: str(group["month"]))
    kinds = _by(groups, lambda group: str(group["kind"]))
    grounds = _by((one for one in groups if one["kind"] == Kind.ERASE), lambda group: str(group["ground"]))
    ends = _by(groups, end_of)
    by_app = _by(groups, lambda group: str(group["stream_app"]))
    return (
        Table(
            "month",
            _("By month of the answer"),
            [
                Line(
                    f"{month.first:%Y-%m}",
                    months.get(f"{month.first:%Y-%m}", Tally()),
                    base.but(answered=month.bounds),
                )
                for month in period.months()
            ],
        ),
        Table(
            "kind", _("By kind of request"), _lines(kinds, [(kind.value, kind.label) for kind in Kind], base, "kind")
        ),
        Table(
            "ground",
            _("Erasures by ground"),
            _lines(
                {ground or NOT_STATED: tally for ground, tally in grounds.items()},
                [*((ground.value, ground.label) for ground in Ground), (NOT_STATED, _("Not stated"))],
                base.but(kind=Kind.ERASE.value),
                "ground",
            ),
        ),
        Table(
            "outcome",
            _("By outcome"),
            _lines(
                {end or NOT_STATED: tally for end, tally in ends.items()},
                [
                    *((outcome.value, outcome.label) for outcome in Outcome),
                    (REFUSED, State.REFUSED.label),
                    (NOT_STATED, _("Opened again")),
                ],
                base,
                "outcome",
            ),
        ),
        Table("app", _("By Stream app"), _lines(by_app, [(str(pk), name) for pk, name in apps.items()], base, "app")),
    )


def _by_refusal(groups: Sequence[Mapping[str, Any]], base: Filters) -> Table:
    codes = {code or NOT_STATED: tally for code, tally in _by(groups, lambda group: str(group["code"])).items()}
    words = [*((one.value, one.label) for one in Refusal), (NOT_STATED, _("Not stated"))]
    return Table("refusal", _("Refusals by ground"), _lines(codes, words, base.but(outcome=REFUSED), "refusal"))


def _lines(found: Mapping[str, Tally], words: Iterable[tuple[str, str]], base: Filters, name: str) -> list[Line]:
    """A line for each value that occurs, in the order of the words."""
    return [Line(label, found[value], base.but(**{name: value})) for value, label in words if value in found]


def _open(tickets: TicketQuerySet, today: date, base: Filters) -> tuple[list[Open], list[Open]]:
    """Open tickets by their age and by their urgency, and ended ones whose case is open. Two queries over indexes."""
    rows = tickets.filter(closed_at__isnull=True).order_by()
    counted = rows.values_list("received_on", "due_on").annotate(number=Count("pk"))
    by_age, by_urgency = Counter[int](), Counter[Urgency]()
    for received_on, due_on, number in counted:
        by_age[_age((today - received_on).days)] += number
        by_urgency[urgency(due_on, today)] += number
    still = base.but(view=BY_NAME["open"], answered="")
    to_close = Open(
        _("Ended, case not closed"),
        tickets.filter(UNTOLD).count(),
        base.but(view=BY_NAME["to-close"], answered=""),
    )
    return _ages(by_age, today, still), [*_pressing(by_urgency, still), to_close]


def _age(days: int) -> int:
    return next((place for place, last in enumerate(AGES) if days <= last), len(AGES))


def _ages(found: Mapping[int, int], today: date, still: Filters) -> list[Open]:
    lines = []
    for place, (least, most) in enumerate(zip((0, *(last + 1 for last in AGES)), (*AGES, _NO_BOUND), strict=True)):
        last = today - timedelta(days=least)
        first = today - timedelta(days=most) if most != _NO_BOUND else None
        bounds = f"{first.isoformat() if first else ''}..{last.isoformat() if least else ''}"
        words = f"{least} to {most} days" if first else f"over {least - 1} days"
        lines.append(Open(words, found.get(place, 0), still.but(received=bounds)))
    return lines


def _pressing(found: Mapping[Urgency, int], still: Filters) -> list[Open]:
    soon = found.get(Urgency.URGENT, 0) + found.get(Urgency.SOON, 0)
    return [
        Open(_("Late"), found.get(Urgency.LATE, 0), still.but(due="late")),
        Open(_("Due soon"), soon, still.but(due="soon")),
    ]
