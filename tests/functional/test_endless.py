"""What would never end, and what would be done again that nobody asked for: retries, tasks, refused reads."""

from __future__ import annotations

import pytest

from requests_app.enums import Mode, Operation, Outcome, State, StepState, Wait
from requests_app.models import StreamApp, StreamTask, Ticket
from requests_app.queries import waiting
from requests_app.workflow import aftercare, tickets
from tests import factories
from tests.clock import Clock
from tests.functional.test_odd_answers import answers_with, says
from tests.people import actor
from tests.sandbox_server import StandIn

pytestmark = pytest.mark.django_db(transaction=True)

DAY = 86_400
MARIE, JONAS = "marie.curie", "jonas-weber"


def fresh(ticket: Ticket) -> Ticket:
    return Ticket.objects.get(pk=ticket.pk)


def sent(stand_in: StandIn, operation: str) -> list[list[str]]:
    return [call["user_ids"] for call in stand_in.calls() if call["operation"] == operation]


def given_up(app: StreamApp, stand_in: StandIn, clock: Clock) -> Ticket:
    """Marie is hidden and her messages gone; Stream did nothing for Jonas, and somebody gave that up."""
    ticket = factories.approved(factories.soft_plan(MARIE, JONAS, messages=Mode.HARD), app=app)
    stand_in.go_wrong(tasks={"DeleteUsers": {"fate": "partly"}})
    clock.sweep_for(seconds=20)
    tickets.give_up(fresh(ticket), actor=actor("dora"), now=clock(), note="Enough.")
    return ticket


def restore(ticket: Ticket, clock: Clock) -> None:
    aftercare.restore(fresh(ticket), actor=actor("dora"), now=clock(), note="By mistake.")
    clock.sweep_for(seconds=30)


def test_a_retry_of_a_restore_sends_no_delete_that_was_given_up(
    app: StreamApp, stand_in: StandIn, clock: Clock
) -> None:
    ticket = given_up(app, stand_in, clock)
    before = len(sent(stand_in, "DeleteUsers"))
    stand_in.go_wrong(calls={"RestoreUsers": {"error": 400, "times": 1}})
    restore(ticket, clock)
    assert fresh(ticket).state == State.NEEDS_ATTENTION

    aftercare.retry(fresh(ticket), actor=actor("ada"), now=clock(), note="Once more.")
    clock.sweep_for(seconds=60)

    assert len(sent(stand_in, "DeleteUsers")) == before
    assert sorted(one for ids in sent(stand_in, "RestoreUsers") for one in ids) == [JONAS, MARIE]
    assert stand_in.client().count_messages(JONAS).number > 0
    assert fresh(ticket).state == State.COMPLETED


def test_a_second_restore_is_judged_by_itself(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = factories.approved(factories.soft_plan(MARIE), app=app)
    clock.sweep_for(seconds=20)
    stand_in.go_wrong(calls={"RestoreUsers": {"error": 400}})
    restore(ticket, clock)
    tickets.give_up(fresh(ticket), actor=actor("dora"), now=clock(), note="Later.")
    stand_in.go_wrong()

    restore(ticket, clock)

    assert (fresh(ticket).state, fresh(ticket).outcome) == (State.COMPLETED, Outcome.RESTORED)


def test_a_task_that_was_over_before_says_nothing_of_a_new_call(
    app: StreamApp, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.approved(factories.erase_plan(MARIE, feeds_data=Mode.KEEP), app=app)
    clock.sweep_for(seconds=20)
    answers_with(monkeypatch, "DeleteUsers", says(task_id=StreamTask.objects.get().task_id))
    ticket = factories.approved(factories.erase_plan(JONAS, feeds_data=Mode.KEEP), app=app)

    for _minute in range(5):
        # As the schedule does, whether or not a row is due.
        clock.sweep_for(seconds=60)

    assert fresh(ticket).state != State.RUNNING
    assert not ticket.steps.filter(state=StepState.ON_STREAM.value).exists()


@pytest.mark.parametrize("operation", [Operation.DELETE_USERS, Operation.EXPORT_USERS])
def test_a_task_that_stream_refuses_to_tell_of_is_not_waited_for_for_ever(
    app: StreamApp, stand_in: StandIn, clock: Clock, operation: Operation
) -> None:
    erases = operation is Operation.DELETE_USERS
    plan = factories.erase_plan(MARIE, feeds_data=Mode.KEEP) if erases else factories.export_plan(MARIE)
    ticket = factories.approved(plan, app=app)
    stand_in.go_wrong(calls={"GetTask": {"error": 400}})

    clock.sweep_for(seconds=600, step=10)
    assert fresh(ticket).state == State.RUNNING
    clock.sweep_for(seconds=DAY, step=1_800)

    assert fresh(ticket).state in {State.COMPLETED, State.NEEDS_ATTENTION}
    assert fresh(ticket).outcome != Outcome.EXPORTED


def test_a_look_that_is_refused_for_its_number_names_the_limit_and_has_an_end(
    app: StreamApp, stand_in: StandIn, clock: Clock
) -> None:
    ticket = factories.approved(factories.erase_plan(MARIE, feeds_data=Mode.KEEP), app=app)
    stand_in.go_wrong(calls={"Search": {"error": 429}})
    clock.sweep_for(seconds=30)

    assert waiting.of_tickets([fresh(ticket)], now=clock())[ticket.pk].kind is Wait.LIMIT
    clock.sweep_for(seconds=DAY / 2, step=1_800)
    assert fresh(ticket).state == State.RUNNING
    clock.sweep_for(seconds=DAY, step=1_800)

    assert (fresh(ticket).state, fresh(ticket).outcome) == (State.COMPLETED, Outcome.NOT_VERIFIED)
