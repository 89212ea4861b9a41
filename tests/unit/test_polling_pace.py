"""How often a task is asked about: within a second or two while it is fresh, rarely when it is old."""

from __future__ import annotations

from datetime import timedelta

import pytest

from requests_app.engine.timing import POLL_MAX, YOUNG, YOUNG_POLL_MAX, until_next_poll


def pause(**age: float) -> float:
    return until_next_poll(timedelta(**age)).total_seconds()


@pytest.mark.parametrize("seconds", [0, 1, 2, 4, 6])
def test_a_fresh_task_is_asked_about_within_two_seconds(seconds: float) -> None:
    assert 1 <= pause(seconds=seconds) <= 2


def test_a_young_one_every_three_seconds_at_least_and_an_old_one_every_five_minutes() -> None:
    assert all(pause(seconds=age) <= YOUNG_POLL_MAX for age in range(int(YOUNG.total_seconds())))
    assert pause(minutes=10) > 60
    assert pause(hours=20) == pause(days=3) <= POLL_MAX
    assert pause(hours=20) > POLL_MAX / 2


def test_it_only_grows_with_the_age() -> None:
    pauses = [pause(seconds=age) for age in range(0, 7200, 7)]

    assert pauses == sorted(pauses)
