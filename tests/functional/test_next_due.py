"""A sweep that waits knows until when: the next row that somebody may take up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from requests_app.engine import agenda, breaker, claims
from requests_app.engine.phases import begin
from requests_app.engine.sweep import sweep_once
from requests_app.engine.timing import BREAKER_FAILURES, BREAKER_SILENCE, LEASE, SETTLE
from requests_app.enums import Mode, State, StepState
from requests_app.models import AppHealth, Step, StreamApp, StreamTask, Ticket
from requests_app.stream.errors import Unavailable
from requests_app.workflow import pauses
from tests import factories
from tests.clock import Clock
from tests.people import actor
from tests.sandbox_server import StandIn, running_sandbox

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = timedelta(minutes=1)


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with running_sandbox(task_seconds=3600) as started:
        yield started


def one_delete(app: StreamApp) -> Ticket:
    return factories.approved(factories.erase_plan("marie.curie", feeds_data=Mode.KEEP), app=app)


def due_in(clock: Clock, within: timedelta = MINUTE) -> timedelta | None:
    due = agenda.next_due(clock(), until=clock() + within)
    return due - clock() if due else None


def test_nothing_is_due_where_nothing_is_asked_for(app: StreamApp, clock: Clock) -> None:
    assert due_in(clock) is None


def test_what_is_approved_is_due_now(app: StreamApp, clock: Clock) -> None:
    one_delete(app)

    assert due_in(clock) == timedelta(0)


def test_a_step_that_somebody_holds_is_due_once_its_lease_ends(app: StreamApp, clock: Clock) -> None:
    one_delete(app)
    begin.begin_approved(actor=factories.WORKER, now=clock())
    assert due_in(clock) == timedelta(0)

    claims.claim_sendable(now=clock())

    assert due_in(clock, LEASE) == LEASE
    assert due_in(clock, LEASE - timedelta(seconds=1)) is None


def test_a_paused_step_is_nothing_to_wait_for(app: StreamApp, clock: Clock) -> None:
    one_delete(app)
    begin.begin_approved(actor=factories.WORKER, now=clock())
    pauses.pause(app, actor=actor("dora"), now=clock(), reason="Stream asked for it.")

    assert due_in(clock) is None


def test_a_step_of_an_app_that_is_left_alone_is_due_when_the_app_is_probed(app: StreamApp, clock: Clock) -> None:
    one_delete(app)
    begin.begin_approved(actor=factories.WORKER, now=clock())
    for _ in range(BREAKER_FAILURES):
        breaker.note(app, [Unavailable("No connection.", operation="DeleteUsers")], now=clock())
    assert AppHealth.objects.get().open_until is not None

    assert due_in(clock) == BREAKER_SILENCE


def test_a_call_without_an_answer_is_due_when_it_settled(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    one_delete(app)
    stand_in.go_wrong(calls={"DeleteUsers": {"error": 503}})
    clock.sweep()

    assert Step.objects.get().state == StepState.UNKNOWN
    assert due_in(clock) == SETTLE


def test_a_task_is_due_when_it_is_asked_about(app: StreamApp, clock: Clock) -> None:
    one_delete(app)
    clock.sweep()

    assert clock() + (due_in(clock) or timedelta(0)) == StreamTask.objects.get().next_poll_at


def test_the_question_costs_as_much_for_many_rows_as_for_few(app: StreamApp, clock: Clock) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            due_in(clock)
        return len(queries)

    one_delete(app)
    before = asked()
    for _ in range(20):
        factories.approved(factories.erase_plan(), app=app)
    begin.begin_approved(actor=factories.WORKER, now=clock())

    assert asked() == before


def test_a_sweep_that_waits_looks_for_an_unanswered_call_as_soon_as_it_settled(clock: Clock) -> None:
    """It is not left to the next minute's schedule. The pauses between its looks are the clock's."""
    pauses_made: list[float] = []

    def sleep(seconds: float) -> None:
        pauses_made.append(seconds)
        clock.forward(seconds=seconds)

    with running_sandbox() as stand_in:
        ticket = one_delete(factories.stream_app(base_url=stand_in.base_url, api_key=stand_in.key))
        stand_in.go_wrong(calls={"DeleteUsers": {"lose_answer": True, "times": 1}})
        began = clock()

        swept = sweep_once(now=clock, linger=0, wait=True, sleep=sleep, budget_seconds=300)

    assert Ticket.objects.get(pk=ticket.pk).state == State.COMPLETED
    assert SETTLE <= clock() - began < SETTLE + timedelta(seconds=2)
    assert max(pauses_made) <= 1
    assert not swept.more_soon
