"""The breaker of an app: trips after failures in a row, sends nothing meanwhile, and closes after one good probe."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from requests_app.engine import agenda, breaker
from requests_app.engine.context import Context
from requests_app.engine.timing import BREAKER_FAILURES, BREAKER_SILENCE
from requests_app.enums import Outcome, State
from requests_app.models import AppHealth, StreamApp, Ticket
from requests_app.stream.client import StreamClient
from requests_app.stream.errors import Unavailable
from tests import factories
from tests.clock import Clock
from tests.people import signed_in
from tests.sandbox_server import StandIn

pytestmark = pytest.mark.django_db(transaction=True)
TROUBLE = Unavailable("Stream cannot be reached.", operation="GetTask")


@pytest.fixture
def probes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each probe, and whether it shall fail: a test that wants a failure puts `fail` first."""
    made: list[str] = []
    real = StreamClient.get_app

    def get_app(self: StreamClient) -> object:
        made.append("probe")
        if made[0] == "fail":
            raise TROUBLE
        return real(self)

    monkeypatch.setattr(StreamClient, "get_app", get_app)
    return made


def trip(app: StreamApp, clock: Clock, times: int = BREAKER_FAILURES) -> None:
    for _ in range(times):
        breaker.note(app, [TROUBLE], now=clock())


def is_open(app: StreamApp) -> bool:
    return app.pk in agenda.read(timezone.now()).closed


def test_it_trips_after_so_many_failures_in_a_row_and_any_answer_starts_the_count_again(app: StreamApp) -> None:
    clock = Clock()
    trip(app, clock, BREAKER_FAILURES - 1)
    assert not is_open(app)

    breaker.note(app, [TROUBLE, "an answer"], now=clock())
    trip(app, clock, BREAKER_FAILURES - 1)
    assert not is_open(app)

    trip(app, clock, 1)
    assert AppHealth.objects.get().open_until == clock() + BREAKER_SILENCE


def test_nothing_is_sent_while_it_is_open_and_all_goes_on_by_itself_after_one_probe(
    app: StreamApp, stand_in: StandIn, probes: list[str]
) -> None:
    clock, ticket = Clock(), factories.approved(factories.erase_plan("marie.curie"), app=app)
    trip(app, clock)

    clock.sweep_for(seconds=BREAKER_SILENCE.total_seconds() - 5, step=5)
    assert (stand_in.calls(), probes) == ([], [])
    assert "Stream cannot be reached." in signed_in("ada").get("/stream-tasks/").content.decode()

    clock.sweep_for(seconds=20, step=1)

    assert len(probes) == 1
    assert not is_open(app)
    ticket = Ticket.objects.get(pk=ticket.pk)
    assert (ticket.state, ticket.outcome) == (State.COMPLETED, Outcome.ERASED)


def test_of_two_workers_that_see_it_at_once_one_probes(app: StreamApp, probes: list[str]) -> None:
    clock = Clock()
    others: list[int] = []
    trip(app, clock)
    clock.forward(seconds=BREAKER_SILENCE.total_seconds())
    probes.append("fail")

    def meanwhile(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        """The other worker comes when this one has read the row, and before it takes it."""
        if sql.startswith("UPDATE") and not others:
            others.append(0)
            others[0] = breaker.probe(breaker.left_alone(), Context(pool=None, now=clock))  # type: ignore[arg-type]
        return execute(sql, params, many, context)

    with connection.execute_wrapper(meanwhile):
        breaker.probe(breaker.left_alone(), Context(pool=None, now=clock))  # type: ignore[arg-type]

    assert others == [1]
    assert probes.count("probe") == 1


def test_a_probe_that_fails_keeps_it_silent_for_as_long_again(app: StreamApp, probes: list[str]) -> None:
    clock = Clock()
    trip(app, clock)
    clock.forward(seconds=BREAKER_SILENCE.total_seconds())
    probes.append("fail")

    breaker.probe(breaker.left_alone(), Context(pool=None, now=clock))  # type: ignore[arg-type]

    assert AppHealth.objects.get().open_until == clock() + BREAKER_SILENCE
    clock.forward(seconds=BREAKER_SILENCE.total_seconds() - 1)
    assert breaker.probe(breaker.left_alone(), Context(pool=None, now=clock)) == 0  # type: ignore[arg-type]
    clock.forward(seconds=1)
    probes[0] = "well"
    assert breaker.probe(breaker.left_alone(), Context(pool=None, now=clock)) == 1  # type: ignore[arg-type]
    assert not is_open(app)
