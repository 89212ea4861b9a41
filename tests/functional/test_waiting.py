"""The watchdog names what each ticket waits for and since when, and touches nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from requests_app.enums import Mode, State, StepState, Wait
from requests_app.models import AppHealth, Budget, Step, StreamTask, Ticket
from requests_app.queries import waiting
from requests_app.workflow import pauses
from tests import factories
from tests.people import actor, person

pytestmark = pytest.mark.django_db

NOW = timezone.now() + timedelta(minutes=1)


def erase() -> Ticket:
    return factories.running(factories.erase_plan(feeds_data=Mode.KEEP))


def step(ticket: Ticket, state: StepState, **columns: Any) -> Ticket:
    Step.objects.filter(ticket=ticket).update(state=state.value, **columns)
    return ticket


def on_stream() -> Ticket:
    ticket = erase()
    task = StreamTask.objects.create(
        stream_app=ticket.stream_app, task_id="t-1", operation="delete_users", accepted_at=NOW, next_poll_at=NOW
    )
    return step(ticket, StepState.ON_STREAM, stream_task=task, next_at=None)


def paused() -> Ticket:
    ticket = erase()
    pauses.pause(ticket.stream_app, actor=actor("dora"), now=NOW, reason="An incident.")
    return ticket


def left_alone() -> Ticket:
    ticket = erase()
    AppHealth.objects.create(stream_app=ticket.stream_app, failures=5, open_until=NOW, reason="No.", changed_at=NOW)
    return ticket


def limited() -> Ticket:
    ticket = erase()
    Budget.objects.create(
        stream_app=ticket.stream_app, endpoint="DeleteUsers", limit=6, remaining=0, reset_at=NOW + timedelta(seconds=9)
    )
    return ticket


def cooling_off() -> Ticket:
    factories.stream_app(cooling_off_hours=24)
    return factories.approved(factories.erase_plan(), at=NOW)


SITUATIONS: dict[Wait, Callable[[], Ticket]] = {
    Wait.WORKER: factories.approved,
    Wait.COOLING_OFF: cooling_off,
    Wait.TURN: erase,
    Wait.PAUSED: paused,
    Wait.APP: left_alone,
    Wait.LIMIT: limited,
    Wait.AGAIN: lambda: step(erase(), StepState.PLANNED, setbacks=2, next_at=NOW + timedelta(minutes=1)),
    Wait.ANSWER: lambda: step(erase(), StepState.SENDING),
    Wait.CHECK: lambda: step(erase(), StepState.UNKNOWN),
    Wait.STREAM: on_stream,
    Wait.READ_BACK: lambda: step(erase(), StepState.DONE, finished_at=NOW, outcome="erased"),
    Wait.PERSON: factories.stopped,
}


def test_every_wait_has_a_situation_and_a_time_from_which_it_is_late() -> None:
    assert set(SITUATIONS) == set(Wait) == set(waiting.LATE_AFTER)


@pytest.mark.parametrize("kind", list(Wait))
def test_it_names_what_a_ticket_waits_for(kind: Wait) -> None:
    ticket = SITUATIONS[kind]()

    soon = waiting.of_tickets([ticket], now=NOW)[ticket.pk]
    late = waiting.of_tickets([ticket], now=NOW + timedelta(days=2))[ticket.pk]

    assert soon.kind is kind
    assert not soon.late
    if kind not in {Wait.AGAIN, Wait.LIMIT, Wait.COOLING_OFF}:
        assert (late.kind, late.late, late.since) == (kind, True, soon.since)


@pytest.mark.parametrize("state", [State.DRAFT, State.COMPLETED, State.REFUSED])
def test_a_ticket_that_no_engine_works_on_waits_for_nothing(state: State) -> None:
    assert waiting.of_tickets([factories.IN_STATE[state]()], now=NOW) == {}


def test_the_worker_goes_by_the_lowest_step_that_is_not_done() -> None:
    ticket = factories.running(factories.erase_plan(copy_first=True))
    first = ticket.steps.order_by("rank").first()
    assert first is not None
    Step.objects.filter(pk=first.pk).update(state=StepState.UNKNOWN.value)

    assert waiting.of_tickets([ticket], now=NOW)[ticket.pk].kind is Wait.CHECK


def test_many_tickets_cost_as_few_queries_as_one(django_assert_max_num_queries: Any) -> None:
    tickets = [erase() for _ in range(5)]
    with django_assert_max_num_queries(4):
        assert len(waiting.of_tickets(tickets, now=NOW)) == 5


def test_the_ticket_and_the_list_of_tasks_tell_it() -> None:
    ticket = on_stream()
    StreamTask.objects.update(accepted_at=NOW - timedelta(hours=26))
    client = Client()
    client.force_login(person("ada"))

    page = client.get(f"/tickets/{ticket.reference}/").content.decode()
    tasks = client.get("/stream-tasks/").content.decode()

    for shown in (page, tasks):
        assert "Stream finishes its task" in shown
        assert "longer than usual" in shown
    Ticket.objects.get(pk=ticket.pk, state=State.RUNNING.value)


def test_readiness_tells_the_longest_wait_and_stays_ready() -> None:
    assert waiting.check() == (True, "Nothing waits.")
    factories.approved()
    on_stream()
    StreamTask.objects.update(accepted_at=NOW - timedelta(hours=26))

    ready, words = waiting.check()

    assert ready
    assert words.startswith("1 wait until Stream finishes its task, the longest since ")
