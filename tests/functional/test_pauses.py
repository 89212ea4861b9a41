"""The switch that stops sending, for one app or for all: seen by everybody, and obeyed at the last moment."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from requests_app.audit_actions import AuditAction
from requests_app.engine import claims
from requests_app.engine.context import Context
from requests_app.engine.phases import intend, send
from requests_app.enums import Mode, Outcome, State
from requests_app.models import AuditEntry, Pause, StreamApp, Ticket
from requests_app.workflow import pauses
from requests_app.workflow.permissions import NotPermitted
from requests_app.workflow.policies import UnableTo
from tests import factories
from tests.clock import Clock
from tests.people import actor, signed_in
from tests.sandbox_server import StandIn

pytestmark = pytest.mark.django_db(transaction=True)
REASON = "Stream has an incident."


def pause(app: StreamApp | None, by: str = "dora") -> Pause:
    return pauses.pause(app, actor=actor(by), now=timezone.now(), reason=REASON)


def lift(app: StreamApp | None) -> Pause:
    return pauses.lift(app, actor=actor("ruth"), now=timezone.now(), reason="It is over.")


@pytest.mark.parametrize("everything", [True, False])
def test_nothing_is_sent_while_sending_is_paused_and_all_goes_on_afterwards(
    app: StreamApp, stand_in: StandIn, everything: bool
) -> None:
    clock = Clock()
    scope = None if everything else app
    pause(scope)
    ticket = factories.approved(factories.erase_plan("marie.curie"), app=app)
    clock.sweep_for(seconds=10)
    assert stand_in.calls() == []
    assert Ticket.objects.get(pk=ticket.pk).state == State.RUNNING

    before = OrmQ.objects.count()
    lift(scope)
    assert OrmQ.objects.count() == before + 1
    clock.sweep_for(seconds=20)

    assert Ticket.objects.get(pk=ticket.pk).outcome == Outcome.ERASED


def test_a_pause_of_one_app_leaves_the_others_alone(app: StreamApp, stand_in: StandIn) -> None:
    other = StreamApp.objects.create(name="other", base_url=factories.NOWHERE, api_key="k", api_secret="s" * 20)
    pause(other)

    ticket = factories.approved(factories.export_plan("marie.curie"), app=app)
    Clock().sweep_for(seconds=10)

    assert Ticket.objects.get(pk=ticket.pk).outcome == Outcome.EXPORTED


def test_what_is_on_stream_is_still_asked_about(app: StreamApp) -> None:
    clock = Clock()
    ticket = factories.approved(factories.erase_plan("marie.curie", feeds_data=Mode.KEEP), app=app)
    clock.sweep()
    pause(None)

    clock.sweep_for(seconds=10)

    assert Ticket.objects.get(pk=ticket.pk).outcome == Outcome.ERASED_IN_PART


def test_a_pause_between_the_claim_and_the_call_still_holds_it_back(app: StreamApp, stand_in: StandIn) -> None:
    clock = Clock()
    factories.running(factories.erase_plan("marie.curie", feeds_data=Mode.KEEP), app=app)
    held = claims.claim_sendable(now=clock())
    pause(app)

    assert intend.intend(send.parcels(held), Context(pool=None, now=clock)) == []  # type: ignore[arg-type]
    assert stand_in.calls() == []


def test_pausing_and_lifting_leave_entries_with_the_reason_beside_the_chain() -> None:
    app = factories.stream_app()
    pause(app)
    lift(app)

    paused, lifted = AuditEntry.objects.filter(action__startswith="sending.").order_by("seq")
    assert (paused.action, lifted.action) == (AuditAction.SENDING_PAUSED, AuditAction.SENDING_LIFTED)
    assert paused.facts["app"] == app.pk
    assert "reason" in paused.texts
    assert REASON not in str(paused.facts)


@pytest.mark.parametrize("name", ["ada", "otto"])
def test_only_a_dpo_or_an_administrator_pulls_the_brake(name: str) -> None:
    with pytest.raises(NotPermitted, match="Only a data protection officer or an administrator"):
        pause(None, by=name)
    assert not Pause.objects.exists()
    assert AuditEntry.objects.filter(action=AuditAction.ATTEMPT_REFUSED).exists()


def test_what_is_paused_is_not_paused_again_and_what_is_not_is_not_lifted() -> None:
    app = factories.stream_app()
    with pytest.raises(UnableTo, match="not paused for chat-test"):
        lift(app)
    pause(app)
    pause(None)
    with pytest.raises(UnableTo, match="paused already for chat-test"):
        pause(app)
    with pytest.raises(UnableTo, match="paused already for all"):
        pause(None)


@pytest.mark.parametrize("everything", [True, False])
def test_the_database_itself_knows_one_open_pause_for_each(everything: bool) -> None:
    app = None if everything else factories.stream_app()
    pause(app)
    with pytest.raises(IntegrityError), transaction.atomic():
        Pause.objects.create(stream_app=app, reason="x", paused_at=timezone.now())


def test_the_page_pauses_and_goes_on_and_everybody_sees_it() -> None:
    app = factories.stream_app()
    dora = signed_in("dora")

    answer = dora.post("/sending/pause/", {"app": app.pk, "note": REASON}, follow=True)
    assert "Nothing more is sent to Stream for chat-test" in answer.content.decode()
    for name in ("ada", "otto", "ruth"):
        page = signed_in(name).get("/").content.decode()
        assert "Sending is paused for chat-test." in page
        assert REASON in page

    dora.post("/sending/lift/", {"app": app.pk, "note": "It is over."})
    assert "Sending is paused" not in signed_in("ada").get("/").content.decode()
    history = signed_in("otto").get("/sending/").content.decode()
    assert "Earlier pauses" in history
    assert "It is over." in history


def test_without_a_reason_the_field_says_what_is_missing() -> None:
    app = factories.stream_app()

    answer = signed_in("ruth").post("/sending/pause/", {"app": app.pk, "note": "  "})

    assert answer.status_code == 422
    assert answer.content.decode().count("Write the reason") == 1
    assert not Pause.objects.exists()


def test_an_app_that_is_not_there_is_told(client: Client) -> None:
    answer = signed_in("ruth").post("/sending/pause/", {"app": 999, "note": REASON})

    assert answer.status_code == 422
    assert "no such Stream app" in answer.content.decode()


def test_whoever_may_not_switch_sees_who_may() -> None:
    page = signed_in("ada").get("/sending/").content.decode()

    assert "Only a data protection officer or an administrator" in page
    assert "Pause sending" not in page
