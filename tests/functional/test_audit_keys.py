"""Who the log is about stands there under a yearly key, and what people wrote under the key of its ticket."""

from __future__ import annotations

import base64
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from portal.environment import yearly_keys
from requests_app.audit import chain, keys, log
from requests_app.audit.texts import kept
from requests_app.audit_actions import AuditAction
from requests_app.checks import check_audit_keys
from requests_app.models import Account, AuditEntry, AuditText, TicketKey
from requests_app.models.sealed import derived_key
from requests_app.queries.audit import check_chain
from tests import factories
from tests.people import actor, person

pytestmark = pytest.mark.django_db

NEW_YEARS_EVE = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
NEW_YEAR = datetime(2027, 1, 1, 0, 30, tzinfo=UTC)
KEYS = {2026: b"a" * 32, 2027: b"b" * 32}


def told(at: datetime, user_id: str = "u-1") -> str:
    with transaction.atomic():
        entry = log.record(AuditAction.AUDIT_READ, actor=factories.WORKER, now=at, subjects=[log.subject(1, user_id)])
    (name,) = entry.subjects
    return name


def test_each_year_names_people_under_its_own_key(settings: Any) -> None:
    settings.AUDIT_KEYS = KEYS

    old, new = told(NEW_YEARS_EVE), told(NEW_YEAR)

    assert old == "2026:" + chain.pseudonym(KEYS[2026], 1, "u-1")
    assert new == "2027:" + chain.pseudonym(KEYS[2027], 1, "u-1")
    assert {old, new} <= set(keys.every_subject(1, "u-1", until=2027))
    assert not {old, new} & set(keys.every_subject(1, "u-2", until=2027))


def test_a_destroyed_key_takes_its_year_along_and_the_chain_holds(settings: Any) -> None:
    settings.AUDIT_KEYS = KEYS
    old, new = told(NEW_YEARS_EVE), told(NEW_YEAR)

    settings.AUDIT_KEYS = {2027: KEYS[2027]}

    found = keys.every_subject(1, "u-1", until=2027)
    assert new in found
    assert old not in found
    assert check_chain().intact


def test_without_keys_each_year_has_a_derived_one(settings: Any) -> None:
    first = told(NEW_YEARS_EVE)
    settings.AUDIT_KEY = "another"

    assert first.startswith("2026:")
    assert told(NEW_YEARS_EVE) != first
    assert told(NEW_YEAR)[5:] != told(NEW_YEARS_EVE)[5:]


def test_entries_from_before_the_yearly_keys_are_still_found(settings: Any) -> None:
    settings.AUDIT_KEYS = KEYS

    assert chain.pseudonym(derived_key("audit"), 1, "u-1") in keys.every_subject(1, "u-1", until=2027)
    settings.AUDIT_KEY = "first"
    assert chain.pseudonym(b"first", 1, "u-1") in keys.every_subject(1, "u-1", until=2027)


def test_production_is_told_of_a_year_without_a_key(settings: Any) -> None:
    december, november = datetime(2026, 12, 3).date(), datetime(2026, 11, 3).date()
    assert check_audit_keys(None, today=december) == []
    settings.PROFILE = "production"

    assert [warning.id for warning in check_audit_keys(None, today=november)] == ["requests_app.W002"]
    settings.AUDIT_KEYS = {2026: KEYS[2026]}
    assert check_audit_keys(None, today=november) == []
    assert "2027" in check_audit_keys(None, today=december)[0].msg
    settings.AUDIT_KEYS = KEYS
    assert check_audit_keys(None, today=december) == []


@pytest.mark.parametrize("odd", ["2026", "2026:?", "next:YWJj", "2026:" + base64.b64encode(b"short").decode()])
def test_odd_keys_stop_the_start_with_a_sentence_that_repeats_none(odd: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="AUDIT_KEYS") as stopped:
        yearly_keys("AUDIT_KEYS", f"2030:{base64.b64encode(KEYS[2026]).decode()},{odd}")
    assert base64.b64encode(KEYS[2026]).decode() not in str(stopped.value)


def test_the_command_prints_a_key_that_the_settings_take(settings: Any) -> None:
    out = io.StringIO()
    call_command("audit_keys", "2027", stdout=out, stderr=io.StringIO())

    (made,) = yearly_keys("AUDIT_KEYS", out.getvalue()).values()
    assert len(made) == 32
    settings.AUDIT_KEYS = {2027: made}
    with pytest.raises(CommandError, match="has a key for 2027"):
        call_command("audit_keys", "2027", stdout=out, stderr=io.StringIO())


def test_destroying_a_key_is_an_administrators_documented_act(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.AUDIT_KEYS = KEYS
    monkeypatch.setattr(timezone, "now", lambda: datetime(2030, 2, 1, tzinfo=UTC))
    told(NEW_YEARS_EVE)
    person("ruth"), person("dora")

    def destroyed(year: int, by: str = "ruth", reason: str = "Three years are over.") -> None:
        call_command("audit_keys", destroyed=year, by=by, reason=reason, stdout=io.StringIO())

    with pytest.raises(CommandError, match="still in AUDIT_KEYS"):
        destroyed(2026)
    settings.AUDIT_KEYS = {2027: KEYS[2027]}
    with pytest.raises(CommandError, match="Only an administrator"):
        destroyed(2026, by="dora")
    with pytest.raises(CommandError, match="reason"):
        destroyed(2026, reason=" ")
    with pytest.raises(CommandError, match="year that is over"):
        destroyed(2030)
    destroyed(2026)

    entry = AuditEntry.objects.get(action=AuditAction.AUDIT_KEY_DESTROYED)
    assert entry.facts == {"year": 2026, "entries": 1}
    assert [one.text for one in kept(AuditText.objects.filter(seq=entry.seq))] == ["Three years are over."]


def test_a_key_that_was_only_derived_cannot_have_been_destroyed(monkeypatch: pytest.MonkeyPatch) -> None:
    factories.draft()
    year = timezone.now().year
    monkeypatch.setattr(timezone, "now", lambda: datetime(year + 4, 2, 1, tzinfo=UTC))
    person("ruth")

    with pytest.raises(CommandError, match="no key to destroy"):
        call_command("audit_keys", destroyed=year, by="ruth", reason="Over.", stdout=io.StringIO())


def test_a_ticket_comes_with_a_key_and_its_texts_are_sealed_under_it() -> None:
    one, other = factories.draft(note="Confirmed by phone."), factories.draft(note="By letter.")

    assert TicketKey.objects.get(ticket=one).key != TicketKey.objects.get(ticket=other).key
    row = AuditText.objects.get(ticket_id=one.pk)
    assert row.salt == ""
    assert [text.text for text in kept(AuditText.objects.filter(pk=row.pk))] == ["Confirmed by phone."]
    # Under the other's key, it is nothing.
    AuditText.objects.filter(pk=row.pk).update(ticket_id=other.pk)
    assert [text.text for text in kept(AuditText.objects.filter(pk=row.pk))] == [None]


def test_the_account_keeps_the_pseudonym_of_its_user_id() -> None:
    ticket = factories.draft(factories.erase_plan("u-7"))

    account = Account.objects.get(ticket=ticket)
    assert account.subject in keys.every_subject(account.stream_app_id, "u-7", until=timezone.now().year)
    entry = AuditEntry.objects.get(action=AuditAction.TICKET_OPENED)
    assert entry.subjects == [account.subject]


def destroy(ticket_id: int) -> None:
    TicketKey.objects.filter(ticket=ticket_id).update(key="", destroyed_at=timezone.now())


def test_a_destroyed_key_with_its_entry_is_lawful_and_without_one_a_break() -> None:
    ticket = factories.refused(note="Confirmed by phone.")
    factories.draft(note="Stays.")
    destroy(ticket.pk)

    assert "cannot be read" in str(check_chain())

    with transaction.atomic():
        log.record(
            AuditAction.TICKET_ERASED,
            actor=actor("dora"),
            now=timezone.now(),
            ticket=ticket,
            facts={"key_destroyed": True},
        )
    assert check_chain().intact
    out = io.StringIO()
    call_command("verify_audit", stdout=out)
    assert "2 texts beside it are erased lawfully" in out.getvalue()


def test_what_is_written_after_the_key_is_gone_does_not_come_back_under_it() -> None:
    ticket = factories.refused()
    destroy(ticket.pk)
    with transaction.atomic():
        entry = log.record(
            AuditAction.TICKET_ERASED, actor=actor("dora"), now=timezone.now(), ticket=ticket, texts={"reason": "Why."}
        )

    row = AuditText.objects.get(seq=entry.seq)
    assert row.ticket_id is None
    assert [text.text for text in kept(AuditText.objects.filter(pk=row.pk))] == ["Why."]


def test_the_key_itself_is_sealed() -> None:
    ticket = factories.draft()
    clear = TicketKey.objects.get(ticket=ticket).key
    with connection.cursor() as cursor:
        cursor.execute("SELECT key FROM requests_app_ticketkey WHERE ticket_id = %s", [ticket.pk])
        (stored,) = cursor.fetchone()

    assert clear not in json.dumps(stored)
