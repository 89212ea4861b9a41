"""The legal clock: Art. 12(3) GDPR with Regulation (EEC, Euratom) 1182/71 Art. 3. Imports no Django.

Local calendar dates of the controller; a month later is the same day of the month, or the month's last; what ends
on a Saturday, Sunday or public holiday ends on the next working day. An extension counts from receipt. The days of a
pause (Art. 12(6): identity; clarification) are added before the last day is rolled. The refusal has the first date,
which no extension moves (Art. 12(4)). `docs/clock.md` tells each rule.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

# The GDPR applies since this day (Art. 99(2)); nothing was received under it before.
GDPR_APPLIES_SINCE = date(2018, 5, 25)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class UnknownCalendar(ValueError):
    """The holiday setting names no calendar."""


@dataclass(frozen=True, kw_only=True)
class Clock:
    """The controller's time zone, holiday calendar (`DE`, `DE-BY`) and lead of the internal target in days."""

    time_zone: str = "Europe/Berlin"
    calendar: str = "DE"
    lead_days: int = 10


@dataclass(frozen=True)
class Paused:
    """The person was asked something on a day, and answered on a later one; not yet where that is None."""

    asked_on: date
    answered_on: date | None = None


@dataclass(frozen=True)
class Deadline:
    """When the answer is due, when it should be ready, until when a refusal may be notified, and why then.

    `without_pause_on` is the due date as it would stand had nobody paused it.
    """

    due_on: date
    target_on: date
    sentence: str
    refuse_by_on: date
    without_pause_on: date
    paused_days: int = 0
    extended: bool = False
    target_sentence: str = ""
    refuse_sentence: str = ""


@lru_cache(maxsize=8)
def holiday_calendar(name: str) -> holidays.HolidayBase:
    """The public holidays of a member state or one of its regions; raises `UnknownCalendar`."""
    country, _, region = name.partition("-")
    try:
        return holidays.country_holidays(country, subdiv=region or None, language="en_US")
    except (NotImplementedError, ValueError):
        raise UnknownCalendar(
            f"DSR_HOLIDAYS: there is no holiday calendar “{name}”. Write it like DE or DE-BY."
        ) from None


def receipt_date(received_at: datetime, clock: Clock) -> date:
    """The local date of a moment (D0); raises `ValueError` for a time without its zone."""
    if received_at.tzinfo is None:
        raise ValueError("a receipt needs its time zone")
    return received_at.astimezone(ZoneInfo(clock.time_zone)).date()


def raw(received_on: date, months: int) -> date:
    """The same day some months later, or the last day of that month (D2)."""
    year, month = divmod(received_on.year * 12 + received_on.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(received_on.day, last))


def is_working_day(day: date, clock: Clock) -> bool:
    """Neither weekend nor public holiday."""
    return day.weekday() < 5 and day not in holiday_calendar(clock.calendar)


def roll(day: date, clock: Clock) -> date:
    """The day itself where it is a working day, else the next one (D3)."""
    while not is_working_day(day, clock):
        day += timedelta(days=1)
    return day


def roll_back(day: date, clock: Clock) -> date:
    """The day itself where it is a working day, else the one before."""
    while not is_working_day(day, clock):
        day -= timedelta(days=1)
    return day


def due(received_on: date, clock: Clock) -> date:
    """When the answer is due (D4)."""
    return deadline(received_on, clock).due_on


def extended_due(received_on: date, clock: Clock) -> date:
    """When it is due after an extension: three months from receipt, not from the first date (D5)."""
    return deadline(received_on, clock, extended=True).due_on


def target(received_on: date, clock: Clock) -> date:
    """The internal target: some days before the due date, on a working day (D4)."""
    return deadline(received_on, clock).target_on


def merged(pauses: Iterable[Paused], today: date) -> list[tuple[date, date]]:
    """The pauses as stretches that do not overlap, first to last; an open one lasts until today (D8)."""
    stretches: list[tuple[date, date]] = []
    for begin, end in sorted((one.asked_on, max(one.answered_on or today, one.asked_on)) for one in pauses):
        if stretches and begin <= stretches[-1][1]:
            stretches[-1] = (stretches[-1][0], max(stretches[-1][1], end))
        else:
            stretches.append((begin, end))
    return stretches


def with_pauses(
    received_on: date, months: int, clock: Clock, pauses: Sequence[Paused], today: date
) -> tuple[date, int]:
    """The last day some months after receipt, moved by the days of the pauses, and how many those were (D8).

    A pause that begins after the last day has no days: what is over cannot be stopped.
    """
    end, days = raw(received_on, months), 0
    for begin, answered in merged(pauses, today):
        if begin > roll(end + timedelta(days=days), clock):
            break
        days += (answered - begin).days
    return roll(end + timedelta(days=days), clock), days


def deadline(
    received_on: date,
    clock: Clock,
    *,
    extended: bool = False,
    pauses: Sequence[Paused] = (),
    today: date | None = None,
) -> Deadline:
    """All dates of a request with the sentence that explains them; `today` matters to a pause that goes on."""
    months = 3 if extended else 1
    on = today or received_on
    due_on, days = with_pauses(received_on, months, clock, pauses, on)
    first_on, _ = with_pauses(received_on, 1, clock, pauses, on)
    return Deadline(
        due_on=due_on,
        target_on=roll_back(due_on - timedelta(days=clock.lead_days), clock),
        sentence=_sentence(received_on, months, days, due_on, clock),
        refuse_by_on=first_on,
        without_pause_on=roll(raw(received_on, months), clock),
        paused_days=days,
        extended=extended,
        target_sentence=f"{clock.lead_days} days before the answer is due, or the working day before that.",
        refuse_sentence=_refuse_sentence(received_on, first_on, paused=days > 0, extended=extended),
    )


def _refuse_sentence(received_on: date, first_on: date, *, paused: bool, extended: bool) -> str:
    words = f"One month after receipt on {spoken(received_on)}{' and the pause' if paused else ''}, on a working day"
    moved = "; no extension moves it" if extended else ""
    return f"{words}: {spoken(first_on)}{moved}. Art. 12(4) GDPR."


def _sentence(received_on: date, months: int, days: int, due_on: date, clock: Clock) -> str:
    end = raw(received_on, months)
    span = "three months later (extended)" if months == 3 else "one month later"
    words = f"Received {spoken(received_on)}; {span} is {spoken(end)}"
    if days:
        end += timedelta(days=days)
        words += f"; paused for {days} {'day' if days == 1 else 'days'}, so {spoken(end)}"
    if due_on != end:
        words += f", {_why_not(end, clock)}, so the next working day counts: {spoken(due_on)}"
    return f"{words}. Art. 12(3) GDPR; Regulation 1182/71 Art. 3; holidays of {clock.calendar}."


def _why_not(day: date, clock: Clock) -> str:
    holiday = holiday_calendar(clock.calendar).get(day)
    if holiday:
        return f"a public holiday ({holiday})"
    return "a Saturday" if day.weekday() == 5 else "a Sunday"


def spoken(day: date) -> str:
    """A date as people read it: `Thu 5 Mar 2026`."""
    return f"{_DAYS[day.weekday()]} {day.day} {calendar.month_abbr[day.month]} {day.year}"


def check_received_on(received_on: date, today: date) -> str | None:
    """Why the date cannot be a day of receipt, or None (D1)."""
    if received_on > today:
        return "A request cannot be received in the future. Enter the day on which it reached you."
    if received_on < GDPR_APPLIES_SINCE:
        return "The GDPR applies since 25 May 2018. Check the year."
    return None


def check_moved_receipt(
    received_on: date, *, asked_on: Sequence[date], notice_on: date | None, first_due_on: date
) -> str | None:
    """Why the day of receipt cannot be changed to this one, or None: what was done since must still hold (D6, D8).

    `asked_on` are the days of the questions, `notice_on` that on which the person was told of an extension,
    `first_due_on` the first due date that the new day of receipt gives.
    """
    first = min(asked_on, default=None)
    if first is not None and received_on > first:
        return f"The person was asked something on {spoken(first)}: the request was received by then."
    if notice_on is not None and received_on > notice_on:
        return f"The person was told of the extension on {spoken(notice_on)}: the request was received by then."
    if notice_on is not None and notice_on > first_due_on:
        return (
            f"Received then, the answer was due on {spoken(first_due_on)}, before the person was told of the extension "
            f"on {spoken(notice_on)}. Enter the day on which the request really reached you."
        )
    return None


def check_extension(today: date, first_due_on: date, *, extended: bool) -> str | None:
    """Why the time cannot be extended now, or None (D6). The first due date counts the pauses."""
    if extended:
        return "The time was extended before, and the law allows it once."
    if today > first_due_on:
        return f"The time could be extended until {spoken(first_due_on)}. It is over: answer without any further delay."
    return None


def check_notice(notice_on: date, *, received_on: date, first_due_on: date, today: date) -> str | None:
    """Why the person cannot have been told of the extension on that day, or None (D6)."""
    if notice_on > today:
        return "The person cannot have been told in the future. Enter the day on which the notice went out."
    if notice_on < received_on:
        return "That was before the request was received. Enter the day on which the notice went out."
    if notice_on > first_due_on:
        return f"The person must be told until {spoken(first_due_on)} (Art. 12(3) GDPR). That day has passed."
    return None


def check_asked(asked_on: date, *, received_on: date, due_on: date, today: date) -> str | None:
    """Why the clock cannot be stopped from that day on, or None (D8)."""
    if asked_on > today:
        return "Nobody was asked in the future. Enter the day on which you asked."
    if asked_on < received_on:
        return "That was before the request was received. Enter the day on which you asked."
    if asked_on > due_on:
        return f"The answer was due on {spoken(due_on)}: what is over cannot be stopped any more."
    return None


def check_answered(answered_on: date, *, asked_on: date, today: date) -> str | None:
    """Why the person cannot have answered on that day, or None."""
    if answered_on > today:
        return "Nobody answered in the future. Enter the day on which the answer came."
    if answered_on < asked_on:
        return f"That was before the question of {spoken(asked_on)}. Enter the day on which the answer came."
    return None


def check_refusal(today: date, refuse_by_on: date, *, override: bool) -> str | None:
    """Why a refusal comes too late, or None (D7): Art. 12(4) has a month of its own, which no extension moves."""
    if today <= refuse_by_on or override:
        return None
    return (
        f"A refusal had to be notified until {spoken(refuse_by_on)} (Art. 12(4) GDPR); no extension moves that day. "
        "A data protection officer may still refuse; the ticket is flagged then."
    )
