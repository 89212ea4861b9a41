"""What the database itself refuses, whoever asks it: superusers and hand-written SQL included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from requests_app.audit import log
from requests_app.audit.texts import kept
from requests_app.audit_actions import AuditAction
from requests_app.enums import State
from requests_app.models import Account, AuditEntry, AuditText, StreamApp, Ticket
from requests_app.models.sealed import UnreadableSecret, seal, unseal
from tests import factories
from tests.canary import SECRET
from tests.people import actor, person

pytestmark = pytest.mark.django_db


def refused(act: Callable[[], object], kind: type[Exception] = IntegrityError) -> None:
    with pytest.raises(kind), transaction.atomic():
        act()


def update(ticket: Ticket, **columns: Any) -> Callable[[], object]:
    return lambda: Ticket.objects.filter(pk=ticket.pk).update(**columns)


def test_whoever_opened_or_edited_cannot_be_the_approver() -> None:
    ticket = factories.draft(by="dora")
    seal_of = {"approved_at": timezone.now(), "approved_digest": ticket.plan_digest}
    ticket.contributions.create(actor=person("dan"))

    refused(update(ticket, approved_by=person("dora"), **seal_of))
    Ticket.objects.filter(pk=ticket.pk).update(edited_by=person("ada"), edited_at=timezone.now())
    refused(update(ticket, approved_by=person("ada"), **seal_of))
    # Not the last to edit, but one of those who did: only the trigger knows.
    refused(update(ticket, approved_by=person("dan"), **seal_of), DatabaseError)
    update(ticket, approved_by=person("ben"), **seal_of)()


def test_nothing_runs_but_what_was_approved() -> None:
    ticket = factories.submitted()

    refused(update(ticket, state=State.APPROVED.value))
    refused(update(ticket, state=State.RUNNING.value))
    approved = factories.approved()
    refused(update(approved, plan_digest="0" * 64))


@pytest.mark.parametrize(
    "columns",
    [
        {"state": "gone"},
        {"kind": "move"},
        {"state": State.CANCELLED.value},
        {"closed_at": timezone.now()},
        {"submitted_at": None},
        {"approved_at": timezone.now()},
    ],
)
def test_half_a_fact_is_none(columns: dict[str, Any]) -> None:
    refused(update(factories.submitted(), **columns))


def test_an_account_has_one_open_ticket_of_a_kind() -> None:
    ticket = factories.draft(factories.erase_plan("u_1"))
    other = factories.draft(factories.erase_plan("u_2"))

    def again() -> object:
        return Account.objects.create(
            ticket=other, position=1, user_id="u_1", stream_app=ticket.stream_app, kind="erase"
        )

    refused(again)
    Account.objects.filter(ticket=ticket).update(is_open=False)
    again()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE requests_app_auditentry SET actor_name = 'eve'",
        "DELETE FROM requests_app_auditentry",
        "UPDATE requests_app_auditentry SET seq = 900 WHERE seq = 1",
    ],
)
def test_the_log_only_grows(sql: str) -> None:
    factories.draft()

    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql)

    refused(run, DatabaseError)
    assert AuditEntry.objects.filter(actor_name="ada").exists()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite knows INSERT OR REPLACE")
@pytest.mark.parametrize("recursive", ["ON", "OFF"])
def test_no_entry_is_replaced(recursive: str) -> None:
    factories.draft()

    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA recursive_triggers={recursive}")
            cursor.execute(
                "INSERT OR REPLACE INTO requests_app_auditentry SELECT seq, at, action, actor_id, actor_role, 'eve', "
                "origin, ticket_id, subjects, facts, texts, prev_hash, hash FROM requests_app_auditentry"
            )

    try:
        refused(run, DatabaseError)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA recursive_triggers=ON")
    assert not AuditEntry.objects.filter(actor_name="eve").exists()


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL knows TRUNCATE")
def test_the_log_is_not_emptied_at_once() -> None:
    factories.draft()

    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE requests_app_auditentry")

    refused(run, DatabaseError)


def test_the_same_place_in_the_chain_is_taken_once() -> None:
    factories.draft()
    values = AuditEntry.objects.values().get(seq=1)

    refused(lambda: AuditEntry.objects.create(**values | {"seq": 2, "hash": "1" * 64}))


@pytest.mark.django_db(transaction=True)
def test_an_entry_is_only_written_in_the_transaction_of_what_it_records() -> None:
    with pytest.raises(log.OutsideTransaction):
        log.record(AuditAction.NOTE_ADDED, actor=actor("ada"), now=timezone.now())


def test_what_cannot_be_recorded_does_not_happen(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **kwargs: object) -> object:
        raise DatabaseError("no space left")

    app = factories.stream_app()
    person("ada")
    monkeypatch.setattr(log, "_insert", broken)

    with pytest.raises(DatabaseError), transaction.atomic():
        factories.draft(app=app)

    assert not Ticket.objects.exists()


def test_secrets_and_free_text_are_sealed_in_the_database() -> None:
    app = factories.stream_app()
    factories.draft(note="Confirmed by phone.")

    with connection.cursor() as cursor:
        cursor.execute("SELECT api_secret FROM requests_app_streamapp")
        stored = [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT sealed FROM requests_app_audittext")
        stored += [row[0] for row in cursor.fetchall()]
    assert stored
    assert not any(word in text for text in stored for word in (SECRET, "Confirmed"))
    assert StreamApp.objects.get(pk=app.pk).api_secret == SECRET
    assert [one.text for one in kept(AuditText.objects.all())] == ["Confirmed by phone."]


def test_keys_are_changed_by_putting_the_new_one_first(settings: Any) -> None:
    old, new = "b2xkLW9sZC1vbGQtb2xkLW9sZC1vbGQtb2xkLW9sZC0=", "bmV3LW5ldy1uZXctbmV3LW5ldy1uZXctbmV3LW5ldy0="
    settings.FIELD_KEY = old
    token = seal("text")
    settings.FIELD_KEY = f"{new}, {old}"
    assert unseal(token) == "text"
    newer = seal("text")
    settings.FIELD_KEY = new
    assert unseal(newer) == "text"
    with pytest.raises(UnreadableSecret):
        unseal(token)


def test_the_log_names_no_person() -> None:
    factories.completed(factories.erase_plan("canary-quillfeather-7"), requester_name="Quintessa Quillfeather")

    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM requests_app_auditentry")
        everything = str(cursor.fetchall())
    assert "uillfeather" not in everything
