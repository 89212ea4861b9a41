"""Rate limits as headers tell them, doubled and nonsensical ones included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from requests_app.stream.limits import DEFAULT_WAIT, MAX_WAIT, RateLimit, from_headers, wait_seconds

NOW = 1_795_000_000.0
NAMES = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


def told(limit: str, remaining: str, reset: str) -> CaseInsensitiveDict[str]:
    return CaseInsensitiveDict(zip(NAMES, (limit, remaining, reset), strict=True))


@pytest.mark.parametrize(
    "headers",
    [
        told("6", "4", "1795000040"),
        told("6, 6", "4, 5", "1795000040,1795000099"),
        told(" 6 ", "4 ,x", " 1795000040 "),
        CaseInsensitiveDict(
            {"x-ratelimit-limit": "6", "x-ratelimit-remaining": "4", "x-ratelimit-reset": "1795000040"}
        ),
    ],
)
def test_it_reads_the_first_of_each(headers: CaseInsensitiveDict[str]) -> None:
    assert from_headers(headers) == RateLimit(6, 4, datetime.fromtimestamp(1_795_000_040, UTC))


def test_nothing_left_is_never_less_than_nothing() -> None:
    found = from_headers(told("6", "-3", "1795000040"))

    assert found is not None
    assert found.remaining == 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-RateLimit-Limit": "6"},
        {"X-RateLimit-Limit": "6", "X-RateLimit-Remaining": "1"},
        told("", "1", "1795000040"),
        told("six", "1", "1795000040"),
        told("6", "1", "soon"),
        told("6", "1", "9" * 30),
        told("6", "1", "9" * 5000),
        told("6", "1.5", "1795000040"),
        told("0", "0", "1795000040"),
        told("-6", "1", "1795000040"),
        told("nan", "nan", "nan"),
        told("6", "1", "nan"),
        told("6", "inf", "1795000040"),
        told("1e3", "1", "1795000040"),
    ],
)
def test_it_is_none_where_the_three_are_not_all_there(headers: dict[str, str]) -> None:
    assert from_headers(headers) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "17"}, 17.0),
        ({"Retry-After": "17, 30"}, 17.0),
        ({"Retry-After": "0"}, 1.0),
        ({"Retry-After": "-5"}, 1.0),
        ({"Retry-After": "86400"}, MAX_WAIT),
        ({"Retry-After": "Wed, 18 Nov 2026 11:07:10 GMT"}, 30.0),
        ({"Retry-After": "Wed, 18 Nov 2020 11:07:10 GMT"}, 1.0),
        ({"Retry-After": "Wed, 18 Nov 2099 11:07:10 GMT"}, MAX_WAIT),
        ({"Retry-After": "17", **told("6", "0", "1795000040")}, 17.0),
        ({"Retry-After": "soon", **told("6", "0", "1795000040")}, 40.0),
        (dict(told("6", "0", "1795000040")), 40.0),
        (dict(told("6", "0", "1794999999")), 1.0),
        (dict(told("6", "0", "1799999999")), MAX_WAIT),
        ({"Retry-After": "Wed, 18 Nov 2026 11:07:10 -0000"}, 30.0),
        ({"Retry-After": "Wed, 18 Nov 99999 11:07:10 GMT"}, DEFAULT_WAIT),
        ({"Retry-After": "9" * 5_000}, MAX_WAIT),
        ({"Retry-After": "nan"}, DEFAULT_WAIT),
        ({"Retry-After": "-1e400"}, DEFAULT_WAIT),
        ({"Retry-After": "soon"}, DEFAULT_WAIT),
        ({"Retry-After": ""}, DEFAULT_WAIT),
        ({}, DEFAULT_WAIT),
    ],
)
def test_it_waits_as_told_else_until_the_reset_else_a_little(headers: dict[str, str], seconds: float) -> None:
    now = datetime(2026, 11, 18, 11, 6, 40, tzinfo=UTC).timestamp()

    assert now == NOW
    assert wait_seconds(headers, now=now) == seconds


def test_an_absurd_number_of_seconds_is_capped_as_well() -> None:
    assert wait_seconds({"Retry-After": "9" * 400}, now=NOW) == MAX_WAIT


@given(st.text(max_size=40), st.text(max_size=40))
def test_whatever_the_headers_say_it_waits_within_bounds(after: str, reset: str) -> None:
    wait = wait_seconds({"Retry-After": after, **told("6", "0", reset)}, now=NOW)

    assert 1.0 <= wait <= MAX_WAIT


@pytest.mark.parametrize("reset", ["253402300799", "1795086400", "-62135596800", "-5", "0"])
def test_no_limit_lasts_longer_than_any_wait(reset: str) -> None:
    now, most = datetime.fromtimestamp(NOW, UTC), timedelta(seconds=MAX_WAIT)
    found = from_headers(told("6", "0", reset))

    assert found is not None
    assert now - most <= found.capped(now).reset_at <= now + most


def test_a_time_that_is_near_stands() -> None:
    found = RateLimit(6, 4, datetime.fromtimestamp(NOW + 40, UTC))

    assert found.capped(datetime.fromtimestamp(NOW, UTC)) == found
