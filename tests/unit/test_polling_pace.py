"""How often a task is asked about: within a second or two while it is fresh, rarely when it is old."""

from __future__ import annotations

from datetime import timedelta

import pytest

from requests_app.engine.timing import FEW_TASKS, POLL_MAX, YOUNG, YOUNG_POLL_MAX, until_next_poll

MANY = FEW_TASKS + 1


def pause(*, together: int = MANY, **age: float) -> float:
    return until_next_poll(timedelta(**age), together=together).total_seconds()


def test_few_fresh_ones_are_asked_about_at_once_and_then_after_twice_as_long_each_time() -> None:
    age, looks = 0.0, []
    for _ in range(6):
        looks.append(pause(together=FEW_TASKS, seconds=age))
        age += looks[-1]

    assert looks == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.0, 1.0])


@pytest.mark.parametrize("seconds", [2, 60, 3600, 86400])
def test_few_old_ones_are_asked_about_as_seldom_as_many(seconds: float) -> None:
    assert pause(together=1, seconds=seconds) == pause(seconds=seconds)


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
