"""An app whose key is refused for good is nobody's dead end: after a day its tickets go to people."""

from __future__ import annotations

import pytest

from requests_app.enums import Answer, DataKind, Mode, Outcome, Reached, State, StepState
from requests_app.models import AppHealth, KindResult, Step, StreamApp, Ticket
from requests_app.workflow import aftercare, tickets
from requests_app.workflow.actions import actions_for
from tests import factories
from tests.clock import Clock
from tests.people import actor
from tests.sandbox_server import StandIn

pytestmark = pytest.mark.django_db(transaction=True)

REFUSED = {"*": {"error": 401}}


def erasure(app: StreamApp) -> Ticket:
    return factories.approved(factories.erase_plan("marie.curie", feeds_data=Mode.KEEP), app=app)


def now(ticket: Ticket) -> Ticket:
    return Ticket.objects.get(pk=ticket.pk)


def a_day_later(clock: Clock) -> None:
    clock.forward(days=1, seconds=1)
    clock.sweep()


def test_what_was_not_sent_waits_for_a_day_and_then_for_a_person(
    app: StreamApp, stand_in: StandIn, clock: Clock
) -> None:
    ticket = erasure(app)
    stand_in.go_wrong(calls=REFUSED)
    clock.sweep()
    clock.forward(hours=23)
    clock.sweep()
    assert now(ticket).state == State.RUNNING

    clock.forward(hours=1, seconds=1)
    clock.sweep()

    stopped = now(ticket)
    assert stopped.state == State.NEEDS_ATTENTION
    assert "could not call this Stream app for a day, so nothing more was sent" in stopped.attention
    verbs = {action.verb.value for action in actions_for(stopped, actor("dora"), now=clock()) if action.allowed}
    assert {"retry", "give_up"} <= verbs


def test_once_the_app_is_mended_a_retry_carries_it_out(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = erasure(app)
    stand_in.go_wrong(calls=REFUSED)
    clock.sweep()
    a_day_later(clock)

    stand_in.go_wrong()
    clock.forward(minutes=1)
    clock.sweep()
    aftercare.retry(now(ticket), actor=actor("dora"), now=clock(), note="The key is a new one.")
    clock.sweep()

    assert (now(ticket).state, now(ticket).outcome) == (State.COMPLETED, Outcome.ERASED_IN_PART)
    assert AppHealth.objects.get().since is None


def test_where_the_key_is_gone_for_good_it_is_given_up(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = erasure(app)
    stand_in.go_wrong(calls=REFUSED)
    clock.sweep()
    a_day_later(clock)

    tickets.give_up(now(ticket), actor=actor("dora"), now=clock(), note="The app is no more.")

    assert (now(ticket).state, now(ticket).outcome) == (State.COMPLETED, Outcome.FAILED)


def test_a_call_that_was_taken_may_have_acted(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = erasure(app)
    stand_in.go_wrong(calls={"GetTask": {"error": 401}})
    clock.sweep()
    assert Step.objects.get().state == StepState.ON_STREAM
    stand_in.go_wrong(calls=REFUSED)

    a_day_later(clock)

    assert "what became of this call is not known" in now(ticket).attention
    tickets.give_up(now(ticket), actor=actor("dora"), now=clock(), note="The app is no more.")
    row = KindResult.objects.get(account__ticket=ticket, kind=DataKind.ACCOUNT.value)
    assert (row.answer, row.reached) == (Answer.UNANSWERED, Reached.NOT_VERIFIED)
    assert now(ticket).outcome == Outcome.PARTIAL


def test_what_stream_finished_and_nobody_could_read_ends_as_not_verified(
    app: StreamApp, stand_in: StandIn, clock: Clock
) -> None:
    ticket = erasure(app)
    stand_in.go_wrong(tasks={"DeleteUsers": {"fate": "hang"}})
    clock.sweep()
    stand_in.go_wrong(calls={"QueryUsers": {"error": 401}})
    clock.forward(seconds=10)
    clock.sweep()
    step = Step.objects.get()
    assert (step.state, step.read_back_at) == (StepState.DONE, None)
    stand_in.go_wrong(calls=REFUSED)

    a_day_later(clock)

    assert (now(ticket).state, now(ticket).outcome) == (State.COMPLETED, Outcome.NOT_VERIFIED)


def test_an_app_that_answers_its_probe_goes_on_by_itself(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = erasure(app)
    stand_in.go_wrong(calls=REFUSED)
    clock.sweep()

    stand_in.go_wrong()
    a_day_later(clock)

    assert now(ticket).state == State.COMPLETED


def test_a_ticket_that_just_began_gets_its_own_day(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    erasure(app)
    stand_in.go_wrong(calls=REFUSED)
    clock.sweep()
    clock.forward(hours=23)
    younger = factories.approved(factories.erase_plan("ada.lovelace", feeds_data=Mode.KEEP), app=app)
    clock.sweep()

    clock.forward(hours=2)
    clock.sweep()

    assert now(younger).state == State.RUNNING
