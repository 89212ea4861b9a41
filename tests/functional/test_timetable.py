"""The timetable: each chore when it is due, by one worker, and a bad one keeps no other from its turn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from requests_app import jobs
from requests_app.audit.actor import Actor
from requests_app.models import Heartbeat
from requests_app.upkeep.timetable import AGAIN, LEASE, Chore, run_due
from tests.factories import WORKER

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
EVERY = timedelta(minutes=5)


class Diary:
    """A chore that writes down when it was done, and fails when it is told to."""

    def __init__(self, name: str = "diary") -> None:
        self.done: list[datetime] = []
        self.broken = False
        self.chore = Chore(name, EVERY, self.run)

    def run(self, actor: Actor, now: datetime) -> None:
        if self.broken:
            raise RuntimeError("user-42 is the trouble")
        self.done.append(now)


def at(moment: datetime, *diaries: Diary) -> list[str]:
    return run_due(actor=WORKER, now=lambda: moment, chores=[diary.chore for diary in diaries])


def test_a_chore_is_done_when_it_is_due_and_not_before() -> None:
    diary = Diary()

    at(NOON, diary)
    at(NOON + EVERY - timedelta(seconds=1), diary)
    at(NOON + EVERY, diary)

    assert diary.done == [NOON, NOON + EVERY]


def test_while_one_worker_does_it_no_other_does() -> None:
    diary = Diary()
    inner: list[list[str]] = []
    nosy = Chore("diary", EVERY, lambda actor, now: inner.append(at(NOON, diary)))

    run_due(actor=WORKER, now=lambda: NOON, chores=[nosy])

    assert inner == [[]]
    assert diary.done == []


def test_the_turn_of_a_worker_that_died_is_taken_after_the_lease() -> None:
    diary = Diary()
    at(NOON, diary)
    Heartbeat.objects.update(beat_at=NOON + LEASE)

    assert at(NOON + LEASE - timedelta(seconds=1), diary) == []
    assert at(NOON + LEASE, diary) == ["diary"]


def test_a_chore_that_fails_keeps_no_other_from_its_turn_and_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    bad, good = Diary("bad"), Diary("good")
    bad.broken = True

    assert at(NOON, bad, good) == ["good"]
    assert "RuntimeError" in caplog.text
    assert "user-42" not in caplog.text

    bad.broken = False
    assert at(NOON + AGAIN, bad, good) == ["bad"]


def test_nothing_is_begun_once_the_budget_is_spent() -> None:
    diary = Diary()

    assert run_due(actor=WORKER, now=lambda: NOON, budget_seconds=0, chores=[diary.chore]) == []


def test_the_job_of_the_queue_goes_through_the_timetable() -> None:
    assert isinstance(jobs.keep_up(0), str)
