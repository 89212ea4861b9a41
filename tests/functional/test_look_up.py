"""The look at Stream while one types and when a request is sent: few reads, no name kept, and never in the way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.core import serializers
from django.test import Client
from django.utils import timezone

from requests_app.audit_actions import AuditAction
from requests_app.engine import lookup
from requests_app.enums import State
from requests_app.models import Account, AppHealth, AuditEntry, Budget, StreamApp, Ticket
from requests_app.workflow import holds, pauses
from tests import factories
from tests.canary import NAME, USER_ID
from tests.functional.test_ticket_form import export, typed
from tests.people import actor, person
from tests.sandbox_server import StandIn, running_sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> Client:
    client = Client()
    client.force_login(person("ada"))
    return client


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with running_sandbox() as started:
        factories.stream_app(base_url=started.base_url, api_key=started.key)
        yield started


def make(stand_in: StandIn, user_id: str, name: str = "", *, days_ago: int = 400) -> None:
    users = {user_id: {"id": user_id, "name": name}}
    stand_in.client().transport.exchange("UpdateUsers", "POST", "/users", body={"users": users}, changes=True)
    with stand_in.store.lock:
        stand_in.store.run("UPDATE users SET created_at = created_at - ? WHERE id = ?", days_ago * 86_400, user_id)
        stand_in.store.connection.commit()


def shown(client: Client, **changes: Any) -> str:
    answer = client.post("/tickets/new/look-up/", typed(**changes), headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return " ".join(unescape(answer.content.decode()).split())


def test_it_names_the_user_and_since_when(ada: Client, stand_in: StandIn) -> None:
    make(stand_in, USER_ID, NAME)

    page = shown(ada, user_ids=USER_ID)

    assert f"{NAME}, on Stream since" in page
    assert "circle-check" in page


def test_a_name_is_stored_nowhere(ada: Client, stand_in: StandIn) -> None:
    make(stand_in, USER_ID, NAME)
    ada.post("/tickets/new/look-up/", typed(user_ids=USER_ID))
    ada.post("/tickets/new/", typed(user_ids=USER_ID, new_channel_owner_id="", action="submit"))

    assert Ticket.objects.get().state == State.AWAITING_DECISION
    for model in (Ticket, Account, AuditEntry):
        assert NAME not in serializers.serialize("json", model.objects.all())


def test_it_says_who_is_not_there(ada: Client, stand_in: StandIn) -> None:
    assert "Not on Stream: mistyped, gone, or soft-deleted before." in shown(ada, user_ids="nobody-at-all")


def test_it_says_that_an_account_is_somebody_elses(ada: Client, stand_in: StandIn) -> None:
    make(stand_in, "young", days_ago=1)
    received_on = (timezone.localdate() - timedelta(days=3)).isoformat()

    assert "belongs to somebody else" in shown(ada, user_ids="young", received_on=received_on)
    assert "belongs to somebody else" not in shown(ada, user_ids="young")


def test_it_suggests_by_id_and_by_name(ada: Client, stand_in: StandIn) -> None:
    make(stand_in, "zed-1", "Another")
    make(stand_in, "x-9", "Zedekiah")

    page = shown(ada, user_ids="marie.curie\nzed")

    assert 'data-use="zed-1" data-instead="zed"' in page
    assert 'data-use="x-9"' in page


def test_an_id_in_other_letters_is_named(ada: Client, stand_in: StandIn) -> None:
    make(stand_in, "Capital")

    assert "but “Capital” is" in shown(ada, user_ids="capital")


def test_owners_are_looked_up_too(ada: Client, stand_in: StandIn) -> None:
    make(stand_in, "svc-archive", "Archive")

    assert "New channel owner: Archive, on Stream since" in shown(ada, part="owners")
    assert "Stream shows no user of this id" in shown(ada, part="owners", new_channel_owner_id="nobody-x")
    assert "Name somebody else" in shown(ada, part="owners", new_channel_owner_id="u_1")


def test_it_makes_few_calls(ada: Client, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    real = lookup.StreamClient._users
    monkeypatch.setattr(
        lookup.StreamClient, "_users", lambda self, *args, **kw: calls.append("read") or real(self, *args, **kw)
    )

    shown(ada, user_ids="\n".join(f"user-{number}" for number in range(100)))

    assert len(calls) <= 3


def close_app(how: str) -> None:
    app, now = factories.stream_app(), timezone.now()
    if how == "pause":
        pauses.pause(app, actor=actor("dora"), now=now, reason="An incident.")
    elif how == "breaker":
        AppHealth.objects.create(stream_app=app, failures=5, open_until=now, changed_at=now)
    elif how == "budget":
        reset_at = now + timedelta(seconds=50)
        Budget.objects.create(stream_app=app, endpoint="QueryUsers", limit=1000, remaining=200, reset_at=reset_at)
    else:
        StreamApp.objects.update(base_url=factories.NOWHERE)


@pytest.mark.parametrize(
    ("how", "sentence"),
    [("pause", lookup.PAUSED), ("breaker", lookup.SILENT), ("budget", lookup.SPENT), ("down", lookup.FAILED)],
)
def test_where_stream_is_not_asked_it_says_so_and_the_request_goes_on(
    ada: Client, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, how: str, sentence: str
) -> None:
    close_app(how)
    if how != "down":
        monkeypatch.setattr(lookup.gateway, "client_for", lambda *_, **__: pytest.fail("it called Stream"))

    assert f"{sentence} {lookup.GO_ON}" in shown(ada, user_ids="marie.curie")
    ada.post("/tickets/new/", typed(action="submit"))

    assert Ticket.objects.get().state == State.AWAITING_DECISION
    assert AuditEntry.objects.get(action=AuditAction.TICKET_SUBMITTED.value).facts["looked_up"] is False


def test_a_look_that_fails_is_not_counted_against_the_app(ada: Client, stand_in: StandIn) -> None:
    close_app("down")
    shown(ada, user_ids="marie.curie")

    assert not AppHealth.objects.exists()


def young_request(stand_in: StandIn, **changes: Any) -> dict[str, Any]:
    make(stand_in, "young", days_ago=1)
    received_on = (timezone.localdate() - timedelta(days=3)).isoformat()
    return typed(user_ids="young", received_on=received_on, new_channel_owner_id="", action="submit", **changes)


def test_somebody_elses_account_stops_the_request_and_that_is_recorded(ada: Client, stand_in: StandIn) -> None:
    answer = ada.post("/tickets/new/", young_request(stand_in))

    assert answer.status_code == 422
    assert "belongs to somebody else" in answer.context["form"].errors["user_ids"][0]
    assert not Ticket.objects.exists()
    entry = AuditEntry.objects.get(action=AuditAction.ATTEMPT_REFUSED.value)
    assert entry.facts == {"what": "submit", "reason": "account is younger than the request"}


def test_so_it_does_from_the_page_and_with_several_at_once(ada: Client, stand_in: StandIn) -> None:
    ada.post("/tickets/new/", young_request(stand_in) | {"action": "draft"})
    ticket = Ticket.objects.get()

    answer = ada.post(f"/tickets/{ticket.reference}/submit/")
    assert answer.status_code == 422
    assert "belongs to somebody else" in answer.content.decode()
    answer = ada.post("/tickets/several/", {"ticket": ticket.reference, "act": "submit", "confirm": "1"})
    assert "belongs to somebody else" in answer.content.decode()

    ticket.refresh_from_db()
    assert ticket.state == State.DRAFT
    assert AuditEntry.objects.filter(action=AuditAction.ATTEMPT_REFUSED.value, ticket_id=ticket.pk).count() == 2


def test_an_owner_who_is_not_there_stops_it(ada: Client, stand_in: StandIn) -> None:
    answer = ada.post("/tickets/new/", typed(new_channel_owner_id="nobody-x", action="submit"))

    assert "Stream shows no user of this id" in answer.context["form"].errors["new_channel_owner_id"][0]
    assert not Ticket.objects.exists()


def test_what_was_seen_is_kept_for_the_engine(ada: Client, stand_in: StandIn) -> None:
    make(stand_in, "u_1")
    ada.post("/tickets/new/", typed(new_channel_owner_id="", action="submit"))

    seen = {account.user_id: account.remote_created_at for account in Account.objects.all()}
    assert seen["u_1"] is not None
    assert seen["u_2"] is None
    entry = AuditEntry.objects.get(action=AuditAction.TICKET_SUBMITTED.value)
    assert (entry.facts["looked_up"], entry.facts["accounts_shown"]) == (True, 1)


def test_other_tickets_and_holds_are_linked(ada: Client, stand_in: StandIn) -> None:
    opened = factories.draft(factories.export_plan("u_1"))
    closed = factories.cancelled(factories.erase_plan("u_1"))
    holds.place(factories.stream_app(), "u_2", actor=actor("dora"), now=timezone.now(), reason="A claim is open.")

    page = shown(ada)

    assert f'Open: <a href="/tickets/{opened.reference}/">' in page
    assert f'<a href="/tickets/{closed.reference}/">{closed.reference}</a> (Erase, cancelled)' in page
    assert "On legal hold" in page
    assert f"/tickets/{opened.reference}/" not in shown(ada, draft=opened.reference)


def test_the_page_of_a_ticket_links_them_too(ada: Client, stand_in: StandIn) -> None:
    first = factories.submitted(factories.erase_plan("u_1"))
    other = factories.draft(factories.export_plan("u_1"))
    link = f'<a href="/tickets/{other.reference}/">'

    assert link in ada.get(f"/tickets/{first.reference}/").content.decode()

    otto = Client()
    otto.force_login(person("otto"))
    page = otto.get(f"/tickets/{first.reference}/").content.decode()
    assert link not in page, "an auditor sees no drafts"
    factories.tickets.submit(other, actor=actor("ada"), now=timezone.now())
    page = otto.get(f"/tickets/{first.reference}/").content.decode()
    assert link in page
    assert "u_1" not in page


def test_without_javascript_a_button_looks_them_up(ada: Client, stand_in: StandIn) -> None:
    answer = ada.post("/tickets/new/", export(user_ids="nobody-at-all", action="look-up"))

    assert answer.status_code == 200
    assert "Not on Stream: mistyped" in answer.content.decode()
    assert not Ticket.objects.exists()
