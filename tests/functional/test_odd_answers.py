"""What Stream says is read with care: times far off, characters that no database takes, task ids that are none."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from requests_app.enums import AttemptOutcome, Mode, State, Wait
from requests_app.models import Attempt, Budget, StreamApp, StreamTask, Ticket
from requests_app.queries import waiting
from requests_app.stream.limits import MAX_WAIT
from requests_app.stream.transport import Answer, Transport
from tests import factories
from tests.clock import Clock
from tests.sandbox_server import StandIn

pytestmark = pytest.mark.django_db(transaction=True)

Change = Callable[[Answer], Answer]


def answers_with(monkeypatch: pytest.MonkeyPatch, operation: str, change: Change) -> list[str]:
    """Every answer to the operation arrives changed; the list tells the paths that were asked for."""
    real, asked = Transport.exchange, []

    def exchange(self: Transport, called: str, method: str, path: str, **more: Any) -> Answer:
        answer = real(self, called, method, path, **more)
        asked.append(path)
        return change(answer) if called == operation else answer

    monkeypatch.setattr(Transport, "exchange", exchange)
    return asked


def limits(clock: Clock, *, remaining: int, limit: int = 77, **ahead: float) -> Change:
    """The three headers, starting again so far ahead of the clock."""
    reset = str(int((clock() + timedelta(**ahead)).timestamp()))
    names = {"X-RateLimit-Limit": str(limit), "X-RateLimit-Remaining": str(remaining), "X-RateLimit-Reset": reset}
    return lambda answer: replace(answer, headers=CaseInsensitiveDict({**answer.headers, **names}))


def says(**words: object) -> Change:
    """The body with other words."""
    return lambda answer: replace(answer, body=json.dumps({**json.loads(answer.body), **words}).encode())


def erasure(app: StreamApp) -> Ticket:
    return factories.approved(factories.erase_plan("marie.curie", feeds_data=Mode.KEEP), app=app)


def state(ticket: Ticket) -> str:
    return Ticket.objects.get(pk=ticket.pk).state


def test_a_limit_that_is_said_to_last_a_day_is_waited_for_a_quarter_of_an_hour(
    app: StreamApp, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = erasure(app)
    with monkeypatch.context() as patch:
        answers_with(patch, "QueryUsers", limits(clock, remaining=0, hours=24))
        clock.sweep()
        clock.forward(seconds=1)
        factories.approved(factories.erase_plan("jonas-weber", feeds_data=Mode.KEEP), app=app)
        clock.sweep()

    budget = Budget.objects.get(stream_app=app, endpoint="QueryUsers")
    assert budget.reset_at is not None
    assert budget.reset_at <= clock() + timedelta(seconds=MAX_WAIT)
    second = Ticket.objects.exclude(pk=ticket.pk).get(state=State.RUNNING.value)
    told = waiting.of_tickets([second], now=clock())[second.pk]
    assert (told.kind, told.until) == (Wait.LIMIT, budget.reset_at)
    clock.forward(seconds=MAX_WAIT)
    clock.sweep_for(seconds=400, step=20)
    assert state(second) == State.COMPLETED


def test_a_sweep_that_ends_since_nothing_is_due_keeps_the_limits_it_learnt(
    app: StreamApp, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    erasure(app)
    answers_with(monkeypatch, "DeleteUsers", limits(clock, remaining=5, seconds=50))

    clock.sweep()

    assert Budget.objects.get(stream_app=app, endpoint="DeleteUsers").limit == 77


@pytest.mark.parametrize("mark", ["\x00", "\ud800", "\udfff\ud800"])
def test_what_no_database_takes_is_replaced_and_the_rest_is_read(
    app: StreamApp, clock: Clock, monkeypatch: pytest.MonkeyPatch, mark: str
) -> None:
    ticket = erasure(app)
    error = {"type": f"ty{mark}pe", "description": f"no{mark}t done"}
    answers_with(monkeypatch, "GetTask", says(status="failed", error=error, result={f"k{mark}": {"status": mark}}))

    clock.sweep_for(seconds=5)

    assert state(ticket) == State.NEEDS_ATTENTION
    shown = f"no{'�' * len(mark)}t done"
    assert StreamTask.objects.get().error == shown
    assert shown in Ticket.objects.get().attention


def test_an_unknown_status_with_such_a_character_is_still_going(
    app: StreamApp, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = erasure(app)
    answers_with(monkeypatch, "GetTask", says(status="comp\x00leted"))

    clock.sweep_for(seconds=5)

    assert (state(ticket), StreamTask.objects.get().status) == (State.RUNNING, "comp�leted")


@pytest.mark.parametrize(
    "task_id", ["..", ".", "", "x" * 5_000, "a\r\nb", "a/b", "a\x00b", "a b", "%2e", 7, None, True, ["t"], "\ud800"]
)
def test_a_task_id_that_is_none_leaves_the_outcome_unknown(
    app: StreamApp, stand_in: StandIn, clock: Clock, monkeypatch: pytest.MonkeyPatch, task_id: object
) -> None:
    ticket = erasure(app)
    asked = answers_with(monkeypatch, "DeleteUsers", says(task_id=task_id))

    clock.sweep_for(seconds=3)

    assert Attempt.objects.get().outcome == AttemptOutcome.UNKNOWN
    clock.sweep_for(seconds=90, step=5)
    assert not StreamTask.objects.exists()
    assert not any(path.startswith("/tasks") for path in asked)
    assert len(stand_in.calls()) == 1
    assert state(ticket) == State.COMPLETED
