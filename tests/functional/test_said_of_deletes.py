"""What the portal says of a delete is so: each of these once said more than was seen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from requests_app.engine import agenda
from requests_app.enums import Mode, Operation, Outcome, State, StepState
from requests_app.models import Step, StreamApp, Ticket
from requests_app.queries import outcome_words, ticket_page
from requests_app.stream.client import StreamClient
from requests_app.stream.errors import NotFound
from requests_app.workflow import aftercare, outcomes, pauses, tickets
from requests_app.workflow.plan import Plan
from tests import factories
from tests.clock import Clock
from tests.people import actor
from tests.sandbox_server import StandIn

SOFT = {
    **dict.fromkeys(("user", "messages", "conversations", "calls"), Mode.SOFT),
    "feeds_data": Mode.KEEP,
    "files": False,
}
NOTHING_OF_THE_USER = {"messages": Mode.KEEP, "conversations": Mode.KEEP, "calls": Mode.KEEP, "files": False}

pytestmark = pytest.mark.django_db(transaction=True)


def fresh(ticket: Ticket) -> Ticket:
    return Ticket.objects.get(pk=ticket.pk)


def result(ticket: Ticket) -> tuple[str, str]:
    now = fresh(ticket)
    return now.state, now.outcome


def sent(stand_in: StandIn, operation: str) -> list[list[str]]:
    return [call["user_ids"] for call in stand_in.calls() if call["operation"] == operation]


def retry(ticket: Ticket, clock: Clock) -> None:
    aftercare.retry(fresh(ticket), actor=actor("ada"), now=clock(), note="Once more.")


def hard(*user_ids: str, **changes: Any) -> Plan:
    return factories.erase_plan(*user_ids, **({"feeds_data": Mode.KEEP} | changes))


def test_a_new_try_is_judged_by_a_new_look(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    """Stream reports success and deletes nothing, the second time as well."""
    ticket = factories.approved(hard("marie.curie"), app=app)
    stand_in.go_wrong(tasks={"DeleteUsers": {"fate": "nothing"}})
    clock.sweep_for(seconds=120, step=5)
    assert result(ticket)[0] == State.NEEDS_ATTENTION

    retry(ticket, clock)
    step = Step.objects.get()
    assert (step.read_back_at, step.look_again_at, step.evidence, step.setbacks) == (None, None, {}, 0)
    clock.sweep_for(seconds=120, step=5)

    assert result(ticket)[0] == State.NEEDS_ATTENTION
    assert "still shows data" in fresh(ticket).attention


def test_a_hidden_user_is_no_erased_user(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    """The task fails and is forgotten: the user was hidden with the call, and everything else is still there."""
    ticket = factories.approved(hard("marie.curie"), app=app)
    stand_in.go_wrong(tasks={"DeleteUsers": {"fate": "vanish"}})

    clock.sweep_for(seconds=300, step=5)

    assert stand_in.client().query_users(["marie.curie"]) == ()
    assert result(ticket)[0] == State.NEEDS_ATTENTION
    assert Step.objects.get().evidence["messages"] > 0
    stand_in.go_wrong()
    retry(ticket, clock)
    clock.sweep_for(seconds=120, step=5)
    assert result(ticket) == (State.COMPLETED, Outcome.ERASED_IN_PART)
    assert Step.objects.get().evidence["messages"] == 0


def test_a_rate_limit_is_no_reason_to_stop_looking(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    """More refusals than a Stream that does not answer gets tries."""
    ticket = factories.approved(factories.erase_plan("marie.curie"), app=app)
    stand_in.go_wrong(calls={"Search": {"error": 429, "times": 8}})

    clock.sweep_for(seconds=900, step=20)

    assert result(ticket) == (State.COMPLETED, Outcome.ERASED)


def test_what_could_not_be_read_is_not_verified(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = factories.approved(factories.erase_plan("marie.curie"), app=app)
    stand_in.go_wrong(calls={"Search": {"error": 500}})

    clock.sweep_for(seconds=1500, step=20)

    assert result(ticket) == (State.COMPLETED, Outcome.NOT_VERIFIED)


def test_what_was_looked_for_is_told(app: StreamApp, clock: Clock) -> None:
    ticket = factories.approved(hard("marie.curie"), app=app)

    clock.sweep_for(seconds=20)

    (line,) = ticket_page.progress(fresh(ticket), clear=True).steps
    assert "Stream shows no such user." in line.evidence
    assert "It shows 0 messages, 0 conversations, 0 calls of the user." in line.evidence


def test_a_fresh_task_that_is_not_shown_yet_is_not_sent_again(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    plan = factories.erase_plan("marie.curie", user=Mode.KEEP, **NOTHING_OF_THE_USER)
    ticket = factories.approved(plan, app=app)
    stand_in.go_wrong(calls={"GetTask": {"error": 404, "times": 1}})

    clock.sweep_for(seconds=90, step=5)

    assert len([call for call in stand_in.calls() if call["operation"] == "DeleteFeedUserData"]) == 1
    assert result(ticket)[0] == State.COMPLETED


def test_an_export_whose_link_leads_nowhere_is_not_exported(
    app: StreamApp, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.sandbox.exports.link", lambda *_: "javascript:alert(1)")
    ticket = factories.approved(factories.export_plan("marie.curie"), app=app)

    clock.sweep_for(seconds=20)

    assert result(ticket)[0] == State.NEEDS_ATTENTION
    assert "not one that can be followed" in fresh(ticket).attention


def test_one_unknown_id_takes_nobody_elses_export_along(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    """Stream refuses the call for one of its ids: the others are exported all the same."""
    ids = ("marie.curie", "nobody-here", "jonas-weber")
    ticket = factories.approved(factories.export_plan(*ids, export_feeds_data=False), app=app)

    clock.sweep_for(seconds=30)

    assert sorted(user_id for ids in sent(stand_in, "ExportUsers") for user_id in ids) == ["jonas-weber", "marie.curie"]
    assert {account.user_id: account.outcome for account in ticket.accounts.all()} == {
        "marie.curie": Outcome.EXPORTED,
        "jonas-weber": Outcome.EXPORTED,
        "nobody-here": Outcome.NOTHING_FOUND,
    }


def knows_nobody(*_: object) -> None:
    raise NotFound("Stream knows nobody by this id.", operation="ExportUsers", status=404)


def test_what_was_not_copied_is_not_deleted(
    app: StreamApp, stand_in: StandIn, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy was promised: where Stream makes none of an account that is there, its delete stays behind."""
    monkeypatch.setattr(StreamClient, "export_users", knows_nobody)
    ticket = factories.approved(hard("marie.curie", copy_first=True), app=app)

    clock.sweep_for(seconds=30)

    assert sent(stand_in, "DeleteUsers") == []
    assert result(ticket)[0] == State.NEEDS_ATTENTION
    assert "A copy was to be made" in fresh(ticket).attention
    monkeypatch.undo()
    retry(ticket, clock)
    clock.sweep_for(seconds=30)
    assert [call["operation"] for call in stand_in.calls()][-2:] == ["ExportUsers", "DeleteUsers"]
    assert result(ticket) == (State.COMPLETED, Outcome.ERASED_IN_PART)


def test_a_copy_of_nobody_holds_nothing_up(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = factories.approved(hard("nobody-here", copy_first=True), app=app)

    clock.sweep_for(seconds=30)

    assert result(ticket) == (State.COMPLETED, Outcome.NOTHING_FOUND)


def test_an_owner_is_looked_for_before_the_feeds_data_goes(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    plan = factories.erase_plan("marie.curie", new_channel_owner_id="no-such-user")
    ticket = factories.approved(plan, app=app)

    clock.sweep_for(seconds=10)

    assert stand_in.calls() == []
    assert "new owner does not exist" in fresh(ticket).attention


def test_giving_up_before_any_delete_says_that_nothing_was_reached(
    app: StreamApp, stand_in: StandIn, clock: Clock
) -> None:
    """The copy of the feeds data was made, that of the chat data failed."""
    stand_in.go_wrong(tasks={"ExportUsers": {"fate": "fail"}})
    ticket = factories.approved(factories.erase_plan("marie.curie", copy_first=True), app=app)
    clock.sweep_for(seconds=20)

    tickets.give_up(fresh(ticket), actor=actor("dora"), now=clock(), note="Not today.")

    assert sent(stand_in, "DeleteUsers") == []
    assert result(ticket) == (State.COMPLETED, Outcome.FAILED)


def test_a_hidden_user_of_a_partial_ticket_comes_back(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    plan = factories.soft_plan("marie.curie", messages=Mode.HARD)
    ticket = factories.approved(plan, app=app)
    clock.sweep_for(seconds=20)
    assert result(ticket) == (State.COMPLETED, Outcome.ERASED_IN_PART)

    aftercare.restore(fresh(ticket), actor=actor("dora"), now=clock(), note="By mistake.")
    clock.sweep_for(seconds=20)

    assert [user.id for user in stand_in.client().query_users(["marie.curie"])] == ["marie.curie"]
    assert result(ticket) == (State.COMPLETED, Outcome.RESTORED)


def test_somebody_who_is_there_already_counts_as_restored(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = factories.approved(factories.soft_plan("marie.curie"), app=app)
    clock.sweep_for(seconds=20)
    stand_in.client().restore_users(["marie.curie"])
    before = len(stand_in.calls())

    aftercare.restore(fresh(ticket), actor=actor("dora"), now=clock(), note="By mistake.")
    clock.sweep_for(seconds=20)

    assert len(stand_in.calls()) == before
    assert result(ticket) == (State.COMPLETED, Outcome.RESTORED)
    assert "already" in ticket.steps.get(operation=Operation.RESTORE_USERS.value).detail


@pytest.mark.parametrize("how", ["cancelled", "stopped", "paused"])
def test_an_engine_with_nothing_to_take_up_does_not_wait_for_it(app: StreamApp, clock: Clock, how: str) -> None:
    """Steps that nobody may take up are due for as long as that lasts: no sweep stays awake for them."""
    ticket = factories.running(hard("marie.curie"), app=app)
    if how == "cancelled":
        tickets.cancel(ticket, actor=actor("dora"), now=clock(), note="Withdrawn.")
    elif how == "stopped":
        with transaction.atomic():
            outcomes.stop(ticket, actor=factories.WORKER, now=clock(), reason="Somebody must look.")
    else:
        pauses.pause(app, actor=actor("dora"), now=clock(), reason="Stream has asked for it.")

    assert Step.objects.get().state == (StepState.DROPPED if how == "cancelled" else StepState.PLANNED)
    assert agenda.next_due(clock(), until=clock() + timedelta(minutes=1)) is None


def test_an_account_that_the_portal_hid_is_not_absent(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    first = factories.approved(factories.soft_plan("marie.curie"), app=app)
    clock.sweep_for(seconds=20)
    ticket = factories.approved(hard("marie.curie"), app=app)

    clock.sweep_for(seconds=20)

    assert len(sent(stand_in, "DeleteUsers")) == 1
    assert result(ticket)[0] == State.NEEDS_ATTENTION
    assert f"{first.reference} hid this account" in fresh(ticket).attention


def test_who_was_erased_for_good_is_absent(app: StreamApp, clock: Clock) -> None:
    factories.approved(hard("marie.curie"), app=app)
    clock.sweep_for(seconds=20)
    ticket = factories.approved(hard("marie.curie"), app=app)

    clock.sweep_for(seconds=20)

    assert result(ticket) == (State.COMPLETED, Outcome.NOTHING_FOUND)


@pytest.mark.parametrize(
    ("changes", "outcome", "words"),
    [
        ({}, Outcome.ERASED, "Removed: the user, messages, conversations, calls, feeds data, files."),
        ({"user": Mode.PRUNING, "messages": Mode.KEEP}, Outcome.ERASED_IN_PART, "Left out of the plan: messages."),
        (
            {"user": Mode.KEEP, **NOTHING_OF_THE_USER},
            Outcome.ERASED_IN_PART,
            "Left out of the plan: the user, messages",
        ),
        ({"feeds_data": Mode.KEEP}, Outcome.ERASED_IN_PART, "Left out of the plan: feeds data."),
        (
            {"user": Mode.PRUNING, "messages": Mode.PRUNING},
            Outcome.EMPTIED,
            "Emptied, shells stay: the user, messages.",
        ),
        ({**SOFT, "files": True}, Outcome.ERASED_IN_PART, "Removed: files. Hidden, kept by Stream: the user, messages"),
        ({**SOFT, "messages": Mode.HARD}, Outcome.ERASED_IN_PART, "Removed: messages."),
        (SOFT, Outcome.HIDDEN, "Hidden, kept by Stream: the user, messages"),
    ],
)
def test_what_the_plan_leaves_is_named_kind_by_kind(
    app: StreamApp, clock: Clock, changes: dict[str, Any], outcome: Outcome, words: str
) -> None:
    ticket = factories.approved(factories.erase_plan("marie.curie", **changes), app=app)

    clock.sweep_for(seconds=30)

    told = outcome_words.told(fresh(ticket))
    assert result(ticket) == (State.COMPLETED, outcome)
    assert told is not None
    assert words in told.sentence
    assert (told.tone == "green") == (outcome is Outcome.ERASED)


def test_who_was_not_found_was_not_erased(app: StreamApp, clock: Clock) -> None:
    ticket = factories.approved(factories.erase_plan("marie.curie", "jonas-weber", "nobody-here"), app=app)

    clock.sweep_for(seconds=30)

    told = outcome_words.told(fresh(ticket))
    assert result(ticket) == (State.COMPLETED, Outcome.PARTIAL)
    assert told is not None
    assert told.sentence.endswith("Accounts: 2 of 3: erased, 1 of 3: nothing found.")


@pytest.mark.parametrize(
    ("plan", "last"),
    [
        (factories.erase_plan("marie.curie"), "done"),
        (factories.soft_plan("marie.curie"), "ended"),
        (factories.erase_plan("nobody-here"), "ended"),
    ],
)
def test_a_tick_is_earned(app: StreamApp, clock: Clock, plan: Plan, last: str) -> None:
    ticket = factories.approved(plan, app=app)

    clock.sweep_for(seconds=30)

    assert {stone.standing for stone in ticket_page.milestones(fresh(ticket))[4:6]} == {last}


def test_what_was_given_up_is_not_sent_with_a_restore(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    """One account was hidden, a legal hold stopped the delete of the other; the first comes back, the other stays."""
    plan = factories.soft_plan("marie.curie", "jonas-weber")
    ticket = factories.approved(plan, app=app)
    stand_in.go_wrong(tasks={"DeleteUsers": {"fate": "partly"}})
    clock.sweep_for(seconds=20)
    assert result(ticket)[0] == State.NEEDS_ATTENTION
    tickets.give_up(fresh(ticket), actor=actor("dora"), now=clock(), note="Enough.")
    stand_in.go_wrong()
    before = len(sent(stand_in, "DeleteUsers"))

    aftercare.restore(fresh(ticket), actor=actor("dora"), now=clock(), note="By mistake.")
    clock.sweep_for(seconds=20)

    assert len(sent(stand_in, "DeleteUsers")) == before
    assert result(ticket)[0] == State.COMPLETED
    assert not ticket.steps.filter(state=StepState.PLANNED.value).exists()
