"""The form that saves itself: a draft once it is complete, kept for one person before, and nothing lost or hidden."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from requests_app.audit_actions import AuditAction
from requests_app.enums import State
from requests_app.models import AuditEntry, Contribution, FormDraft, Ticket
from requests_app.upkeep import form_drafts
from requests_app.workflow import approval, tickets
from requests_app.workflow import autosave as saving
from requests_app.workflow.permissions import NotPermitted
from tests import factories
from tests.canary import NAME
from tests.factories import WORKER
from tests.functional.test_ticket_form import typed
from tests.people import actor, person, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Client:
    return signed_in("ada")


@pytest.fixture
def session() -> str:
    return secrets.token_hex(16)


def keep(client: Client, session: str, **changes: Any) -> Any:
    values = typed(session=session, action=None, **changes)
    return client.post("/tickets/new/keep/", values, headers={"HX-Request": "true"})


def entries() -> list[str]:
    told = AuditEntry.objects.filter(action__startswith="ticket.").exclude(action="ticket.read").order_by("seq")
    return list(told.values_list("action", flat=True))


def test_a_complete_form_becomes_a_draft_and_goes_on_as_the_same(ada: Client, session: str) -> None:
    answer = keep(ada, session)
    ticket = Ticket.objects.get()

    assert "Saved " in answer.content.decode()
    assert f'name="draft" value="{ticket.reference}"' in answer.content.decode()
    assert answer["HX-Replace-Url"] == f"/tickets/{ticket.reference}/edit/"

    keep(ada, session, draft=ticket.reference, revision=ticket.revision, calls="hard")
    ticket.refresh_from_db()
    assert Ticket.objects.count() == 1
    assert ticket.plan["calls"] == "hard"


def test_an_unfinished_form_is_kept_sealed_for_one_person(ada: Client, session: str) -> None:
    answer = keep(ada, session, user_ids="", requester_name=NAME)

    assert "Kept for you" in answer.content.decode()
    assert not Ticket.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT content FROM requests_app_formdraft")
        assert NAME not in cursor.fetchone()[0]
    assert f"?kept={session}" in ada.get("/tickets/new/").content.decode()
    assert NAME in ada.get(f"/tickets/new/?kept={session}").content.decode()

    ben = signed_in("ben")
    assert "?kept=" not in ben.get("/tickets/new/").content.decode()
    assert NAME not in ben.get(f"/tickets/new/?kept={session}").content.decode()
    keep(ben, session, user_ids="", requester_name="Somebody else")
    assert NAME in ada.get(f"/tickets/new/?kept={session}").content.decode()


def test_it_goes_when_it_is_saved_thrown_away_or_old(ada: Client, session: str) -> None:
    keep(ada, session, user_ids="")
    ada.post("/tickets/new/", typed(session=session))
    assert not FormDraft.objects.exists()

    keep(ada, session, user_ids="")
    ada.post("/tickets/new/forget/", {"session": session})
    assert not FormDraft.objects.exists()

    keep(ada, session, user_ids="")
    form_drafts.run(WORKER, timezone.now() + form_drafts.KEPT - timedelta(minutes=1))
    assert FormDraft.objects.exists()
    form_drafts.run(WORKER, timezone.now() + form_drafts.KEPT)
    assert not FormDraft.objects.exists()


def test_the_log_is_not_flooded_and_never_silent(ada: Client, session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for calls in ("soft", "hard", "soft", "hard"):
        keep(ada, session, calls=calls)
    assert entries() == ["ticket.open"]

    monkeypatch.setattr(tickets, "ONE_EDIT", timedelta(0))
    keep(ada, session, calls="soft")
    keep(ada, session, calls="soft")
    assert entries() == ["ticket.open", "ticket.edit"], "what changes nothing leaves no entry"
    assert AuditEntry.objects.get(action="ticket.edit").facts["automatic"] is True

    monkeypatch.undo()
    keep(ada, session, calls="hard")
    ticket = Ticket.objects.get()
    ada.post(f"/tickets/{ticket.reference}/edit/", typed(session=session, revision=ticket.revision, calls="hard"))
    assert entries()[-1] == "ticket.edit"
    assert AuditEntry.objects.filter(action="ticket.edit").latest("seq").facts["plan_digest"] == ticket.plan_digest


def test_another_persons_edit_in_between_leaves_an_entry(ada: Client, session: str) -> None:
    keep(ada, session)
    ticket = Ticket.objects.get()
    keep(signed_in("ben"), secrets.token_hex(16), draft=ticket.reference, revision=ticket.revision, calls="hard")

    assert entries() == ["ticket.open", "ticket.edit"]


def test_whoever_saved_by_itself_may_not_approve(ada: Client, session: str) -> None:
    ticket = factories.draft(factories.erase_plan("u_1"))
    keep(signed_in("dora"), session, draft=ticket.reference, revision=ticket.revision)
    ticket.refresh_from_db()

    assert set(Contribution.objects.values_list("actor__username", flat=True)) == {"ada", "dora"}
    assert ticket.edited_by == person("dora")
    tickets.submit(ticket, actor=actor("ada"), now=timezone.now())
    shown = factories.seen(ticket)
    with pytest.raises(NotPermitted, match="opened or edited"):
        approval.approve(ticket, actor=actor("dora"), now=timezone.now(), confirm_user_id="u_1", **shown)


def test_a_conflict_is_told_and_what_was_typed_is_kept(ada: Client, session: str) -> None:
    ticket = factories.draft(factories.erase_plan("u_1"))
    shown = ticket.revision
    tickets.edit_ticket(ticket, factories.intake(factories.soft_plan("u_1")), actor=actor("ben"), now=timezone.now())
    before = Ticket.objects.values().get()

    for _ in range(2):
        answer = keep(ada, session, draft=ticket.reference, revision=shown, requester_name=NAME)
        assert answer.status_code == 409
        assert "Somebody else changed this ticket" in answer.content.decode()
        assert f'name="revision" value="{shown}"' in answer.content.decode()

    assert Ticket.objects.values().get() == before
    assert saving.typed(FormDraft.objects.get())["requester_name"] == NAME
    page = ada.get(f"/tickets/{ticket.reference}/edit/").content.decode()
    assert f"?kept={session}" in page


def test_ones_own_save_on_the_way_is_no_conflict_with_oneself(ada: Client, session: str) -> None:
    ticket = factories.draft(factories.erase_plan("u_1"))
    shown = ticket.revision
    keep(ada, session, draft=ticket.reference, revision=shown)

    answer = ada.post(f"/tickets/{ticket.reference}/edit/", typed(session=session, revision=shown, calls="hard"))

    assert answer.status_code == 302
    assert Ticket.objects.get().plan["calls"] == "hard"


def test_sending_while_the_draft_is_being_saved_makes_one_ticket(
    ada: Client, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(ada, session)
    real, blind = saving.of_session, [None]
    # At first the page's own save is not to be seen yet.
    monkeypatch.setattr(saving, "of_session", lambda *args: blind.pop() if blind else real(*args))

    answer = ada.post("/tickets/new/", typed(session=session, action="submit"))

    assert answer.status_code == 302
    assert Ticket.objects.get().state == State.AWAITING_DECISION


def test_the_note_waits_until_it_is_saved_by_hand_and_is_not_lost(ada: Client, session: str) -> None:
    keep(ada, session, note="Confirmed by ph")
    keep(ada, session, note="Confirmed by phone.")
    ticket = Ticket.objects.get()
    assert not ticket.notes.exists()
    page = ada.get(f"/tickets/{ticket.reference}/edit/").content.decode()
    assert "Confirmed by phone." in page

    ada.post("/tickets/new/", typed(session=session, draft=ticket.reference, note="Confirmed by phone."))
    assert [note.text for note in ticket.notes.all()] == ["Confirmed by phone."]
    assert not FormDraft.objects.exists()


def test_an_id_that_is_open_elsewhere_is_told_and_kept(ada: Client, session: str) -> None:
    other = factories.draft(factories.erase_plan("u_2"))
    page = keep(ada, session).content.decode()

    assert f"Not saved: {other.reference} is already open" in page
    assert Ticket.objects.count() == 1
    assert FormDraft.objects.get().is_unfinished


def test_a_ticket_that_was_sent_is_not_changed(ada: Client, session: str) -> None:
    ticket = factories.submitted(factories.erase_plan("u_1"))
    before = Ticket.objects.values().get()
    page = keep(ada, session, draft=ticket.reference, revision=ticket.revision).content.decode()

    assert "Not saved: Edit is not possible" in page
    assert Ticket.objects.values().get() == before


def test_only_casework_keeps_anything(session: str) -> None:
    assert keep(signed_in("otto"), session).status_code == 403
    assert not FormDraft.objects.exists()
    assert AuditEntry.objects.filter(action=AuditAction.ATTEMPT_REFUSED.value).count() == 1


def test_nothing_is_kept_of_an_empty_form(ada: Client, session: str) -> None:
    assert keep(ada, session, kind="").status_code == 204
    assert not FormDraft.objects.exists()
