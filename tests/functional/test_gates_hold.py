"""What is said to hold a step holds it, and what is said to be free is sent: the explanation agrees with the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from requests_app.demo.looker import Looker
from requests_app.engine import budgets, gates
from requests_app.engine.phases import remaining
from requests_app.enums import DELETE_OPERATIONS, Operation, State, StepState, Wait
from requests_app.models import Attempt, Step, StreamApp, Ticket
from requests_app.queries import obstacles, waiting
from requests_app.stream.transport import Transport
from requests_app.workflow import aftercare, tickets
from tests import explanations, factories
from tests.canary import NAME, USER_ID
from tests.clock import Clock
from tests.people import actor
from tests.sandbox_server import StandIn

pytestmark = pytest.mark.django_db(transaction=True)

# Nothing else says that a step or a ticket may be taken up now.
FREE = {Wait.TURN.value, Wait.WORKER.value}
MAKERS: tuple[Callable[[], Ticket], ...] = (
    explanations.approver_gone,
    explanations.behind,
    explanations.cooling_off,
    explanations.deletes,
    explanations.held,
    explanations.held_before_it_begins,
    explanations.leased,
    explanations.paused,
    explanations.paused_everywhere,
    explanations.reads_spent,
    explanations.silent,
    explanations.spent,
    explanations.stopped,
    lambda: factories.approved(factories.erase_plan(USER_ID)),
    factories.submitted,
)


def with_steps(ticket: Ticket) -> tuple[Ticket, list[Step]]:
    now = Ticket.objects.select_related("stream_app").get(pk=ticket.pk)
    return now, list(now.steps.select_related("ticket__stream_app", "stream_task").order_by("rank", "position"))


@pytest.mark.parametrize("make", MAKERS)
def test_the_engine_sends_what_nothing_is_said_to_hold_and_nothing_else(
    app: StreamApp, stand_in: StandIn, clock: Clock, make: Callable[[], Ticket]
) -> None:
    Looker.at(stand_in.base_url, stand_in.key, stand_in.secret).make(USER_ID, name=NAME)
    ticket, steps = with_steps(make())
    before = set(Attempt.objects.values_list("pk", flat=True))
    held = gates.of_ticket(ticket, steps, now=clock())
    planned = [step.pk for step in steps if step.state == StepState.PLANNED]
    free = {pk for pk in planned if {gate.name for gate in held.steps[pk]} <= FREE}
    is_free = bool(free) if steps else {gate.name for gate in held.ticket} <= FREE

    clock.sweep()

    tried = Attempt.objects.exclude(pk__in=before)
    begun = set(Step.objects.filter(attempts__in=tried).values_list("pk", flat=True))
    assert bool(begun) is is_free, held
    # What comes after a step that ended at once was free then.
    assert free <= begun


def test_a_restore_waits_for_no_delete_that_failed(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    """A rank holds nothing where it is over, whatever became of it."""
    stand_in.go_wrong(tasks={"DeleteUsers": {"fate": "partly"}})
    ticket = factories.approved(factories.soft_plan("marie.curie", "jonas-weber"), app=app)
    clock.sweep_for(seconds=120)
    tickets.give_up(Ticket.objects.get(pk=ticket.pk), actor=actor("dora"), now=clock(), note="Half of it will do.")
    aftercare.restore(Ticket.objects.get(pk=ticket.pk), actor=actor("dora"), now=clock(), note="A mistake.")
    ticket, steps = with_steps(ticket)
    restores = [step for step in steps if step.operation == Operation.RESTORE_USERS]
    assert any(step.state != StepState.DONE for step in steps if step not in restores)

    held = gates.of_ticket(ticket, steps, now=clock())

    assert [[gate.name for gate in held.steps[step.pk]] for step in restores] == [[Wait.TURN.value]] * len(restores)
    assert waiting.of_tickets([ticket], now=clock())[ticket.pk].kind is Wait.TURN
    clock.sweep_for(seconds=60)
    assert Ticket.objects.get(pk=ticket.pk).state == State.COMPLETED


def test_a_copy_that_goes_first_holds_the_delete_by_its_rank_alone(app: StreamApp, clock: Clock) -> None:
    ticket, steps = with_steps(factories.running(factories.erase_plan("marie.curie", copy_first=True), app=app))
    held = gates.of_ticket(ticket, steps, now=clock())
    delete = next(step for step in steps if step.operation == Operation.DELETE_USERS)

    assert {gate.name for gate in held.steps[delete.pk]} == {"rank"}


def test_an_export_that_is_asked_for_again_waits_for_no_read(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    stand_in.go_wrong(calls={"ExportUsers": {"lose_answer": True}})
    ticket = factories.approved(factories.export_plan("marie.curie", export_feeds_data=False), app=app)
    clock.sweep()
    ticket, steps = with_steps(ticket)
    assert [step.state for step in steps] == [StepState.UNKNOWN]
    budgets.block(app, "QueryUsers", now=clock(), seconds=60)

    held = gates.of_ticket(ticket, steps, now=clock())

    assert [gate.name for gate in held.steps[steps[0].pk]] == [Wait.CHECK.value]
    assert waiting.of_tickets([ticket], now=clock())[ticket.pk].kind is Wait.CHECK


@pytest.mark.parametrize("operation", sorted(DELETE_OPERATIONS))
def test_a_look_waits_for_the_limit_of_every_call_that_it_makes(
    app: StreamApp, stand_in: StandIn, clock: Clock, monkeypatch: pytest.MonkeyPatch, operation: Operation
) -> None:
    factories.approved(factories.erase_plan("marie.curie"), app=app)
    clock.sweep_for(seconds=60)
    step = Step.objects.select_related("ticket__stream_app", "account").get(operation=operation.value)
    asked, real = set(), Transport.exchange

    def exchange(transport: Transport, called: str, *words: Any, **more: Any) -> Any:
        asked.add(called)
        return real(transport, called, *words, **more)

    monkeypatch.setattr(Transport, "exchange", exchange)
    remaining.look(stand_in.client(), [step])

    assert set(obstacles.endpoints_ahead(step)) == asked


def test_nobody_asks_about_a_task_of_an_app_that_is_left_alone(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    """So the ticket does not wait for Stream to finish: it waits for the app."""
    stand_in.go_wrong(tasks={"ExportUsers": {"fate": "hang"}})
    ticket = factories.approved(factories.export_plan("marie.curie", export_feeds_data=False), app=app)
    clock.sweep()
    ticket, steps = with_steps(ticket)
    assert waiting.of_tickets([ticket], now=clock())[ticket.pk].kind is Wait.STREAM
    silent_since = clock()
    explanations.leave_alone(app, now=silent_since)

    told = waiting.of_tickets([ticket], now=clock())[ticket.pk]

    assert (told.kind, told.since) == (Wait.APP, silent_since)
    assert Wait.APP.value in [gate.name for gate in gates.of_ticket(ticket, steps, now=clock()).steps[steps[0].pk]]
