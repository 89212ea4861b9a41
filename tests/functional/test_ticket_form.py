"""The form of a request: parts that follow the choices, complaints at their fields, and nothing half done."""

from __future__ import annotations

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from requests_app.audit_actions import AuditAction
from requests_app.enums import Kind, Mode, State
from requests_app.models import AuditEntry, StreamApp, Ticket
from requests_app.workflow import plan as plans
from requests_app.workflow import tickets
from tests import factories
from tests.people import actor, person, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Client:
    client = Client()
    client.force_login(person("ada"))
    return client


def typed(**changes: Any) -> dict[str, Any]:
    """An erasure as the form sends it."""
    values = {
        "kind": "erase",
        "stream_app": str(factories.stream_app().pk),
        "user_ids": "u_1\r\n u_2 \r\n\r\n",
        "received_on": timezone.localdate().isoformat(),
        "channel": "email",
        "requester_name": "Mia Person",
        "requester_email": "mia@example.org",
        "feeds_data": "keep",
        "user": "hard",
        "messages": "hard",
        "conversations": "hard",
        "calls": "soft",
        "files": "on",
        "new_channel_owner_id": "svc-archive",
        "copy_first": "on",
        "ground": "17_1_b",
        "note": "Confirmed by phone.",
        "action": "draft",
    }
    return {name: value for name, value in (values | changes).items() if value is not None}


def export(**changes: Any) -> dict[str, Any]:
    """An export as the form sends it."""
    erase_only = dict.fromkeys((*plans.MODES, "files", "copy_first", "ground", "new_channel_owner_id"), None)
    return typed(**({"kind": "export", "export_user_data": "on"} | erase_only | changes))


def test_a_draft_holds_what_was_typed(ada: Client) -> None:
    answer = ada.post("/tickets/new/", typed())

    ticket = Ticket.objects.get()
    plan = plans.from_json(ticket.plan)
    assert (answer.status_code, answer["Location"]) == (302, f"/tickets/{ticket.reference}/")
    assert (ticket.state, ticket.requester_name, ticket.ground) == (State.DRAFT, "Mia Person", "17_1_b")
    assert plan == plans.Plan(
        kind=Kind.ERASE,
        user_ids=("u_1", "u_2"),
        user=Mode.HARD,
        messages=Mode.HARD,
        conversations=Mode.HARD,
        calls=Mode.SOFT,
        files=True,
        new_channel_owner_id="svc-archive",
        copy_first=True,
    )
    assert [account.user_id for account in ticket.accounts.all()] == ["u_1", "u_2"]
    assert ticket.notes.get().text == "Confirmed by phone."


def test_it_is_sent_to_the_dpo_at_once_where_that_is_wanted(ada: Client) -> None:
    ada.post("/tickets/new/", typed(action="submit"))

    assert Ticket.objects.get().state == State.AWAITING_DECISION


def test_an_export_needs_nothing_of_an_erasure(ada: Client) -> None:
    answer = ada.post("/tickets/new/", export(export_feeds_data="yes"))

    assert answer.status_code == 302
    plan = plans.from_json(Ticket.objects.get().plan)
    assert (plan.kind, plan.export_user_data, plan.export_feeds_data) == (Kind.EXPORT, True, True)


@pytest.mark.parametrize("word", ["yes", "on", "true", "1", "YES"])
def test_yes_has_several_spellings(ada: Client, word: str) -> None:
    ada.post("/tickets/new/", typed(files=word, copy_first="no"))

    plan = plans.from_json(Ticket.objects.get().plan)
    assert (plan.files, plan.copy_first) == (True, False)


TOMORROW = (timezone.localdate() + timedelta(days=1)).isoformat()


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ({"kind": ""}, "kind", "Choose whether"),
        ({"kind": "move"}, "kind", "no request “move”"),
        ({"user": "hardest"}, "user", "no mode “hardest”"),
        ({"conversations": "pruning"}, "conversations", "no mode “pruning”"),
        ({"messages": "soft"}, "messages", "hard messages, too"),
        ({"conversations": "keep"}, "conversations", "hard conversations, too"),
        ({"user": "keep"}, "files", "only with the user"),
        ({"new_channel_owner_id": "u_1"}, "new_channel_owner_id", "Name somebody else"),
        ({"user": "soft"}, "new_channel_owner_id", "hard-deleted"),
        ({"user_ids": ""}, "user_ids", "at least one"),
        ({"user_ids": ".."}, "user_ids", "cannot be user ids"),
        ({"user_ids": "u_1\nu_1"}, "user_ids", "once"),
        ({"user_ids": "x" * 256}, "user_ids", "at most 255"),
        ({"user_ids": "\n".join(f"u{number}" for number in range(101))}, "user_ids", "at most 100"),
        ({"received_on": TOMORROW}, "received_on", "in the future"),
        ({"received_on": "2017-01-01"}, "received_on", "25 May 2018"),
        ({"received_on": "soon"}, "received_on", "no date"),
        ({"received_on": ""}, "received_on", "Enter the day"),
        ({"stream_app": "999"}, "stream_app", "takes no new requests"),
        ({"stream_app": "x"}, "stream_app", "takes no new requests"),
        ({"channel": "pigeon"}, "channel", "no such way"),
        ({"requester_email": "nowhere"}, "requester_email", "no e-mail address"),
        ({"ground": "17_9"}, "ground", "no such ground"),
        ({"files": "perhaps"}, "files", "yes or no"),
        ({"note": "x" * 4001}, "note", "more than 4000"),
        ({"action": "approve"}, "__all__", "save a draft"),
    ],
)
def test_it_answers_422_at_the_field_and_does_nothing(
    ada: Client, change: dict[str, str], field: str, sentence: str
) -> None:
    factories.stream_app()

    answer = ada.post("/tickets/new/", typed(**({"action": "submit"} | change)))

    assert answer.status_code == 422
    assert any(sentence in text for text in answer.context["form"].errors[field])
    assert sentence in unescape(answer.content.decode())
    assert not Ticket.objects.exists()
    assert set(AuditEntry.objects.values_list("action", flat=True)) == {AuditAction.SIGNED_IN}


def test_what_was_typed_comes_back(ada: Client) -> None:
    page = ada.post("/tickets/new/", typed(messages="soft")).content.decode()

    assert 'id="id_messages_soft" name="messages" value="soft" checked aria-invalid="true"' in page
    assert "svc-archive" in page
    assert "Confirmed by phone." in page


def test_a_second_open_ticket_is_told_at_the_ids(ada: Client) -> None:
    first = factories.draft(factories.erase_plan("u_2"))

    answer = ada.post("/tickets/new/", typed(action="submit"))

    assert answer.status_code == 422
    link = f'<a href="/tickets/{first.reference}/">{first.reference}</a> is already open'
    assert link in answer.context["form"].errors["user_ids"][0]
    assert link in answer.content.decode()
    assert Ticket.objects.count() == 1


def test_an_app_that_rests_takes_no_request(ada: Client) -> None:
    sent = typed()
    StreamApp.objects.update(is_active=False)

    assert ada.post("/tickets/new/", sent).status_code == 422


def choices(client: Client, **changes: Any) -> str:
    answer = client.post("/tickets/new/plan/", typed(**changes), headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def test_parts_appear_and_disappear_with_the_choices(ada: Client) -> None:
    assert "new_channel_owner_id" in choices(ada)
    assert "new_channel_owner_id" not in choices(
        ada, user="soft", messages="soft", conversations="keep", new_channel_owner_id=""
    )
    assert 'name="files"' not in choices(ada, user="keep", files="")
    assert 'name="user"' not in choices(ada, kind="export")
    assert 'name="export_user_data"' in choices(ada, kind="export")


def test_they_complain_while_one_chooses(ada: Client) -> None:
    assert "A hard user delete needs hard messages, too." in choices(ada, messages="soft")
    assert "Name somebody else." in choices(ada, new_channel_owner_id="u_1")
    assert 'role="alert"' not in choices(ada)


def test_the_plan_beside_the_form_is_what_would_be_sent(ada: Client) -> None:
    shown = choices(ada)

    assert "POST /api/v2/users/delete" in shown
    assert '"calls": "soft"' in shown
    assert '"new_channel_owner_id": "svc-archive"' in shown
    assert "This cannot be undone." in shown
    assert 'hx-swap-oob="true"' in shown


def test_an_export_begins_with_everything(ada: Client) -> None:
    shown = choices(ada, kind="export", shown="erase")

    assert shown.count("checked") == 2
    assert choices(ada, kind="export", shown="export").count("checked") == 0


def test_it_works_without_javascript(ada: Client) -> None:
    answer = ada.post("/tickets/new/", typed(action="refresh", shown="export", user_ids=""))

    page = answer.content.decode()
    assert answer.status_code == 200
    assert 'name="messages"' in page
    assert 'role="alert"' not in page
    assert not Ticket.objects.exists()
    assert 'value="refresh"' in ada.get("/tickets/new/").content.decode()


def test_a_preset_fills_the_modes_and_a_changed_mode_is_a_choice_of_ones_own(ada: Client) -> None:
    everything = choices(ada, preset="everything", user="keep", messages="keep", conversations="keep", files="")
    assert 'id="id_user_hard" name="user" value="hard" checked' in everything
    assert '"files": true' in everything
    assert 'value="everything" aria-pressed="true"' in " ".join(everything.split())
    assert "Own choice" not in everything

    identity = choices(ada, preset="identity")
    assert '"user": "pruning"' in identity
    assert 'id="id_messages_keep" name="messages" value="keep" checked' in identity
    assert "new_channel_owner_id" not in identity, "an owner is left over from a hard delete"

    assert "Own choice" in choices(ada)


def test_a_preset_works_without_javascript(ada: Client) -> None:
    page = ada.post("/tickets/new/", typed(preset="hide", action=None)).content.decode()

    assert 'id="id_messages_soft" name="messages" value="soft" checked' in page
    assert not Ticket.objects.exists()


def test_an_edit_shows_the_stored_ticket_and_changes_it(ada: Client) -> None:
    ticket = factories.draft(factories.erase_plan("u_1"))
    page = ada.get(f"/tickets/{ticket.reference}/edit/").content.decode()
    assert 'id="id_feeds_data_hard" name="feeds_data" value="hard" checked' in page

    answer = ada.post(f"/tickets/{ticket.reference}/edit/", typed(revision=ticket.revision))

    ticket.refresh_from_db()
    assert answer.status_code == 302
    assert ticket.plan["calls"] == "soft"
    assert ticket.edited_by == person("ada")


def test_an_edit_of_what_changed_meanwhile_answers_409_and_keeps_the_other(ada: Client) -> None:
    ticket = factories.draft(factories.erase_plan("u_1"))
    ada.post(f"/tickets/{ticket.reference}/edit/", typed(revision=ticket.revision))
    kept = Ticket.objects.values().get()

    answer = ada.post(f"/tickets/{ticket.reference}/edit/", typed(revision=ticket.revision, calls="hard"))

    assert answer.status_code == 409
    assert "Somebody else changed this ticket" in answer.content.decode()
    assert Ticket.objects.values().get() == kept


def test_a_ticket_that_was_sent_is_not_edited(ada: Client) -> None:
    ticket = factories.submitted()

    answer = ada.post(f"/tickets/{ticket.reference}/edit/", typed())

    assert answer.status_code == 422
    assert "Edit is not possible: the ticket is “Waiting for DPO”." in answer.content.decode()


def test_a_wrong_edit_answers_422_and_changes_nothing(ada: Client) -> None:
    ticket = factories.draft(factories.erase_plan("u_1"))
    before = Ticket.objects.values().get()

    answer = ada.post(f"/tickets/{ticket.reference}/edit/", typed(messages="soft", action="submit"))

    assert answer.status_code == 422
    assert Ticket.objects.values().get() == before


COSTS_THE_APPROVAL = "can no longer approve it"


def test_whoever_may_approve_reads_before_typing_that_it_costs_them_the_approval() -> None:
    ticket = factories.sent_back()
    edit = reverse("ticket-edit", args=[ticket.reference])

    for who, told in (("dan", True), ("ada", False), ("ben", False)):
        client = signed_in(who)
        for address in (reverse("ticket-new"), edit):
            assert (COSTS_THE_APPROVAL in client.get(address).content.decode()) == told, (who, address)


def test_whoever_worked_on_it_already_has_nothing_to_lose() -> None:
    ticket = factories.sent_back()
    dan = signed_in("dan")
    edit = reverse("ticket-edit", args=[ticket.reference])
    tickets.edit_ticket(ticket, factories.intake(plans.from_json(ticket.plan)), actor=actor("dan"), now=timezone.now())

    assert COSTS_THE_APPROVAL not in dan.get(edit).content.decode()
