"""Stream does not answer: tickets wait, the page says so, and nobody is asked before a quarter of an hour is over."""

from __future__ import annotations

import pytest

from requests_app.audit_actions import AuditAction
from requests_app.engine.timing import LOOKS, MAX_ATTEMPTS, UNAVAILABLE
from requests_app.enums import Mode, Outcome, State, StepState, Wait
from requests_app.models import AppHealth, AuditEntry, StreamApp, Ticket
from requests_app.queries import waiting
from requests_app.workflow import pauses
from tests import factories
from tests.clock import Clock
from tests.people import actor
from tests.sandbox_server import StandIn

pytestmark = pytest.mark.django_db(transaction=True)

MOST = UNAVAILABLE.total_seconds()
WAITS = {Wait.AGAIN, Wait.APP, Wait.CHECK, Wait.TURN}


def ticket_of(app: StreamApp, call: str) -> Ticket:
    if call == "ExportUsers":
        plan = factories.export_plan("marie.curie", export_feeds_data=False)
    else:
        plan = factories.erase_plan("marie.curie", feeds_data=Mode.KEEP)
    return factories.approved(plan, app=app)


def state(ticket: Ticket) -> str:
    return Ticket.objects.get(pk=ticket.pk).state


@pytest.mark.parametrize("call", ["ExportUsers", "DeleteUsers"])
def test_a_call_that_is_answered_with_503_is_waited_for(
    app: StreamApp, stand_in: StandIn, clock: Clock, call: str
) -> None:
    ticket = ticket_of(app, call)
    stand_in.go_wrong(calls={call: {"error": 503}})

    clock.sweep_for(seconds=MOST * 0.8, step=10)

    assert state(ticket) == State.RUNNING
    now = Ticket.objects.get(pk=ticket.pk)
    assert waiting.of_tickets([now], now=clock())[ticket.pk].kind in WAITS
    stand_in.go_wrong()
    clock.sweep_for(seconds=600, step=10)
    assert state(ticket) == State.COMPLETED
    assert [one["operation"] for one in stand_in.calls()] == [call]


def test_exports_whose_answers_are_lost_are_waited_for_and_leave_the_app_alone(
    app: StreamApp, stand_in: StandIn, clock: Clock
) -> None:
    """Nothing is read between two tries of an export, so that no answer tells that Stream is there after all."""
    ticket = ticket_of(app, "ExportUsers")
    stand_in.go_wrong(calls={"ExportUsers": {"lose_answer": True}, "GetApp": {"error": 503}})

    clock.sweep_for(seconds=MOST * 0.8, step=10)

    assert state(ticket) == State.RUNNING
    assert AppHealth.objects.left_alone().exists()
    stand_in.go_wrong()
    clock.sweep_for(seconds=600, step=10)
    assert state(ticket) == State.COMPLETED


def test_an_export_whose_answers_are_lost_for_longer_asks_a_person(
    app: StreamApp, stand_in: StandIn, clock: Clock
) -> None:
    ticket = ticket_of(app, "ExportUsers")
    stand_in.go_wrong(calls={"ExportUsers": {"lose_answer": True}})

    clock.sweep_for(seconds=MOST * 3, step=20)

    assert state(ticket) == State.NEEDS_ATTENTION


def test_a_look_that_cannot_be_made_is_waited_for(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    """The delete goes through, and what Stream still shows cannot be read: no evidence is missing for that yet."""
    ticket = ticket_of(app, "DeleteUsers")
    stand_in.go_wrong(calls={"Search": {"error": 503}})

    clock.sweep_for(seconds=MOST * 0.8, step=10)

    assert state(ticket) == State.RUNNING
    step = ticket.steps.get()
    assert (step.state, step.read_back_at) == (StepState.DONE, None)
    assert step.setbacks > LOOKS
    assert not AuditEntry.objects.filter(action=AuditAction.READ_BACK.value).exists()
    assert waiting.of_tickets([Ticket.objects.get(pk=ticket.pk)], now=clock())[ticket.pk].kind is Wait.READ_BACK
    stand_in.go_wrong()
    clock.sweep_for(seconds=600, step=10)
    assert (state(ticket), Ticket.objects.get(pk=ticket.pk).outcome) == (State.COMPLETED, Outcome.ERASED_IN_PART)


def test_what_cannot_be_read_back_for_longer_is_not_verified(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = ticket_of(app, "DeleteUsers")
    stand_in.go_wrong(calls={"Search": {"error": 503}})

    clock.sweep_for(seconds=MOST * 2, step=20)

    assert (state(ticket), Ticket.objects.get(pk=ticket.pk).outcome) == (State.COMPLETED, Outcome.NOT_VERIFIED)
    step = ticket.steps.get()
    assert step.evidence["unreadable"]
    assert step.finished_at is not None
    assert step.read_back_at is not None
    assert step.read_back_at - step.finished_at >= UNAVAILABLE


@pytest.mark.parametrize("call", ["ExportUsers", "DeleteUsers"])
def test_what_is_not_answered_for_longer_asks_a_person(
    app: StreamApp, stand_in: StandIn, clock: Clock, call: str
) -> None:
    ticket = ticket_of(app, call)
    stand_in.go_wrong(calls={call: {"error": 503}})

    clock.sweep_for(seconds=MOST * 3, step=20)

    assert state(ticket) == State.NEEDS_ATTENTION
    assert stand_in.calls() == []


def test_a_trouble_of_before_a_long_pause_is_not_counted_to_the_one_of_now(
    app: StreamApp, stand_in: StandIn, clock: Clock
) -> None:
    ticket = ticket_of(app, "DeleteUsers")
    stand_in.go_wrong(calls={"DeleteUsers": {"error": 503}})
    clock.sweep()
    pauses.pause(app, actor=actor("dora"), now=clock(), reason="Stream is down.")
    clock.sweep_for(seconds=2 * 3600, step=60)
    pauses.lift(app, actor=actor("dora"), now=clock(), reason="Stream is back.")

    clock.sweep_for(seconds=MOST * 0.8, step=10)

    assert ticket.steps.get().attempt_count > MAX_ATTEMPTS
    assert state(ticket) == State.RUNNING
    clock.sweep_for(seconds=MOST, step=20)
    assert state(ticket) == State.NEEDS_ATTENTION
