"""What holds of the steps of every ticket, however the engine and people came to it; nobody writes too late."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import pytest
from django.db import transaction

from requests_app.enums import CLOSED_STATES, DELETE_OPERATIONS, AttemptOutcome, Mode, Outcome, State, StepState
from requests_app.execution import claims, intents, sending, steps
from requests_app.execution.context import Context
from requests_app.models import Step, StreamApp, Ticket
from requests_app.steps import write
from requests_app.steps.lifecycle import NoSuchTransition, StepEvent, WrongColumns
from requests_app.steps.write import Change
from requests_app.workflow import aftercare, outcomes, tickets
from tests import factories
from tests.clock import Clock
from tests.people import actor
from tests.sandbox_server import StandIn, running_sandbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with running_sandbox() as started:
        yield started


@pytest.fixture
def app(stand_in: StandIn) -> StreamApp:
    return factories.stream_app(base_url=stand_in.base_url, api_key=stand_in.key)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def fresh(ticket: Ticket) -> Ticket:
    return Ticket.objects.get(pk=ticket.pk)


def give_up(ticket: Ticket, clock: Clock) -> None:
    tickets.give_up(fresh(ticket), actor=actor("dora"), now=clock(), note="Nobody answers.")


def claimed(clock: Clock) -> Step:
    steps.begin_approved(actor=factories.WORKER, now=clock())
    (step,) = claims.claim_sendable(now=clock())
    return step


def one_delete(app: StreamApp) -> Ticket:
    return factories.approved(factories.erase_plan("marie.curie", feeds_data=Mode.KEEP), app=app)


def carried_out(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    factories.approved(factories.erase_plan("marie.curie", copy_first=True), app=app)
    factories.approved(factories.export_plan("jonas-weber", "nobody-at-all"), app=app)
    factories.approved(factories.erase_plan("nobody-either"), app=app)
    clock.sweep_for(seconds=60, step=2)


def given_up(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = factories.approved(factories.erase_plan("marie.curie"), app=app)
    stand_in.go_wrong(calls={"DeleteFeedUserData": {"error": 400}})
    clock.sweep_for(seconds=10)
    give_up(ticket, clock)


def retried_and_restored(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = factories.approved(factories.soft_plan("marie.curie"), app=app)
    stand_in.go_wrong(tasks={"DeleteUsers": {"fate": "nothing"}})
    clock.sweep_for(seconds=120, step=5)
    stand_in.go_wrong()
    aftercare.retry(fresh(ticket), actor=actor("ada"), now=clock(), note="Once more.")
    clock.sweep_for(seconds=60, step=2)
    aftercare.restore(fresh(ticket), actor=actor("dora"), now=clock(), note="She asked for it.")
    clock.sweep_for(seconds=60, step=2)


def cancelled_in_time(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = one_delete(app)
    steps.begin_approved(actor=factories.WORKER, now=clock())
    tickets.cancel(fresh(ticket), actor=actor("ada"), now=clock())
    clock.sweep_for(seconds=10)


@pytest.mark.parametrize("story", [carried_out, given_up, retried_and_restored, cancelled_in_time])
def test_a_closed_ticket_owns_no_step_that_is_due(
    app: StreamApp, stand_in: StandIn, clock: Clock, story: Callable[[StreamApp, StandIn, Clock], None]
) -> None:
    story(app, stand_in, clock)

    assert set(Ticket.objects.values_list("state", flat=True)) <= set(CLOSED_STATES)
    assert Step.objects.exists()
    assert list(Step.objects.filter(next_at__isnull=False).values_list("operation", "state")) == []


def test_erased_means_a_clean_look_after_the_last_call_of_each_delete(
    app: StreamApp, stand_in: StandIn, clock: Clock
) -> None:
    """Stream carries the first call out by half: the user is hidden, and a retry goes through."""
    ticket = factories.approved(factories.erase_plan("marie.curie", copy_first=True), app=app)
    stand_in.go_wrong(tasks={"DeleteUsers": {"fate": "vanish"}})
    clock.sweep_for(seconds=300, step=5)
    assert fresh(ticket).state == State.NEEDS_ATTENTION
    stand_in.go_wrong()
    aftercare.retry(fresh(ticket), actor=actor("ada"), now=clock(), note="Once more.")

    clock.sweep_for(seconds=120, step=5)

    assert (fresh(ticket).state, fresh(ticket).outcome) == (State.COMPLETED, Outcome.ERASED)
    deletes = ticket.steps.filter(operation__in=[one.value for one in DELETE_OPERATIONS])
    assert len(deletes) == 2
    for step in deletes:
        last = step.attempts.filter(outcome=AttemptOutcome.ACCEPTED.value).latest("answered_at")
        assert step.read_back_at is not None
        assert last.answered_at is not None
        assert step.read_back_at >= last.answered_at
        assert step.evidence["looked_at"] >= last.answered_at.isoformat()[:19]
        assert not {"unreadable", "tries"} & set(step.evidence)
        assert not any(number for name, number in step.evidence.items() if name not in {"user", "looked_at"})


def test_a_step_that_a_person_dropped_stays_dropped_though_a_worker_holds_it(app: StreamApp, clock: Clock) -> None:
    ticket = one_delete(app)
    step = claimed(clock)
    with transaction.atomic():
        outcomes.stop(fresh(ticket), actor=factories.WORKER, now=clock(), reason="Somebody must look.")
    give_up(ticket, clock)

    written = write.write_held_now([Change(step, StepEvent.POSTPONED, {"next_at": clock()})], now=clock())

    assert written == set()
    now = Step.objects.get()
    assert (now.state, now.next_at) == (StepState.DROPPED, None)


def test_an_intent_that_was_committed_is_not_let_go_of_by_whoever_does_not_know(app: StreamApp, clock: Clock) -> None:
    """The connection broke while it was committed: the lease stands, so that the step is looked for when it ran out."""
    one_delete(app)
    step = claimed(clock)
    unaware = copy.copy(step)
    intents.intend(sending.parcels([step]), Context(pool=None, now=clock))  # type: ignore[arg-type]

    written = write.write_held_now([Change(unaware, StepEvent.POSTPONED, {"next_at": clock()})], now=clock())

    assert written == set()
    clock.forward(seconds=200)
    assert claims.claim_abandoned(now=clock()) == [step]


def test_what_the_lifecycle_does_not_know_is_not_written(app: StreamApp, clock: Clock) -> None:
    one_delete(app)
    step = claimed(clock)
    before = Step.objects.values().get()
    allowed = Change(step, StepEvent.POSTPONED, {"next_at": clock()})

    with pytest.raises(NoSuchTransition):
        write.write_held_now([allowed, Change(step, StepEvent.TASK_FAILED, {"detail": ""})], now=clock())
    with pytest.raises(WrongColumns):
        write.write_held_now([allowed, Change(step, StepEvent.SET_BACK)], now=clock())
    with pytest.raises(WrongColumns):
        write.write_each(Step.objects.all(), StepEvent.DROPPED, now=clock(), outcome="erased")
    with pytest.raises(NoSuchTransition):
        write.write_unleased([Change(step, StepEvent.COPY_MISSING, {"detail": ""})], now=clock())

    assert Step.objects.values().get() == before


def test_a_step_is_laid_out_as_new(app: StreamApp, clock: Clock) -> None:
    ticket = one_delete(app)
    (step,) = steps.lay_out(ticket, steps.approved_calls(ticket) or (), now=clock())
    step.attempt_count = 1

    with pytest.raises(WrongColumns), transaction.atomic():
        write.lay_out([step])

    assert not Step.objects.exists()


def test_an_export_under_way_is_not_failed_for_a_copy_that_is_missing(app: StreamApp, clock: Clock) -> None:
    ticket = factories.running(factories.erase_plan("marie.curie", copy_first=True), app=app)
    exports = ticket.steps.filter(operation="export_users")

    assert write.write_each(exports, StepEvent.COPY_MISSING, now=clock(), detail="No copy.") == 0
    assert exports.get().state == StepState.PLANNED
