"""What stands between one approval and a delete: a second person, an hour's bound, a cooling-off, a fresh password."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from requests_app.audit_actions import AuditAction
from requests_app.enums import Mode, State
from requests_app.models import AuditEntry, Decision, StreamApp, Ticket
from requests_app.views.freshness import SIGNED_IN_AT
from requests_app.workflow import approval, tickets
from requests_app.workflow.permissions import NotPermitted
from requests_app.workflow.policies import UnableTo
from tests import factories
from tests.clock import Clock
from tests.people import PASSWORD, actor, person, signed_in
from tests.sandbox_server import running_sandbox

pytestmark = pytest.mark.django_db(transaction=True)
WHO = "marie.curie"


def approve(ticket: Ticket, by: str) -> Ticket:
    ticket = Ticket.objects.get(pk=ticket.pk)
    return approval.approve(
        ticket,
        actor=actor(by),
        now=timezone.now(),
        confirm_user_id=ticket.plan["user_ids"][0],
        **factories.seen(ticket),
    )


def hard() -> Ticket:
    return factories.submitted(factories.erase_plan(WHO))


@pytest.fixture
def wary() -> StreamApp:
    return factories.stream_app(second_approver=True)


def test_a_hard_delete_of_a_wary_app_takes_two(wary: StreamApp) -> None:
    ticket = hard()

    assert approve(ticket, "dora").state == State.AWAITING_DECISION
    with pytest.raises(UnableTo, match="You approved this already"):
        approve(ticket, "dora")
    done = approve(ticket, "dan")

    assert (done.state, done.first_approved_by, done.approved_by) == (State.APPROVED, person("dora"), person("dan"))
    assert list(Decision.objects.values_list("decided_by__username", flat=True)) == ["dora", "dan"]
    told = AuditEntry.objects.get(action=AuditAction.TICKET_APPROVED_FIRST)
    assert "two data protection officers" in str(told.facts["why"])


@pytest.mark.parametrize("plan", [factories.soft_plan(WHO), factories.export_plan(WHO)], ids=["soft", "export"])
def test_what_deletes_nothing_hard_takes_one(wary: StreamApp, plan: Any) -> None:
    assert approve(factories.submitted(plan), "dora").state == State.APPROVED


def test_nothing_is_sent_on_the_word_of_the_first(wary: StreamApp) -> None:
    with running_sandbox() as started:
        factories.stream_app(base_url=started.base_url, api_key=started.key, second_approver=True)
        approve(hard(), "dora")

        Clock().sweep_for(seconds=30)

        assert started.calls() == []


def test_a_ticket_that_went_back_is_decided_from_the_start(wary: StreamApp) -> None:
    ticket = approve(hard(), "dora")
    tickets.send_back(ticket, actor=actor("dan"), now=timezone.now(), note="Which account?")
    tickets.submit(ticket, actor=actor("ada"), now=timezone.now())

    assert approve(ticket, "dan").state == State.AWAITING_DECISION


def test_the_database_knows_that_two_are_two(wary: StreamApp) -> None:
    ticket = approve(hard(), "dora")

    with pytest.raises(IntegrityError), transaction.atomic():
        Ticket.objects.filter(pk=ticket.pk).update(
            approved_by=person("dora"), approved_at=timezone.now(), approved_digest=ticket.plan_digest
        )


def test_what_goes_beyond_an_hours_bound_waits_for_a_second_person(settings: Any) -> None:
    settings.DSR_DELETES_PER_HOUR = 3
    first = factories.submitted(factories.erase_plan("a", "b"))
    second = factories.submitted(factories.erase_plan("c", "d"))
    third = factories.submitted(factories.erase_plan("e"))

    assert approve(first, "dora").state == State.APPROVED
    assert approve(second, "dora").state == State.AWAITING_DECISION
    assert approve(third, "dan").state == State.APPROVED
    assert approve(second, "dan").state == State.APPROVED
    why = AuditEntry.objects.get(action=AuditAction.TICKET_APPROVED_FIRST).facts["why"]
    assert why == ("One person may approve the erasure of 3 accounts an hour; you approved 2, and this ticket has 2.")


def test_the_hour_passes_and_exports_do_not_count(settings: Any) -> None:
    settings.DSR_DELETES_PER_HOUR = 1
    first = approve(factories.submitted(factories.erase_plan("a")), "dora")
    Ticket.objects.filter(pk=first.pk).update(approved_at=timezone.now() - timedelta(minutes=61))
    approve(factories.submitted(factories.export_plan("b")), "dora")

    assert approve(factories.submitted(factories.erase_plan("c")), "dora").state == State.APPROVED


@pytest.fixture
def cooling() -> Iterator[Any]:
    with running_sandbox() as started:
        factories.stream_app(base_url=started.base_url, api_key=started.key, cooling_off_hours=24)
        yield started


def test_nothing_is_begun_before_the_cooling_off_is_over(cooling: Any) -> None:
    clock = Clock()
    ticket = factories.approved(factories.erase_plan(WHO, feeds_data=Mode.KEEP), at=clock())

    clock.sweep_for(seconds=30)
    ticket.refresh_from_db()
    assert (ticket.state, cooling.calls()) == (State.APPROVED, [])

    clock.forward(hours=24)
    clock.sweep_for(seconds=120)
    ticket.refresh_from_db()
    assert ticket.state == State.COMPLETED


def test_an_export_has_no_cooling_off(cooling: Any) -> None:
    assert factories.approved(factories.export_plan(WHO)).not_before is None


@pytest.mark.parametrize("who", ["ben", "dora", "otto", "ruth"])
def test_everybody_who_sees_the_ticket_may_cancel_it_while_it_cools(who: str) -> None:
    factories.stream_app(cooling_off_hours=24)
    ticket = factories.approved(factories.erase_plan(WHO))
    client = signed_in(who)

    assert "Cancel the request" in client.get(f"/tickets/{ticket.reference}/").content.decode()
    client.post(f"/tickets/{ticket.reference}/cancel/", {"note": "The person changed their mind."})

    ticket.refresh_from_db()
    assert ticket.state == State.CANCELLED


def test_who_only_reviews_cancels_nothing_without_a_cooling_off() -> None:
    ticket = factories.approved(factories.erase_plan(WHO))

    with pytest.raises(NotPermitted):
        tickets.cancel(ticket, actor=actor("otto"), now=timezone.now())


def old_sign_in(client: Client) -> None:
    session = client.session
    session[SIGNED_IN_AT] = session[SIGNED_IN_AT] - 301
    session.save()


def test_an_old_sign_in_is_asked_for_the_password_and_then_the_approval_goes_through() -> None:
    ticket, dora = hard(), signed_in("dora")
    old_sign_in(dora)
    assert "You will be asked for your password" in dora.get(f"/tickets/{ticket.reference}/").content.decode()

    asked = dora.post(f"/tickets/{ticket.reference}/approve/", {"confirm_user_id": WHO, **factories.seen(ticket)})
    ticket.refresh_from_db()
    assert (asked.status_code, ticket.state) == (302, State.AWAITING_DECISION)
    assert asked["Location"].startswith("/accounts/reauthenticate/")

    wrong = dora.post(asked["Location"], {"password": "not-it"})
    ticket.refresh_from_db()
    assert (wrong.status_code, ticket.state) == (200, State.AWAITING_DECISION)

    done = dora.post(asked["Location"], {"password": PASSWORD}, follow=True)
    ticket.refresh_from_db()
    assert ticket.state == State.APPROVED
    assert f"{ticket.reference} is approved" in done.content.decode()


def test_a_fresh_sign_in_is_not_asked_again() -> None:
    ticket = hard()

    signed_in("dora").post(f"/tickets/{ticket.reference}/approve/", {"confirm_user_id": WHO, **factories.seen(ticket)})

    ticket.refresh_from_db()
    assert ticket.state == State.APPROVED


def test_an_administrator_sets_the_safeguards_of_every_app_and_it_is_recorded() -> None:
    app = StreamApp.objects.create(name="of the environment", from_environment=True)
    ruth = signed_in("ruth")

    assert ruth.post(f"/apps/{app.pk}/safeguards/", {"cooling_off_hours": "73"}).status_code == 422
    ruth.post(
        f"/apps/{app.pk}/safeguards/", {"identity_required": "on", "cooling_off_hours": "24", "second_approver": "on"}
    )

    app.refresh_from_db()
    assert (app.cooling_off_hours, app.second_approver) == (24, True)
    told = AuditEntry.objects.get(action=AuditAction.APP_SAVED)
    assert told.facts["changed"] == ["cooling_off_hours", "second_approver"]
    assert signed_in("dora").get(f"/apps/{app.pk}/safeguards/").status_code == 403


def test_the_page_tells_the_first_of_two_and_names_the_first_to_the_second(wary: StreamApp) -> None:
    ticket = hard()
    page = f"/tickets/{ticket.reference}/"

    assert "must approve after you" in signed_in("dora").get(page).content.decode()
    approve(ticket, "dora")
    assert "Dora Dpo approved first" in signed_in("dan").get(page).content.decode()
    assert "You approved this already" in signed_in("dora").get(page).content.decode()


@pytest.mark.parametrize(("plan", "words"), [("hard", "is gone for good"), ("pruning", "Pruning emptied the user")])
def test_what_cannot_be_restored_says_why(plan: str, words: str) -> None:
    made = factories.erase_plan(WHO) if plan == "hard" else factories.soft_plan(WHO, user=Mode.PRUNING)
    ticket = factories.completed(made)
    dora = signed_in("dora")

    assert words in dora.get(f"/tickets/{ticket.reference}/").content.decode()
    assert dora.post(f"/tickets/{ticket.reference}/restore/", {"note": "By mistake."}).status_code == 422


def test_an_approval_of_what_is_decided_already_keeps_the_note_that_was_typed() -> None:
    ticket, dora = factories.submitted(), signed_in("dora")
    typed = {"note": "Grounds checked at length.", "confirm_user_id": ticket.plan["user_ids"][0], "ground": "17_1_a"}
    typed |= factories.seen(ticket)
    tickets.send_back(ticket, actor=actor("dan"), now=timezone.now(), note="Which account?")

    answer = dora.post(f"/tickets/{ticket.reference}/approve/", typed)

    assert answer.status_code == 422
    assert "Grounds checked at length." in answer.content.decode()


def test_a_restore_says_what_does_not_come_back_and_asks_an_old_sign_in() -> None:
    ticket, dora = factories.completed(factories.soft_plan(WHO)), signed_in("dora")
    assert (
        "messages, conversations, calls and reactions do not come back"
        in dora.get(f"/tickets/{ticket.reference}/").content.decode()
    )
    old_sign_in(dora)

    asked = dora.post(f"/tickets/{ticket.reference}/restore/", {"note": "By mistake."})

    ticket.refresh_from_db()
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    assert ticket.state == State.COMPLETED
