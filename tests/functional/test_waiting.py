"""The watchdog names what each ticket waits for and since when, and touches nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from requests_app.enums import Mode, State, Wait
from requests_app.models import StreamApp, Ticket
from requests_app.queries import waiting
from tests import explanations, factories
from tests.clock import Clock
from tests.people import person
from tests.sandbox_server import StandIn

pytestmark = pytest.mark.django_db(transaction=True)

# Later than what a factory brings about.
NOW = timezone.now() + timedelta(minutes=1)
Make = Callable[[StreamApp, StandIn, Clock], Ticket]


def erase(app: StreamApp) -> Ticket:
    return factories.approved(factories.erase_plan("marie.curie", feeds_data=Mode.KEEP), app=app)


def swept(ticket: Ticket, clock: Clock) -> Ticket:
    clock.sweep()
    return Ticket.objects.get(pk=ticket.pk)


def on_stream(app: StreamApp, stand_in: StandIn, clock: Clock) -> Ticket:
    stand_in.go_wrong(tasks={"DeleteUsers": {"fate": "hang"}})
    return swept(erase(app), clock)


def unanswered(app: StreamApp, stand_in: StandIn, clock: Clock) -> Ticket:
    stand_in.go_wrong(calls={"DeleteUsers": {"lose_answer": True}})
    return swept(erase(app), clock)


def put_back(app: StreamApp, stand_in: StandIn, clock: Clock) -> Ticket:
    """The look before the delete fails, twice."""
    stand_in.go_wrong(calls={"QueryUsers": {"error": 503}})
    ticket = erase(app)
    clock.sweep()
    clock.forward(seconds=5)
    return swept(ticket, clock)


def not_read_back(app: StreamApp, stand_in: StandIn, clock: Clock) -> Ticket:
    stand_in.go_wrong(calls={"Search": {"error": 503}})
    ticket = erase(app)
    clock.sweep_for(seconds=5)
    return Ticket.objects.get(pk=ticket.pk)


def alone(make: Callable[[], Ticket]) -> Make:
    """A situation without Stream."""
    return lambda app, stand_in, clock: make()


SITUATIONS: dict[Wait, Make] = {
    Wait.WORKER: alone(factories.approved),
    Wait.COOLING_OFF: alone(explanations.cooling_off),
    Wait.TURN: alone(explanations.deletes),
    Wait.PAUSED: alone(explanations.paused),
    Wait.APP: alone(explanations.silent),
    Wait.LIMIT: alone(explanations.spent),
    Wait.AGAIN: put_back,
    Wait.ANSWER: alone(explanations.sending),
    Wait.CHECK: unanswered,
    Wait.STREAM: on_stream,
    Wait.READ_BACK: not_read_back,
    Wait.PERSON: alone(factories.stopped),
}


def test_every_wait_has_a_situation_and_a_time_from_which_it_is_late() -> None:
    assert set(SITUATIONS) == set(Wait) == set(waiting.LATE_AFTER)


@pytest.mark.parametrize("kind", list(Wait))
def test_it_names_what_a_ticket_waits_for(app: StreamApp, stand_in: StandIn, clock: Clock, kind: Wait) -> None:
    ticket = SITUATIONS[kind](app, stand_in, clock)

    soon = waiting.of_tickets([ticket], now=clock())[ticket.pk]
    late = waiting.of_tickets([ticket], now=clock() + timedelta(days=2))[ticket.pk]

    assert soon.kind is kind
    assert not soon.late
    if kind not in {Wait.AGAIN, Wait.LIMIT, Wait.COOLING_OFF}:
        assert (late.kind, late.late, late.since) == (kind, True, soon.since)


@pytest.mark.parametrize("state", [State.DRAFT, State.COMPLETED, State.REFUSED])
def test_a_ticket_that_no_engine_works_on_waits_for_nothing(state: State) -> None:
    assert waiting.of_tickets([factories.IN_STATE[state]()], now=NOW) == {}


def test_the_worker_goes_by_the_lowest_step_that_is_not_done(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    stand_in.go_wrong(calls={"ExportUsers": {"lose_answer": True}})
    ticket = factories.approved(factories.erase_plan("marie.curie", copy_first=True, feeds_data=Mode.KEEP), app=app)

    assert waiting.of_tickets([swept(ticket, clock)], now=clock())[ticket.pk].kind is Wait.CHECK


def test_many_tickets_cost_as_few_queries_as_one(django_assert_max_num_queries: Any) -> None:
    tickets = [factories.running() for _ in range(5)]
    with django_assert_max_num_queries(4):
        assert len(waiting.of_tickets(tickets, now=NOW)) == 5


def test_the_ticket_and_the_list_of_tasks_tell_it(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    clock.forward(hours=-26)
    ticket = on_stream(app, stand_in, clock)
    client = Client()
    client.force_login(person("ada"))

    page = client.get(f"/tickets/{ticket.reference}/").content.decode()
    tasks = client.get("/stream-tasks/").content.decode()

    for shown in (page, tasks):
        assert "Stream finishes its task" in shown
        assert "longer than usual" in shown
    Ticket.objects.get(pk=ticket.pk, state=State.RUNNING.value)


def test_readiness_tells_the_longest_wait_and_stays_ready(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    assert waiting.check() == (True, "Nothing waits.")
    clock.forward(hours=-26)
    on_stream(app, stand_in, clock)
    factories.approved()

    ready, words = waiting.check()

    assert ready
    assert words.startswith("1 wait until Stream finishes its task, the longest since ")
