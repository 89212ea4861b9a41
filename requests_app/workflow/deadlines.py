"""The legal clock: Art. 12(3) GDPR with Regulation (EEC, Euratom) 1182/71 Art. 3. Imports no Django.

Local calendar dates of the controller; a month later is the same day of the month, or the month's last; what ends
on a Saturday, Sunday or public holiday ends on the next working day. An extension counts from receipt.
"""

from __future__ import annotations

import calendar
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
class Deadline:
    """When the answer is due, when it should be ready, and the sentence that explains the date."""

    due_on: date
    target_on: date
    sentence: str


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
    return roll(raw(received_on, 1), clock)


def extended_due(received_on: date, clock: Clock) -> date:
    """When it is due after an extension: three months from receipt, not from the first date (D5)."""
    return roll(raw(received_on, 3), clock)


def target(received_on: date, clock: Clock) -> date:
    """The internal target: some days before the due date, on a working day (D4)."""
    return roll_back(due(received_on, clock) - timedelta(days=clock.lead_days), clock)


def deadline(received_on: date, clock: Clock) -> Deadline:
    """Due date and target with the sentence that explains them."""
    end, due_on = raw(received_on, 1), due(received_on, clock)
    words = f"Received {spoken(received_on)}; one month later is {spoken(end)}"
    if due_on != end:
        words += f", {_why_not(end, clock)}, so the next working day counts: {spoken(due_on)}"
    return Deadline(
        due_on=due_on,
        target_on=target(received_on, clock),
        sentence=f"{words}. Art. 12(3) GDPR; Regulation 1182/71 Art. 3; holidays of {clock.calendar}.",
    )


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
