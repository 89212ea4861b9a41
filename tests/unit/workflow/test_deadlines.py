"""The legal clock: Art. 12(3) GDPR with Regulation 1182/71, by the day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from requests_app.workflow import deadlines
from requests_app.workflow.deadlines import Clock, Paused

GERMANY = Clock(time_zone="Europe/Berlin", calendar="DE", lead_days=10)
BAVARIA = Clock(calendar="DE-BY")


@pytest.mark.parametrize(
    ("received", "raw", "due", "extended"),
    [
        ("2026-03-05", "2026-04-05", "2026-04-07", "2026-06-05"),
        ("2026-08-31", "2026-09-30", "2026-09-30", "2026-11-30"),
        ("2026-01-31", "2026-02-28", "2026-03-02", "2026-04-30"),
        ("2024-01-31", "2024-02-29", "2024-02-29", "2024-04-30"),
        ("2026-04-01", "2026-05-01", "2026-05-04", "2026-07-01"),
        ("2026-11-25", "2026-12-25", "2026-12-28", "2027-02-25"),
    ],
)
def test_it_counts_months_and_rolls_to_a_working_day(received: str, raw: str, due: str, extended: str) -> None:
    day = date.fromisoformat(received)

    assert deadlines.raw(day, 1).isoformat() == raw
    assert deadlines.due(day, GERMANY).isoformat() == due
    assert deadlines.extended_due(day, GERMANY).isoformat() == extended


def test_the_day_is_the_one_at_the_controllers_place() -> None:
    received_on = deadlines.receipt_date(datetime(2026, 6, 30, 22, 30, tzinfo=UTC), GERMANY)

    assert received_on == date(2026, 7, 1)
    assert deadlines.due(received_on, GERMANY) == date(2026, 8, 3)


def test_a_time_without_its_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        deadlines.receipt_date(datetime(2026, 6, 30, 22, 30), GERMANY)


def test_a_regional_holiday_counts_where_it_is_one() -> None:
    received_on = date(2026, 7, 15)  # a month before Assumption Day, which Bavaria keeps; a Saturday in 2026

    assert deadlines.due(date(2026, 5, 4), GERMANY) == date(2026, 6, 4)
    assert deadlines.due(date(2026, 5, 4), BAVARIA) == date(2026, 6, 5)
    assert deadlines.due(received_on, BAVARIA) == date(2026, 8, 17)


def test_the_target_lies_the_lead_before_on_a_working_day() -> None:
    assert deadlines.target(date(2026, 8, 31), GERMANY) == date(2026, 9, 18)


@pytest.mark.parametrize(
    ("received", "part"),
    [
        ("2026-03-05", "Received Thu 5 Mar 2026; one month later is Sun 5 Apr 2026, a"),
        ("2026-03-05", "so the next working day counts: Tue 7 Apr 2026"),
        ("2026-04-01", "a public holiday (Labor Day)"),
        ("2026-01-31", "a Saturday"),
        (
            "2026-08-31",
            "one month later is Wed 30 Sep 2026. Art. 12(3) GDPR; Regulation 1182/71 Art. 3; holidays of DE.",
        ),
    ],
)
def test_a_sentence_explains_the_date(received: str, part: str) -> None:
    assert part in deadlines.deadline(date.fromisoformat(received), GERMANY).sentence


@pytest.mark.parametrize("name", ["XX", "DE-XX", "", "de/by"])
def test_an_unknown_calendar_is_named(name: str) -> None:
    with pytest.raises(deadlines.UnknownCalendar, match="Write it like DE or DE-BY"):
        deadlines.holiday_calendar(name)


@pytest.mark.parametrize(
    ("received_on", "words"),
    [
        (date(2026, 11, 24), "future"),
        (date(2018, 5, 24), "25 May 2018"),
        (date(2026, 11, 23), ""),
        (date(2018, 5, 25), ""),
    ],
)
def test_a_day_of_receipt_lies_between_the_gdpr_and_today(received_on: date, words: str) -> None:
    sentence = deadlines.check_received_on(received_on, date(2026, 11, 23)) or ""

    assert (words in sentence) if words else sentence == ""


@given(st.dates(min_value=date(2018, 5, 25), max_value=date(2045, 12, 31)))
def test_what_holds_for_every_day(received_on: date) -> None:
    due, extended = deadlines.due(received_on, GERMANY), deadlines.extended_due(received_on, GERMANY)

    assert deadlines.is_working_day(due, GERMANY)
    assert received_on < due < extended
    assert due <= deadlines.due(received_on, BAVARIA)
    assert deadlines.raw(received_on, 1) <= due <= deadlines.raw(received_on, 1) + timedelta(days=6)
    assert deadlines.is_working_day(deadlines.target(received_on, GERMANY), GERMANY)
    assert deadlines.target(received_on, GERMANY) <= due - timedelta(days=10)


def day(text: str) -> date:
    return date.fromisoformat(text)


def test_a_pause_moves_the_date_by_its_days_and_tells_the_one_without_it() -> None:
    asked = [Paused(day("2026-11-25"), day("2026-12-01"))]

    found = deadlines.deadline(day("2026-11-23"), GERMANY, pauses=asked)

    assert (found.due_on, found.without_pause_on, found.paused_days) == (day("2026-12-29"), day("2026-12-23"), 6)
    assert "paused for 6 days" in found.sentence
    assert "29 Dec 2026" in found.sentence


def test_overlapping_pauses_count_each_day_once() -> None:
    asked = [
        Paused(day("2026-11-25"), day("2026-12-01")),
        Paused(day("2026-11-30"), day("2026-12-04")),
        Paused(day("2026-11-26"), day("2026-11-27")),
    ]

    assert deadlines.deadline(day("2026-11-23"), GERMANY, pauses=asked).paused_days == 9
    assert deadlines.merged(asked, day("2026-12-10")) == [(day("2026-11-25"), day("2026-12-04"))]


def test_an_open_pause_lasts_until_today() -> None:
    asked = [Paused(day("2026-11-25"))]

    found = [
        deadlines.deadline(day("2026-11-23"), GERMANY, pauses=asked, today=day(today)).paused_days
        for today in ("2026-11-25", "2026-11-26", "2026-12-05")
    ]

    assert found == [0, 1, 10]


def test_what_is_over_cannot_be_stopped() -> None:
    asked = [Paused(day("2026-12-24"), day("2027-01-10"))]

    assert deadlines.deadline(day("2026-11-23"), GERMANY, pauses=asked).due_on == day("2026-12-23")


def test_an_extension_counts_from_receipt_and_leaves_the_day_of_a_refusal() -> None:
    found = deadlines.deadline(day("2026-03-05"), GERMANY, extended=True)

    assert (found.due_on, found.refuse_by_on) == (day("2026-06-05"), day("2026-04-07"))
    assert found.target_on == day("2026-05-26")
    assert "three months later (extended)" in found.sentence


def test_an_extension_and_a_pause_add_up() -> None:
    asked = [Paused(day("2026-03-10"), day("2026-03-20"))]

    found = deadlines.deadline(day("2026-03-05"), GERMANY, extended=True, pauses=asked)

    assert (found.due_on, found.refuse_by_on, found.without_pause_on) == (
        day("2026-06-15"),
        day("2026-04-15"),
        day("2026-06-05"),
    )


RECEIVED = st.dates(date(2018, 5, 25), date(2040, 12, 31))
CALENDARS = st.sampled_from(["DE", "DE-BY", "FR", "IE", "PL", "ES-MD", "SE", "GR"])
SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=4)


def spans(received_on: date, found: list[tuple[int, int]]) -> list[Paused]:
    return [
        Paused(received_on + timedelta(days=begin), received_on + timedelta(days=begin + length))
        for begin, length in found
    ]


@given(RECEIVED, CALENDARS, SPANS, st.booleans())
def test_due_is_a_working_day_after_receipt_and_no_pause_makes_it_earlier(
    received_on: date, calendar: str, found: list[tuple[int, int]], extended: bool
) -> None:
    clock = Clock(calendar=calendar)
    paused = deadlines.deadline(received_on, clock, extended=extended, pauses=spans(received_on, found))
    plain = deadlines.deadline(received_on, clock, extended=extended)

    assert deadlines.is_working_day(paused.due_on, clock)
    assert received_on < plain.due_on <= paused.due_on
    assert paused.without_pause_on == plain.due_on
    assert deadlines.is_working_day(paused.target_on, clock)
    assert paused.target_on < paused.due_on


@given(RECEIVED, CALENDARS, SPANS)
def test_extended_is_later_and_a_refusal_gains_nothing_by_it(
    received_on: date, calendar: str, found: list[tuple[int, int]]
) -> None:
    clock, pauses = Clock(calendar=calendar), spans(received_on, found)
    plain = deadlines.deadline(received_on, clock, pauses=pauses)
    extended = deadlines.deadline(received_on, clock, pauses=pauses, extended=True)

    assert extended.due_on > plain.due_on
    assert extended.refuse_by_on == plain.refuse_by_on == plain.due_on


@given(RECEIVED, SPANS)
def test_one_more_pause_never_makes_it_earlier(received_on: date, found: list[tuple[int, int]]) -> None:
    pauses = spans(received_on, found)
    for fewer in range(len(pauses)):
        less = deadlines.deadline(received_on, GERMANY, pauses=pauses[:fewer])
        more = deadlines.deadline(received_on, GERMANY, pauses=pauses[: fewer + 1])
        assert less.due_on <= more.due_on


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        (deadlines.check_extension(day("2026-04-07"), day("2026-04-07"), extended=False), None),
        (deadlines.check_extension(day("2026-04-08"), day("2026-04-07"), extended=False), "It is over"),
        (deadlines.check_extension(day("2026-04-01"), day("2026-04-07"), extended=True), "allows it once"),
        (deadlines.check_refusal(day("2026-04-07"), day("2026-04-07"), override=False), None),
        (deadlines.check_refusal(day("2026-04-08"), day("2026-04-07"), override=False), "no extension moves"),
        (deadlines.check_refusal(day("2026-04-08"), day("2026-04-07"), override=True), None),
    ],
)
def test_what_comes_too_late_is_said(sentence: str | None, words: str | None) -> None:
    assert (sentence is None) if words is None else (sentence is not None and words in sentence)
