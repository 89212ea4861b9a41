"""The engine against the stand-in over HTTP: from an approval to the outcome, and what goes wrong between."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django_q.signing import SignedPackage

from requests_app.audit_actions import AuditAction
from requests_app.engine import claims
from requests_app.engine.context import Context
from requests_app.engine.phases import begin, intend, send
from requests_app.enums import Mode, Operation, Outcome, State, StepState
from requests_app.models import Account, AppHealth, Attempt, AuditEntry, Step, StreamApp, StreamTask, Ticket
from requests_app.queries.audit import check_chain
from requests_app.queries.audit_rules import first_broken
from requests_app.steps import write
from requests_app.steps.lifecycle import StepEvent
from requests_app.steps.write import Change
from requests_app.workflow import aftercare, approval, tickets
from tests import factories, step_events
from tests.clock import Clock
from tests.people import actor, person
from tests.sandbox_server import StandIn

pytestmark = pytest.mark.django_db(transaction=True)


def fresh(ticket: Ticket) -> Ticket:
    return Ticket.objects.get(pk=ticket.pk)


def result(ticket: Ticket) -> tuple[str, str]:
    now = fresh(ticket)
    return now.state, now.outcome


def deletes(stand_in: StandIn) -> list[list[str]]:
    return [call["user_ids"] for call in stand_in.calls() if call["operation"] == "DeleteUsers"]


def actions(ticket: Ticket) -> list[str]:
    return list(AuditEntry.objects.filter(ticket_id=ticket.pk).order_by("seq").values_list("action", flat=True))


def test_an_erasure_goes_through_in_its_order_and_is_read_back(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = factories.approved(factories.erase_plan("marie.curie", copy_first=True), app=app)
    bystander = stand_in.client().count_activities("marta.lindqvist")

    clock.sweep_for(seconds=20)

    assert result(ticket) == (State.COMPLETED, Outcome.ERASED)
    operations = [call["operation"] for call in stand_in.calls()]
    assert sorted(operations[:2]) == ["ExportFeedUserData", "ExportUsers"]
    assert operations[2:] == ["DeleteFeedUserData", "DeleteUsers"]
    client = stand_in.client()
    assert client.query_users(["marie.curie"]) == ()
    assert client.count_activities("marie.curie", include_soft_deleted=True).number == 0
    assert client.count_activities("marta.lindqvist") == bystander
    assert all(step.evidence["user"] for step in ticket.steps.filter(operation=Operation.DELETE_USERS.value))
    assert Account.objects.get(ticket=ticket).outcome == Outcome.ERASED
    assert actions(ticket)[-1] == AuditAction.TICKET_COMPLETED
    assert check_chain().intact
    assert first_broken() is None


def test_an_export_ends_with_a_file_and_changes_nothing(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = factories.approved(factories.export_plan("marie.curie", "jonas-weber"), app=app)

    clock.sweep_for(seconds=10)

    assert result(ticket) == (State.COMPLETED, Outcome.EXPORTED)
    assert [sorted(call["user_ids"]) for call in stand_in.calls() if call["operation"] == "ExportUsers"] == [
        ["jonas-weber", "marie.curie"]
    ]
    assert not deletes(stand_in)
    assert not any(str(value).startswith("http") for row in StreamTask.objects.values_list() for value in row)


def test_exports_of_two_people_never_share_a_file(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    for user_id in ("marie.curie", "jonas-weber"):
        factories.approved(factories.export_plan(user_id), app=app)

    clock.sweep_for(seconds=10)

    assert all(len(call["user_ids"]) == 1 for call in stand_in.calls())


def test_deletes_with_equal_modes_travel_together(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    plan = {"feeds_data": Mode.KEEP}
    equal = [factories.approved(factories.erase_plan(f, **plan), app=app) for f in ("marie.curie", "jonas-weber")]
    other = factories.approved(factories.erase_plan("b.kowalski", calls=Mode.KEEP, **plan), app=app)

    clock.sweep_for(seconds=10)

    assert sorted(map(sorted, deletes(stand_in))) == [["b.kowalski"], ["jonas-weber", "marie.curie"]]
    assert {result(ticket) for ticket in (*equal, other)} == {(State.COMPLETED, Outcome.ERASED_IN_PART)}
    assert StreamTask.objects.filter(operation=Operation.DELETE_USERS.value).count() == 2


def test_a_plan_that_hides_never_ends_as_erased(app: StreamApp, clock: Clock) -> None:
    ticket = factories.approved(factories.soft_plan("marie.curie"), app=app)

    clock.sweep_for(seconds=10)

    assert result(ticket) == (State.COMPLETED, Outcome.HIDDEN)


def test_a_hidden_user_is_restored_on_request(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = factories.approved(factories.soft_plan("marie.curie"), app=app)
    clock.sweep_for(seconds=10)
    aftercare.restore(fresh(ticket), actor=actor("dora"), now=clock(), note="By mistake.")

    clock.sweep_for(seconds=10)

    assert result(ticket) == (State.COMPLETED, Outcome.RESTORED)
    restored = ticket.steps.get(operation="restore_users")
    assert (restored.evidence["user"], restored.read_back_at is not None) == ("present", True)
    assert not ticket.steps.filter(look_again_at__isnull=False).exists()
    assert [user.id for user in stand_in.client().query_users(["marie.curie"])] == ["marie.curie"]


def test_a_restore_that_stream_does_not_show_is_not_called_restored(
    app: StreamApp, stand_in: StandIn, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = factories.approved(factories.soft_plan("marie.curie"), app=app)
    clock.sweep_for(seconds=10)
    aftercare.restore(fresh(ticket), actor=actor("dora"), now=clock(), note="By mistake.")
    monkeypatch.setattr("requests_app.stream.client.StreamClient.restore_users", lambda *_: None)

    clock.sweep_for(seconds=900, step=20)

    assert fresh(ticket).state == State.NEEDS_ATTENTION
    assert "does not show them" in ticket.steps.get(operation="restore_users").detail


def test_somebody_whom_stream_does_not_show_is_not_deleted(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = factories.approved(factories.erase_plan("nobody-here"), app=app)

    clock.sweep_for(seconds=5)

    assert result(ticket) == (State.COMPLETED, Outcome.NOTHING_FOUND)
    assert stand_in.calls() == []


def test_the_dpos_word_reaches_a_hidden_user(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    factories.approved(factories.soft_plan("marie.curie"), app=app)
    clock.sweep_for(seconds=10)
    plan = factories.erase_plan("marie.curie", feeds_data=Mode.KEEP)
    ticket = factories.approved(plan, app=app, send_if_absent=True)

    clock.sweep_for(seconds=10)

    assert deletes(stand_in) == [["marie.curie"], ["marie.curie"]]
    assert result(ticket)[0] == State.COMPLETED


def test_an_owner_who_does_not_exist_stops_the_ticket_before_anything_is_deleted(
    app: StreamApp, stand_in: StandIn, clock: Clock
) -> None:
    plan = factories.erase_plan("marie.curie", feeds_data=Mode.KEEP, new_channel_owner_id="no-such-user")
    ticket = factories.approved(plan, app=app)

    clock.sweep_for(seconds=5)

    assert result(ticket)[0] == State.NEEDS_ATTENTION
    assert "new owner does not exist" in fresh(ticket).attention
    assert stand_in.calls() == []


def test_an_account_made_after_the_approval_is_somebody_else(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = factories.approved(
        factories.erase_plan("marie.curie", feeds_data=Mode.KEEP), app=app, at=clock() - timedelta(days=1)
    )
    with stand_in.store.lock:
        stand_in.store.run("UPDATE users SET created_at = ? WHERE id = 'marie.curie'", clock().timestamp())

    clock.sweep_for(seconds=5)

    assert result(ticket)[0] == State.NEEDS_ATTENTION
    assert "newer than the one the approval was about" in fresh(ticket).attention
    assert stand_in.calls() == []


@pytest.mark.parametrize("operation", ["DeleteUsers", "DeleteFeedUserData"])
def test_a_lost_answer_is_never_followed_by_a_second_delete(
    app: StreamApp, stand_in: StandIn, clock: Clock, operation: str
) -> None:
    ticket = factories.approved(factories.erase_plan("marie.curie"), app=app)
    stand_in.go_wrong(calls={operation: {"lose_answer": True, "times": 1}})

    clock.sweep_for(seconds=90, step=5)

    assert len([call for call in stand_in.calls() if call["operation"] == operation]) == 1
    # Stream lists no files: without an answer and its task nobody can tell that they are gone.
    word = Outcome.NOT_VERIFIED if operation == "DeleteUsers" else Outcome.ERASED
    assert result(ticket) == (State.COMPLETED, word)
    assert AuditAction.CALL_RECONCILED in actions(ticket)
    assert Attempt.objects.filter(outcome="unknown").count() == 1


def test_a_call_that_did_nothing_is_sent_again_after_a_look(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = factories.approved(factories.erase_plan("marie.curie", feeds_data=Mode.KEEP), app=app)
    stand_in.go_wrong(calls={"DeleteUsers": {"error": 503, "times": 1}})

    clock.sweep_for(seconds=90, step=5)

    assert deletes(stand_in) == [["marie.curie"]]
    assert result(ticket) == (State.COMPLETED, Outcome.ERASED_IN_PART)
    order = actions(ticket)
    assert order.index(AuditAction.CALL_RECONCILED) < len(order) - 1 - order[::-1].index(AuditAction.CALL_INTENDED)


def test_a_call_without_an_answer_or_effect_ends_at_a_person(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = factories.approved(factories.erase_plan("marie.curie", feeds_data=Mode.KEEP), app=app)
    stand_in.go_wrong(calls={"DeleteUsers": {"error": 502}})

    clock.sweep_for(seconds=2_000, step=20)

    assert result(ticket)[0] == State.NEEDS_ATTENTION
    assert "times without an answer" in fresh(ticket).attention
    assert deletes(stand_in) == []
    stand_in.go_wrong()
    aftercare.retry(fresh(ticket), actor=actor("ada"), now=clock(), note="Stream is well again.")
    clock.sweep_for(seconds=60, step=2)
    assert result(ticket) == (State.COMPLETED, Outcome.ERASED_IN_PART)


def test_a_rate_limit_is_waited_for(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = factories.approved(factories.erase_plan("marie.curie", feeds_data=Mode.KEEP), app=app)
    stand_in.go_wrong(calls={"DeleteUsers": {"error": 429, "times": 1}})

    clock.sweep()
    step = Step.objects.get()
    assert deletes(stand_in) == []
    assert (step.state, step.attempt_count) == (StepState.PLANNED, 0)
    assert step.next_at is not None
    assert step.next_at > clock()
    clock.sweep_for(seconds=90, step=5)

    assert result(ticket) == (State.COMPLETED, Outcome.ERASED_IN_PART)
    assert len(deletes(stand_in)) == 1


def test_a_task_that_fails_stops_the_ticket_with_streams_words(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    stand_in.go_wrong(tasks={"ExportUsers": {"fate": "fail"}})
    ticket = factories.approved(factories.export_plan("marie.curie"), app=app)

    clock.sweep_for(seconds=10)

    assert result(ticket)[0] == State.NEEDS_ATTENTION
    assert "the task failed on purpose" in fresh(ticket).attention


def test_one_user_of_a_batch_that_is_not_ok_fails_its_own_ticket_only(
    app: StreamApp, stand_in: StandIn, clock: Clock
) -> None:
    stand_in.go_wrong(tasks={"DeleteUsers": {"fate": "partly"}})
    plan = {"feeds_data": Mode.KEEP}
    first, second = (
        factories.approved(factories.erase_plan(user_id, **plan), app=app) for user_id in ("marie.curie", "jonas-weber")
    )

    clock.sweep_for(seconds=10)

    assert result(first) == (State.COMPLETED, Outcome.ERASED_IN_PART)
    assert result(second)[0] == State.NEEDS_ATTENTION


def test_a_key_that_is_refused_blames_the_app_not_the_ticket(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    StreamApp.objects.update(api_key="wrong-key")
    ticket = factories.approved(factories.erase_plan("marie.curie"), app=app)

    clock.sweep_for(seconds=10)

    assert result(ticket)[0] == State.RUNNING
    assert "refuses the API key" in AppHealth.objects.get().reason
    StreamApp.objects.update(api_key=stand_in.key)
    clock.sweep_for(seconds=90, step=5)
    assert result(ticket) == (State.COMPLETED, Outcome.ERASED)


def test_stream_out_of_reach_means_waiting_not_failing(clock: Clock) -> None:
    ticket = factories.approved()

    clock.sweep_for(seconds=60, step=10)

    assert result(ticket)[0] == State.RUNNING
    assert not Attempt.objects.filter(outcome="unknown").exists()
    assert AppHealth.objects.get().failures > 0


@pytest.mark.parametrize("stage", ["claimed", "intended"])
def test_a_worker_that_died_is_followed_by_another(app: StreamApp, stand_in: StandIn, clock: Clock, stage: str) -> None:
    ticket = factories.approved(factories.erase_plan("marie.curie", feeds_data=Mode.KEEP), app=app)
    begin.begin_approved(actor=factories.WORKER, now=clock())
    held = claims.claim_sendable(now=clock())
    if stage == "intended":
        intend.intend(send.parcels(held), Context(pool=None, now=clock))  # type: ignore[arg-type]
    clock.sweep()
    assert stand_in.calls() == []

    clock.sweep_for(seconds=200, step=10)

    assert deletes(stand_in) == [["marie.curie"]]
    assert result(ticket) == (State.COMPLETED, Outcome.ERASED_IN_PART)
    assert (AuditAction.CALL_RECONCILED in actions(ticket)) is (stage == "intended")


def test_whoever_lost_the_lease_writes_nothing(app: StreamApp, clock: Clock) -> None:
    factories.approved(factories.erase_plan("marie.curie", feeds_data=Mode.KEEP), app=app)
    begin.begin_approved(actor=factories.WORKER, now=clock())
    (slow,) = claims.claim_sendable(now=clock())
    clock.forward(seconds=120)
    (fast,) = claims.claim_sendable(now=clock())

    late, in_time = clock() + timedelta(days=2), clock() + timedelta(days=1)
    assert write.write_held_now([Change(slow, StepEvent.POSTPONED, {"next_at": late})], now=clock()) == set()
    assert write.write_held_now([Change(fast, StepEvent.POSTPONED, {"next_at": in_time})], now=clock()) == {fast.pk}
    assert Step.objects.get().next_at == in_time


def test_a_worker_that_holds_a_step_twice_sends_it_once(app: StreamApp, clock: Clock) -> None:
    factories.approved(factories.erase_plan("marie.curie", feeds_data=Mode.KEEP), app=app)
    begin.begin_approved(actor=factories.WORKER, now=clock())
    (older,) = claims.claim_sendable(now=clock())
    clock.forward(seconds=120)
    (newer,) = claims.claim_sendable(now=clock())

    intended = intend.intend(send.parcels([newer, older]), Context(pool=None, now=clock))  # type: ignore[arg-type]

    assert [parcel.steps for parcel, _ in intended] == [(newer,)]
    assert intended[0][0].steps[0].lease_token == newer.lease_token
    older.state = StepState.SENDING.value
    both = [
        Change(step, StepEvent.NOT_SENT, {"next_at": clock(), "detail": detail})
        for step, detail in ((newer, "new"), (older, "old"))
    ]
    assert write.write_held_now(both, now=clock()) == {newer.pk}
    assert Step.objects.get().detail == "new"


def test_a_refusal_stops_the_ticket_though_later_steps_are_planned(
    app: StreamApp, stand_in: StandIn, clock: Clock
) -> None:
    ticket = factories.approved(factories.erase_plan("marie.curie"), app=app)
    stand_in.go_wrong(calls={"DeleteFeedUserData": {"error": 400}})

    clock.sweep()

    assert result(ticket) == (State.NEEDS_ATTENTION, "")
    assert "Stream refused" in fresh(ticket).attention


def test_a_worker_that_died_after_a_refusal_leaves_no_ticket_running(app: StreamApp, clock: Clock) -> None:
    ticket = factories.running(factories.erase_plan("marie.curie"), app=app)
    first = ticket.steps.order_by("rank").first()
    ticket.steps.filter(pk=first.pk).update(
        state=StepState.FAILED.value, finished_at=clock(), next_at=None, detail="Stream refused this call."
    )

    clock.sweep()

    assert result(ticket) == (State.NEEDS_ATTENTION, "")


@pytest.mark.parametrize("how", ["cancelled", "edited behind its back"])
def test_what_changed_since_the_approval_is_not_sent(app: StreamApp, stand_in: StandIn, clock: Clock, how: str) -> None:
    ticket = factories.approved(factories.erase_plan("marie.curie", feeds_data=Mode.KEEP), app=app)
    begin.begin_approved(actor=factories.WORKER, now=clock())
    if how == "cancelled":
        tickets.cancel(fresh(ticket), actor=actor("ada"), now=clock())
    else:
        plan = fresh(ticket).plan | {"calls": "soft"}
        Ticket.objects.filter(pk=ticket.pk).update(plan=plan)

    clock.sweep_for(seconds=10)

    assert stand_in.calls() == []


@pytest.mark.parametrize("how", ["dismissed", "an agent by now"])
def test_the_approval_of_somebody_who_may_not_approve_any_more_sends_nothing(
    app: StreamApp, stand_in: StandIn, clock: Clock, how: str
) -> None:
    ticket = factories.approved(factories.erase_plan("marie.curie", feeds_data=Mode.KEEP), app=app)
    dora = person("dora")
    if how == "dismissed":
        dora.is_active = False
        dora.save(update_fields=["is_active"])
    else:
        dora.groups.set(person("ada").groups.all())

    clock.sweep_for(seconds=10)

    assert stand_in.calls() == []
    assert fresh(ticket).state == State.NEEDS_ATTENTION
    assert "no data protection officer of this app any more" in fresh(ticket).attention


def test_a_step_that_the_plan_does_not_name_is_not_sent(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    factories.approved(factories.erase_plan("marie.curie", feeds_data=Mode.KEEP), app=app)
    begin.begin_approved(actor=factories.WORKER, now=clock())
    Step.objects.update(user_ids=["marta.lindqvist"])

    clock.sweep_for(seconds=10)

    assert stand_in.calls() == []


def test_the_second_look_finds_what_came_back(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = factories.approved(factories.soft_plan("marie.curie"), app=app)
    clock.sweep_for(seconds=10)
    stand_in.client().restore_users(["marie.curie"])

    clock.forward(days=1)
    clock.sweep()

    assert Step.objects.get(ticket=ticket).evidence["second"]["remains"] is True


def test_a_settled_ticket_that_was_forgotten_is_found_again(app: StreamApp, clock: Clock) -> None:
    ticket = factories.running(factories.erase_plan("marie.curie"), app=app)
    for step in ticket.steps.all():
        step_events.finish(step, at=clock())

    clock.sweep()

    assert result(ticket) == (State.COMPLETED, Outcome.ERASED)


def test_a_rolled_back_approval_rings_nowhere() -> None:
    ticket = factories.submitted()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_q_ormq")
        before = cursor.fetchone()[0]
        shown = factories.seen(ticket)
        with pytest.raises(Exception, match="not the user id"):
            approval.approve(ticket, actor=actor("dora"), now=Clock()(), confirm_user_id="x", **shown)
        cursor.execute("SELECT count(*) FROM django_q_ormq")
        assert cursor.fetchone()[0] == before


def test_a_job_carries_one_number_and_no_person(app: StreamApp) -> None:
    ticket = factories.approved(factories.erase_plan("canary-quillfeather-7"), app=app)

    with connection.cursor() as cursor:
        cursor.execute("SELECT payload FROM django_q_ormq ORDER BY id DESC")
        payload: Any = cursor.fetchone()[0]
    job = SignedPackage.loads(payload)
    assert job["func"] == "requests_app.jobs.answer_doorbell"
    assert job["args"] == (ticket.pk,)
    assert "quillfeather" not in str(job)


def test_an_unanswered_hidden_delete_is_left_to_a_person(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    factories.approved(factories.soft_plan("marie.curie"), app=app)
    clock.sweep_for(seconds=10)
    plan = factories.erase_plan("marie.curie", feeds_data=Mode.KEEP)
    ticket = factories.approved(plan, app=app, send_if_absent=True)
    stand_in.go_wrong(calls={"DeleteUsers": {"lose_answer": True}})

    clock.sweep_for(seconds=120, step=10)

    assert result(ticket)[0] == State.NEEDS_ATTENTION
    assert "reading cannot tell" in fresh(ticket).attention
    assert len(deletes(stand_in)) == 2
