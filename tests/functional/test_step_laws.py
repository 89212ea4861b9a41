"""What holds of the steps of every ticket, however the engine and people came to it; nobody writes too late."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import pytest
from django.db import transaction

from requests_app.engine import claims
from requests_app.engine.context import Context
from requests_app.engine.phases import begin, intend, send
from requests_app.enums import (
    CLOSED_STATES,
    DELETE_OPERATIONS,
    AttemptOutcome,
    Mode,
    Operation,
    Outcome,
    State,
    StepState,
    Verb,
)
from requests_app.models import Step, StreamApp, Ticket
from requests_app.steps import write
from requests_app.steps.lifecycle import NoSuchTransition, StepEvent, WrongColumns
from requests_app.steps.write import Change
from requests_app.workflow import aftercare, holds, outcomes, policies, tickets, verbs
from requests_app.workflow.actions import actions_for
from tests import factories
from tests.clock import Clock
from tests.people import actor
from tests.sandbox_server import StandIn

pytestmark = pytest.mark.django_db(transaction=True)


def fresh(ticket: Ticket) -> Ticket:
    return Ticket.objects.get(pk=ticket.pk)


def give_up(ticket: Ticket, clock: Clock) -> None:
    tickets.give_up(fresh(ticket), actor=actor("dora"), now=clock(), note="Nobody answers.")


def claimed(clock: Clock) -> Step:
    begin.begin_approved(actor=factories.WORKER, now=clock())
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
    begin.begin_approved(actor=factories.WORKER, now=clock())
    tickets.cancel(fresh(ticket), actor=actor("ada"), now=clock())
    clock.sweep_for(seconds=10)


def held_beside_an_unanswered_call(app: StreamApp, stand_in: StandIn, clock: Clock, **call: object) -> Ticket:
    """A hold stops the ticket while the call for its other account is not answered."""
    plan = factories.erase_plan("marie.curie", "jonas-weber", feeds_data=Mode.KEEP)
    ticket = factories.approved(plan, app=app)
    holds.place(app, "jonas-weber", actor=actor("dan"), now=clock(), reason="A claim is open.")
    stand_in.go_wrong(calls={"DeleteUsers": {**call, "times": 1}})
    clock.sweep()
    assert fresh(ticket).state == State.NEEDS_ATTENTION
    assert set(ticket.steps.values_list("state", flat=True)) == {StepState.UNKNOWN.value, StepState.PLANNED.value}
    return ticket


def given_up_once_all_was_known(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = held_beside_an_unanswered_call(app, stand_in, clock, error=503)
    before = list(ticket.steps.values())
    sentence = "not known yet what became of “Delete user” on Stream. Wait until that is known"
    with pytest.raises(policies.UnableTo, match=sentence):
        give_up(ticket, clock)
    (action,) = [one for one in actions_for(fresh(ticket), actor("dora"), now=clock()) if one.verb is Verb.GIVE_UP]
    assert not action.allowed
    assert sentence in action.reason
    assert list(ticket.steps.values()) == before
    clock.sweep_for(seconds=120, step=5)
    give_up(ticket, clock)
    clock.sweep_for(seconds=120, step=5)
    assert stand_in.calls() == []


def closed_as_it_was(ticket: Ticket, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """As older versions gave up, which did not ask what was in flight."""
    with monkeypatch.context() as patch:
        unasked = replace(verbs.VERBS[Verb.GIVE_UP], checks=())
        patch.setattr(verbs, "VERBS", {**verbs.VERBS, Verb.GIVE_UP: unasked})
        give_up(ticket, clock)


STORIES = [carried_out, given_up, retried_and_restored, cancelled_in_time, given_up_once_all_was_known]


@pytest.mark.parametrize("story", STORIES)
def test_a_closed_ticket_owns_no_step_that_is_due(
    app: StreamApp, stand_in: StandIn, clock: Clock, story: Callable[[StreamApp, StandIn, Clock], None]
) -> None:
    story(app, stand_in, clock)

    assert set(Ticket.objects.values_list("state", flat=True)) <= set(CLOSED_STATES)
    assert Step.objects.exists()
    assert list(Step.objects.filter(next_at__isnull=False).values_list("operation", "state")) == []


@pytest.mark.parametrize(
    ("call", "ends"),
    [
        ({"error": 503}, (StepState.FAILED, Outcome.FAILED)),
        ({"lose_answer": True}, (StepState.DONE, Outcome.ERASED)),
    ],
    ids=["without effect", "with effect"],
)
def test_what_was_not_known_when_its_ticket_was_closed_is_looked_for_and_never_sent_again(
    app: StreamApp,
    stand_in: StandIn,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    call: dict[str, object],
    ends: tuple[StepState, Outcome],
) -> None:
    ticket = held_beside_an_unanswered_call(app, stand_in, clock, **call)
    closed_as_it_was(ticket, clock, monkeypatch)
    sent = stand_in.calls()

    clock.sweep_for(seconds=120, step=5)

    step = ticket.steps.get(user_ids=["marie.curie"])
    assert (step.state, step.outcome, step.next_at) == (*ends, None)
    assert ("The ticket ended before" in step.detail) is (ends[0] is StepState.FAILED)
    assert stand_in.calls() == sent
    assert fresh(ticket).state == State.COMPLETED


def test_a_restore_sends_no_delete_that_was_not_known_when_its_ticket_was_closed(
    app: StreamApp, stand_in: StandIn, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = factories.approved(factories.soft_plan("marie.curie", "jonas-weber"), app=app)
    hold = holds.place(app, "jonas-weber", actor=actor("dan"), now=clock(), reason="A claim is open.")
    clock.sweep_for(seconds=20)
    holds.lift(hold, actor=actor("dan"), now=clock(), reason="It is settled.")
    aftercare.retry(fresh(ticket), actor=actor("ada"), now=clock(), note="The hold is lifted.")
    stand_in.go_wrong(calls={"DeleteUsers": {"error": 503, "times": 1}})
    # The lease of the step that the hold kept back ends.
    clock.forward(seconds=120)
    clock.sweep()
    assert ticket.steps.get(user_ids=["jonas-weber"]).state == StepState.UNKNOWN
    with transaction.atomic():
        outcomes.stop(fresh(ticket), actor=factories.WORKER, now=clock(), reason="Somebody must look.")
    closed_as_it_was(ticket, clock, monkeypatch)
    aftercare.restore(fresh(ticket), actor=actor("dora"), now=clock(), note="She asked for it.")

    clock.sweep_for(seconds=120, step=5)

    assert [(one["operation"], one["user_ids"]) for one in stand_in.calls()] == [
        ("DeleteUsers", ["marie.curie"]),
        ("RestoreUsers", ["marie.curie"]),
    ]
    assert fresh(ticket).state == State.COMPLETED
    jonas = ticket.steps.filter(user_ids=["jonas-weber"])
    assert jonas.get(operation=Operation.DELETE_USERS.value).state == StepState.FAILED
    # The call may have hidden him; he is shown, so nothing had to be sent.
    assert jonas.get(operation=Operation.RESTORE_USERS.value).outcome == Outcome.RESTORED


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
    intend.intend(send.parcels([step]), Context(pool=None, now=clock))  # type: ignore[arg-type]

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
    (step,) = begin.lay_out(ticket, begin.approved_calls(ticket) or (), now=clock())
    step.attempt_count = 1

    with pytest.raises(WrongColumns), transaction.atomic():
        write.lay_out([step])

    assert not Step.objects.exists()


def test_an_export_under_way_is_not_failed_for_a_copy_that_is_missing(app: StreamApp, clock: Clock) -> None:
    ticket = factories.running(factories.erase_plan("marie.curie", copy_first=True), app=app)
    exports = ticket.steps.filter(operation="export_users")

    assert write.write_each(exports, StepEvent.COPY_MISSING, now=clock(), detail="No copy.") == 0
    assert exports.get().state == StepState.PLANNED
