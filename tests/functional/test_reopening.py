"""A stopped ticket of which nothing was sent is no dead end: it is changed, sent again and decided about anew."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AbstractUser

from requests_app.engine import effect_preview
from requests_app.enums import Mode, Outcome, State
from requests_app.models import AuditEntry, Step, StreamApp, Ticket
from requests_app.steps import write
from requests_app.steps.lifecycle import StepEvent
from requests_app.workflow import aftercare, approval, retention, tickets
from requests_app.workflow import plan as plans
from requests_app.workflow.policies import UnableTo
from tests import factories
from tests.clock import Clock
from tests.people import actor, person, signed_in
from tests.sandbox_server import StandIn

pytestmark = pytest.mark.django_db(transaction=True)

ARCHIVE = "svc-archive"
MARIE = "marie.curie"


def now(ticket: Ticket) -> Ticket:
    return Ticket.objects.get(pk=ticket.pk)


def dismissed(name: str) -> None:
    """Somebody leaves the house."""
    who: AbstractUser = person(name)
    who.is_active = False
    who.save(update_fields=["is_active"])


def decided_by_dan(ticket: Ticket, clock: Clock) -> Ticket:
    """Sent again and approved by the other officer."""
    tickets.submit(now(ticket), actor=actor("ada"), now=clock())
    again = now(ticket)
    seen = factories.seen(again, at=clock())
    approval.approve(again, actor=actor("dan"), now=clock(), confirm_user_id=again.plan["user_ids"][0], **seen)
    return again


def test_an_approval_that_lost_its_officer_is_asked_for_again(app: StreamApp, clock: Clock) -> None:
    ticket = factories.approved(factories.erase_plan(MARIE), app=app)
    dismissed("dora")
    clock.sweep()
    assert "Reopen it as a draft" in now(ticket).attention

    aftercare.reopen(now(ticket), actor=actor("ada"), now=clock())

    draft = now(ticket)
    assert (draft.state, draft.approved_by_id, draft.approved_digest, draft.attention) == (State.DRAFT, None, None, "")
    assert not Step.objects.exists()
    decided_by_dan(ticket, clock)
    clock.sweep()
    assert (now(ticket).state, now(ticket).outcome) == (State.COMPLETED, Outcome.ERASED)


def test_what_was_cancelled_by_mistake_goes_on_as_a_draft(app: StreamApp, clock: Clock) -> None:
    ticket = factories.approved(factories.erase_plan(MARIE), app=app)
    tickets.cancel(now(ticket), actor=actor("ada"), now=clock())
    assert signed_in("ben").post(f"/tickets/{ticket.reference}/reopen/").status_code == 302

    draft = now(ticket)
    assert (draft.state, draft.closed_at, draft.approved_by_id, draft.due_on) == (
        State.DRAFT,
        None,
        None,
        ticket.due_on,
    )
    assert draft.accounts.get().is_open
    decided_by_dan(ticket, clock)
    clock.sweep()
    assert (now(ticket).state, now(ticket).outcome) == (State.COMPLETED, Outcome.ERASED)


def test_what_was_cancelled_while_it_ran_leaves_no_steps_behind(app: StreamApp, clock: Clock) -> None:
    ticket = factories.running(factories.erase_plan(MARIE), app=app)
    tickets.cancel(now(ticket), actor=actor("ada"), now=clock())

    aftercare.reopen(now(ticket), actor=actor("ada"), now=clock())

    assert (now(ticket).state, Step.objects.count()) == (State.DRAFT, 0)


def test_what_was_asked_for_again_meanwhile_stays_cancelled(app: StreamApp, clock: Clock) -> None:
    ticket = factories.cancelled(factories.erase_plan(MARIE), app=app)
    factories.draft(factories.erase_plan(MARIE), app=app)

    answer = signed_in("ada").post(f"/tickets/{ticket.reference}/reopen/")

    assert answer.status_code == 422
    assert "Another ticket is open for the same user id" in answer.content.decode()
    assert now(ticket).state == State.CANCELLED
    assert not now(ticket).accounts.get().is_open


def test_of_whom_the_data_was_erased_nobody_goes_on(app: StreamApp, clock: Clock) -> None:
    ticket = factories.cancelled(factories.erase_plan(MARIE), app=app)
    retention.erase_by_hand(now(ticket), actor=actor("dora"), now=clock(), note="They asked for it.")

    page = signed_in("ada").get(f"/tickets/{ticket.reference}/").content.decode()

    assert "Its personal data was erased, so nobody can go on with it." in page
    assert "Cancelled by mistake?" not in page
    with pytest.raises(UnableTo, match="Open a new request"):
        aftercare.reopen(now(ticket), actor=actor("ada"), now=clock())


def test_what_the_owner_was_wrong_of_is_changed_and_decided_anew(app: StreamApp, clock: Clock) -> None:
    wrong = factories.erase_plan(
        MARIE, feeds_data=Mode.KEEP, new_channel_owner_id="nobody.here", new_call_owner_id="nobody.here"
    )
    ticket = factories.approved(wrong, app=app)
    clock.sweep()
    assert now(ticket).state == State.NEEDS_ATTENTION
    assert "The new owner does not exist on Stream" in now(ticket).attention

    aftercare.reopen(now(ticket), actor=actor("ben"), now=clock())
    right = factories.erase_plan(MARIE, feeds_data=Mode.KEEP, new_channel_owner_id=ARCHIVE, new_call_owner_id=ARCHIVE)
    tickets.edit_ticket(
        now(ticket), factories.intake(right, app), actor=actor("ben"), now=clock(), revision=now(ticket).revision
    )
    decided_by_dan(ticket, clock)
    clock.sweep()

    assert plans.from_json(now(ticket).plan) == right
    assert (now(ticket).state, now(ticket).attention) == (State.COMPLETED, "")
    assert AuditEntry.objects.filter(action="ticket.reopen", ticket_id=ticket.pk).count() == 1


def test_an_account_that_appeared_is_deleted_once_somebody_decided_about_it(
    app: StreamApp, stand_in: StandIn, clock: Clock
) -> None:
    name = "late.arrival"
    ticket = factories.submitted(factories.erase_plan(name, feeds_data=Mode.KEEP), app=app)
    preview = effect_preview.make(ticket, actor=actor("dora"), now=clock())
    shown = {"plan_digest": ticket.plan_digest, "revision": ticket.revision, "preview_digest": preview.digest}
    approval.approve(ticket, actor=actor("dora"), now=clock(), confirm_user_id=name, **shown)
    people = {"users": {name: {"id": name}}}
    stand_in.client().transport.exchange("UpdateUsers", "POST", "/users", body=people, changes=True)
    clock.sweep()
    assert "shows one now" in now(ticket).attention

    aftercare.reopen(now(ticket), actor=actor("ada"), now=clock())
    decided_by_dan(ticket, clock)
    clock.sweep()

    assert (now(ticket).state, now(ticket).attention) == (State.COMPLETED, "")


def test_what_was_sent_keeps_its_plan(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = factories.approved(factories.erase_plan(MARIE, feeds_data=Mode.KEEP), app=app)
    stand_in.go_wrong(calls={"DeleteUsers": {"error": 400}})
    clock.sweep()
    assert now(ticket).state == State.NEEDS_ATTENTION

    with pytest.raises(UnableTo, match="Something of it was sent to Stream, or may have been"):
        aftercare.reopen(now(ticket), actor=actor("ada"), now=clock())

    assert now(ticket).state == State.NEEDS_ATTENTION
    assert Step.objects.count() == 1


def test_a_call_that_never_left_does_not_count(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = factories.approved(factories.erase_plan(MARIE, feeds_data=Mode.KEEP), app=app)
    stand_in.go_wrong(calls={"DeleteUsers": {"error": 401}})
    clock.sweep()
    assert Step.objects.get().attempts.count() == 1
    stand_in.go_wrong(calls={"*": {"error": 401}})
    clock.forward(days=1, minutes=1)
    clock.sweep()
    assert now(ticket).state == State.NEEDS_ATTENTION

    aftercare.reopen(now(ticket), actor=actor("ada"), now=clock())

    assert now(ticket).state == State.DRAFT


@pytest.mark.parametrize("effect_seen", [False, True])
def test_what_a_restored_database_may_have_forgotten_counts_as_sent(
    app: StreamApp, clock: Clock, effect_seen: bool
) -> None:
    """No attempt stands in the backup, and yet the call may have been made: only a look on Stream can tell."""
    ticket = factories.running(factories.erase_plan(MARIE, feeds_data=Mode.KEEP), app=app)
    steps, at = Step.objects.all(), clock()
    write.write_each(steps, StepEvent.DATABASE_RESTORED, now=at, next_at=at)
    if effect_seen:
        write.write_each(steps, StepEvent.EFFECT_SEEN, now=at, detail="", outcome=Outcome.ERASED.value)
        evidence = {"user": "present", "looked_at": at.isoformat()}
        write.write_each(steps, StepEvent.STILL_THERE, now=at, detail="It is still there.", evidence=evidence)
    else:
        write.write_each(steps, StepEvent.LEFT_TO_A_PERSON, now=at, detail="Look on Stream.")
    factories.settled(ticket)
    assert now(ticket).state == State.NEEDS_ATTENTION

    with pytest.raises(UnableTo, match="or may have been"):
        aftercare.reopen(now(ticket), actor=actor("ada"), now=clock())


def test_the_page_offers_it_where_it_is_possible_and_says_why_not(
    app: StreamApp, stand_in: StandIn, clock: Clock
) -> None:
    unsent = factories.approved(factories.erase_plan(MARIE), app=app)
    dismissed("dora")
    clock.sweep()
    sent = factories.stopped(factories.erase_plan(ARCHIVE), app=app)

    def page(ticket: Ticket) -> Any:
        return signed_in("ada").get(f"/tickets/{ticket.reference}/").content.decode()

    assert f'action="/tickets/{unsent.reference}/reopen/"' in page(unsent)
    assert f'action="/tickets/{sent.reference}/reopen/"' not in page(sent)
    assert "so its plan stays as it is" in page(sent)
    answer = signed_in("ada").post(f"/tickets/{unsent.reference}/reopen/", follow=True)
    assert "is a draft again. Nothing of it was sent." in answer.content.decode()
    assert now(unsent).state == State.DRAFT
