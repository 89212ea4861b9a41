"""A legal hold keeps an account from being erased: when it is asked for, decided, and at the last moment."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from requests_app.audit_actions import AuditAction
from requests_app.engine import claims
from requests_app.engine.context import Context
from requests_app.engine.phases import intend, send
from requests_app.enums import Mode, State
from requests_app.models import AuditEntry, LegalHold, StreamApp, Ticket
from requests_app.workflow import aftercare, approval, holds, tickets
from requests_app.workflow.permissions import NotPermitted
from requests_app.workflow.policies import UnableTo
from tests import factories
from tests.clock import Clock
from tests.people import actor, signed_in
from tests.sandbox_server import StandIn

pytestmark = pytest.mark.django_db(transaction=True)
WHO = "marie.curie"
REASON = "A claim is open before the court of Hamburg."


@pytest.fixture
def app() -> StreamApp:
    return factories.stream_app()


def hold(app: StreamApp, user_id: str = WHO, by: str = "dora") -> LegalHold:
    return holds.place(app, user_id, actor=actor(by), now=timezone.now(), reason=REASON)


def lift(one: LegalHold) -> LegalHold:
    return holds.lift(one, actor=actor("dan"), now=timezone.now(), reason="The claim is settled.")


def fresh(ticket: Ticket) -> Ticket:
    return Ticket.objects.get(pk=ticket.pk)


def test_an_erasure_on_hold_is_neither_submitted_nor_approved_until_it_is_lifted(app: StreamApp) -> None:
    draft = factories.draft(factories.erase_plan(WHO), app=app)
    waiting = factories.submitted(factories.erase_plan("ada.lovelace"), app=app)
    first, _ = hold(app), hold(app, "ada.lovelace")

    with pytest.raises(UnableTo, match="legal hold"):
        tickets.submit(draft, actor=actor("ada"), now=timezone.now())
    with pytest.raises(UnableTo, match="legal hold"):
        approval.approve(
            waiting, actor=actor("dora"), now=timezone.now(), confirm_user_id="ada.lovelace", **factories.seen(waiting)
        )
    lift(first)

    assert tickets.submit(fresh(draft), actor=actor("ada"), now=timezone.now()).state == State.AWAITING_DECISION
    assert fresh(waiting).state == State.AWAITING_DECISION


def test_an_export_goes_on_and_so_does_the_same_id_of_another_app(app: StreamApp) -> None:
    other = StreamApp.objects.create(
        name="another-app", base_url=app.base_url, api_key="another-key", api_secret="secret", identity_required=False
    )
    hold(app)

    assert factories.approved(factories.export_plan(WHO), app=app).state == State.APPROVED
    assert factories.approved(factories.erase_plan(WHO), app=other).state == State.APPROVED


def test_a_hold_placed_after_the_approval_stops_the_ticket_before_its_first_delete(stand_in: StandIn) -> None:
    app, clock = factories.stream_app(base_url=stand_in.base_url, api_key=stand_in.key), Clock()
    held = factories.approved(factories.erase_plan(WHO), app=app)
    free = factories.approved(factories.erase_plan("marta.lindqvist"), app=app)
    one = hold(app)

    clock.sweep_for(seconds=60)

    assert fresh(held).state == State.NEEDS_ATTENTION
    assert "legal hold" in fresh(held).attention
    assert fresh(free).state == State.COMPLETED
    assert not any(WHO in str(call) for call in stand_in.calls())
    with pytest.raises(UnableTo, match="legal hold"):
        retry(held)

    lift(one)
    retry(held)
    clock.sweep_for(seconds=200)

    assert fresh(held).state == State.COMPLETED


def retry(ticket: Ticket) -> None:
    aftercare.retry(fresh(ticket), actor=actor("ada"), now=timezone.now(), note="The hold is lifted.")


def test_a_hold_placed_between_the_claim_and_the_intent_is_obeyed(stand_in: StandIn) -> None:
    app, clock = factories.stream_app(base_url=stand_in.base_url, api_key=stand_in.key), Clock()
    ticket = factories.running(factories.erase_plan(WHO, feeds_data=Mode.KEEP), app=app)
    steps = claims.claim_sendable(now=clock())
    hold(app)

    intended = intend.intend(send.parcels(steps), Context(pool=None, now=clock, linger=0))  # type: ignore[arg-type]

    assert (len(steps), intended) == (1, [])
    assert fresh(ticket).state == State.NEEDS_ATTENTION


def test_placing_and_lifting_take_a_dpo_and_a_reason_and_leave_entries(app: StreamApp) -> None:
    with pytest.raises(NotPermitted, match="data protection officer"):
        hold(app, by="ada")
    with pytest.raises(UnableTo, match="reason"):
        holds.place(app, WHO, actor=actor("dora"), now=timezone.now(), reason="  ")
    with pytest.raises(UnableTo, match=r"\."):
        hold(app, "")
    one = hold(app)
    with pytest.raises(UnableTo, match="on hold already"):
        hold(app)
    lift(one)
    with pytest.raises(UnableTo, match="lifted already"):
        lift(one)

    told = AuditEntry.objects.filter(action__startswith="hold.").order_by("seq")
    assert [entry.action for entry in told] == [AuditAction.HOLD_PLACED, AuditAction.HOLD_LIFTED]
    assert all(WHO not in str(entry.facts) and entry.subjects for entry in told)
    assert AuditEntry.objects.filter(action=AuditAction.ATTEMPT_REFUSED).count() == 1


def test_the_database_keeps_one_open_hold_per_account(app: StreamApp) -> None:
    one = hold(app)
    again = LegalHold(stream_app=app, user_id=WHO, reason="x", placed_by_id=one.placed_by_id, placed_at=timezone.now())
    with pytest.raises(IntegrityError), transaction.atomic():
        again.save()


def test_the_page_places_and_lifts_and_names_the_tickets_that_it_stops(app: StreamApp) -> None:
    ticket = factories.submitted(factories.erase_plan(WHO), app=app)
    dora = signed_in("dora")

    assert dora.post("/holds/place/", {"stream_app": app.pk, "user_id": WHO, "note": " "}).status_code == 422
    placed = dora.post("/holds/place/", {"stream_app": app.pk, "user_id": WHO, "note": REASON}, follow=True)
    assert ticket.reference in placed.content.decode()
    assert WHO in placed.content.decode()

    one = LegalHold.objects.get()
    assert dora.post(f"/holds/{one.pk}/lift/", {"note": ""}).status_code == 422
    lifted = dora.post(f"/holds/{one.pk}/lift/", {"note": "Settled."}, follow=True)
    assert "Nothing is on hold" in lifted.content.decode()
    assert dora.post(f"/holds/{one.pk}/lift/", {"note": "Again."}).status_code == 422


def test_an_auditor_sees_the_hold_and_not_whose_it_is(app: StreamApp) -> None:
    hold(app)

    shown = signed_in("otto").get("/holds/").content.decode()

    assert REASON in shown
    assert WHO not in shown


def test_the_ticket_says_that_it_is_on_hold_next_to_what_is_not_possible(app: StreamApp) -> None:
    ticket = factories.submitted(factories.erase_plan(WHO), app=app)
    hold(app)

    shown = signed_in("dora").get(f"/tickets/{ticket.reference}/").content.decode()

    assert "A legal hold is on" in shown
    assert "On legal hold." in shown
