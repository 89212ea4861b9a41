"""One row that the portal cannot handle is parked for a person; the loop and the other rows go on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError

from requests_app.engine import parking
from requests_app.engine.phases import begin, poll, read_back, reconcile
from requests_app.engine.phases.objections import Objections
from requests_app.enums import AttemptOutcome, Mode, State, StepState
from requests_app.models import Attempt, Step, StreamApp, StreamTask, Ticket
from requests_app.workflow import results
from tests import factories
from tests.clock import Clock
from tests.sandbox_server import StandIn

pytestmark = pytest.mark.django_db(transaction=True)

BAD, GOOD = "marie.curie", "jonas-weber"


@pytest.fixture
def pair(app: StreamApp) -> tuple[Ticket, Ticket]:
    """Two erasures of which the deletes travel together."""
    return tuple(factories.approved(factories.erase_plan(one, feeds_data=Mode.KEEP), app=app) for one in (BAD, GOOD))  # type: ignore[return-value]


def names_bad(value: object) -> bool:
    """Whether the bad account is meant, by a step or by its ticket."""
    if isinstance(value, Step):
        return value.user_ids == [BAD]
    return isinstance(value, Ticket) and value.plan["user_ids"] == [BAD]


def fails_on_bad(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, *, times: int = 10**6) -> list[str]:
    """The function fails for the bad account; the list tells how often."""
    real, failed = getattr(module, name), []

    def called(*words: Any, **named: Any) -> Any:
        if len(failed) < times and any(map(names_bad, words)):
            failed.append(name)
            raise RuntimeError(f"about {BAD}")
        return real(*words, **named)

    monkeypatch.setattr(module, name, called)
    return failed


def state(ticket: Ticket) -> str:
    return Ticket.objects.get(pk=ticket.pk).state


def attention(ticket: Ticket) -> str:
    return Ticket.objects.get(pk=ticket.pk).attention


def deletes(stand_in: StandIn) -> list[list[str]]:
    return [call["user_ids"] for call in stand_in.calls() if call["operation"] == "DeleteUsers"]


PLACES: list[tuple[Any, str, str]] = [
    (begin, "lay_out", parking.TICKET),
    (Objections, "against", parking.NOT_SENT),
    (read_back, "_meaning", parking.SENT),
    (poll, "_result", parking.SENT),
]


@pytest.mark.parametrize(("module", "name", "says"), PLACES, ids=[name for _, name, _ in PLACES])
def test_a_row_that_fails_alone_waits_for_a_person_and_the_other_goes_through(
    pair: tuple[Ticket, Ticket],
    stand_in: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    module: Any,
    name: str,
    says: str,
) -> None:
    bad, good = pair
    failed = fails_on_bad(monkeypatch, module, name)

    Clock().sweep_for(seconds=1_200, step=10)

    assert failed
    assert (state(bad), attention(bad)) == (State.NEEDS_ATTENTION, says)
    assert state(good) == State.COMPLETED
    sent = [one for call in deletes(stand_in) for one in call]
    assert sorted(sent) == sorted([GOOD] if says in {parking.NOT_SENT, parking.TICKET} else [BAD, GOOD])
    assert "RuntimeError" in caplog.text
    assert BAD not in caplog.text


def test_a_ticket_that_cannot_be_settled_stops_alone(
    pair: tuple[Ticket, Ticket], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = pair
    fails_on_bad(monkeypatch, results, "_tables")

    Clock().sweep_for(seconds=30)

    assert (state(bad), attention(bad)) == (State.NEEDS_ATTENTION, parking.TICKET)
    assert state(good) == State.COMPLETED


def test_an_answer_that_cannot_be_written_is_unknown_and_looked_for(
    pair: tuple[Ticket, Ticket], stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both travelled in one call, whose answer is lost for both."""
    failed: list[str] = []

    def fail(*words: Any, **named: Any) -> Any:
        failed.append("write")
        raise RuntimeError

    clock = Clock()
    with monkeypatch.context() as patch:
        patch.setattr("requests_app.engine.phases.answer._stream_tasks", fail)
        clock.sweep()
    assert failed
    assert set(Step.objects.values_list("state", flat=True)) == {StepState.UNKNOWN.value}
    assert Attempt.objects.get().outcome == AttemptOutcome.UNKNOWN

    clock.sweep_for(seconds=120, step=5)

    assert [sorted(call) for call in deletes(stand_in)] == [sorted([BAD, GOOD])]
    assert {state(ticket) for ticket in pair} == {State.COMPLETED}


@pytest.mark.parametrize(("times", "ends"), [(2, State.COMPLETED), (10**6, State.NEEDS_ATTENTION)])
def test_an_unknown_step_is_looked_for_again_before_a_person_is_asked(
    pair: tuple[Ticket, Ticket], stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, times: int, ends: State
) -> None:
    bad, good = pair
    stand_in.go_wrong(calls={"DeleteUsers": {"lose_answer": True, "times": 1}})
    fails_on_bad(monkeypatch, reconcile, "_change", times=times)

    Clock().sweep_for(seconds=1_200, step=10)

    assert state(bad) == ends
    assert state(good) == State.COMPLETED
    assert len(deletes(stand_in)) == 1
    if ends is State.NEEDS_ATTENTION:
        assert attention(bad) == parking.SENT


@pytest.mark.parametrize(("times", "ends"), [(1, State.COMPLETED), (10**6, State.NEEDS_ATTENTION)])
def test_a_task_is_asked_about_once_more_before_its_steps_wait_for_a_person(
    pair: tuple[Ticket, Ticket], monkeypatch: pytest.MonkeyPatch, times: int, ends: State
) -> None:
    real, failed = poll._finish, []

    def finish(*words: Any, **named: Any) -> None:
        if len(failed) < times:
            failed.append("finish")
            raise RuntimeError
        real(*words, **named)

    monkeypatch.setattr(poll, "_finish", finish)

    Clock().sweep_for(seconds=300, step=5)

    assert len(failed) == min(times, 2)
    assert {state(ticket) for ticket in pair} == {ends}
    assert StreamTask.objects.get().next_poll_at is None
    if ends is State.NEEDS_ATTENTION:
        assert {attention(ticket) for ticket in pair} == {parking.SENT}
        assert set(Step.objects.values_list("state", "read_back_at")) == {(StepState.FAILED.value, None)}


def test_a_second_look_that_cannot_be_handled_leaves_what_the_first_one_saw(
    pair: tuple[Ticket, Ticket], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = pair
    clock = Clock()
    clock.sweep_for(seconds=30)
    before = bad.steps.get()
    failed = fails_on_bad(monkeypatch, read_back, "_meaning")

    clock.forward(days=1)
    clock.sweep_for(seconds=300, step=10)

    now = bad.steps.get()
    assert failed
    assert (now.state, now.outcome, now.evidence) == (StepState.DONE, before.outcome, before.evidence)
    assert (now.look_again_at, now.lease_until, now.read_back_at) == (None, None, before.read_back_at)
    assert state(bad) == State.COMPLETED
    assert "second" in good.steps.get().evidence


PHASES: list[tuple[Any, str]] = [
    (begin, "begin_due"),
    (reconcile, "adopt_abandoned"),
    (reconcile, "reconcile_due"),
    (read_back, "read_back_due"),
    (poll, "poll_due"),
]


@pytest.mark.parametrize(("module", "name"), PHASES, ids=[name for _, name in PHASES])
def test_a_phase_that_fails_leaves_the_others_going(
    pair: tuple[Ticket, Ticket], monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    real: Callable[..., Any] = getattr(module, name)

    def once(*words: Any, **named: Any) -> Any:
        monkeypatch.setattr(module, name, real)
        raise RuntimeError

    monkeypatch.setattr(module, name, once)

    clock = Clock()
    # What is due when a phase fails stays due, so each step is swept.
    for _ in range(12):
        clock.sweep()
        clock.forward(seconds=5)

    assert {state(ticket) for ticket in pair} == {State.COMPLETED}


def test_an_outage_is_waited_for_and_parks_nothing() -> None:
    parked: list[int] = []

    def away(rows: object) -> None:
        raise OperationalError("the connection is lost")

    with pytest.raises(OperationalError):
        parking.each(away, [1, 2], parked.append)
    with pytest.raises(OperationalError):
        parking.guarded(partial(away, []))  # type: ignore[arg-type]
    assert not parked


def test_whoever_lost_the_lease_parks_nothing(pair: tuple[Ticket, Ticket]) -> None:
    clock = Clock()
    begin.begin_approved(actor=factories.WORKER, now=clock())
    step = Step.objects.first()
    assert step is not None
    Step.objects.filter(pk=step.pk).update(lease_token=step.lease_token + 1)

    assert parking.park_steps([step], now=clock()) == []
    assert Step.objects.get(pk=step.pk).state == StepState.PLANNED


def test_the_loop_outlives_what_nobody_foresaw(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[int] = []

    def swept(*, stopped: Callable[[], bool], **_: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError(f"about {BAD}")
        raise KeyboardInterrupt

    monkeypatch.setattr("requests_app.management.commands.sweep.sweep_once", swept)
    monkeypatch.setattr("requests_app.management.commands.sweep.LONGEST_PAUSE", 0.0)

    with pytest.raises(KeyboardInterrupt):
        call_command("sweep", loop=0.1)

    assert len(calls) == 2
    assert "RuntimeError" in caplog.text
    assert BAD not in caplog.text
