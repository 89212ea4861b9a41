"""Signed checkpoints: made when it matters, of what holds only, kept for good, and handed out whatever goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from requests_app.audit import chain, checkpoints, log, merkle, signing, witnesses
from requests_app.audit.note import Checkpoint, Note, Signer, notes_in
from requests_app.audit_actions import AuditAction
from requests_app.checks import check_triggers
from requests_app.models import AuditCheckpoint, AuditEntry, AuditNode, AuditWitness, triggers
from requests_app.queries import audit_state
from requests_app.upkeep import audit_checkpoints
from tests import factories, intruder
from tests.factories import WORKER

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
Commits = Callable[..., Any]
TRIGGERS = triggers.SQLITE if connection.vendor == "sqlite" else triggers.POSTGRESQL


def news(count: int = 1) -> None:
    """Entries about nothing."""
    with transaction.atomic():
        log.record_all([log.Record(action=AuditAction.AUDIT_READ, actor=WORKER, now=NOON) for _ in range(count)])


def make(at: datetime = NOON) -> AuditCheckpoint:
    found = checkpoints.make_and_hand_out(actor=WORKER, now=at)
    assert found is not None
    return found


def root_of_all() -> str:
    tree = merkle.Frontier()
    for entry, _ in checkpoints.entries_between(0):
        tree.append(merkle.leaf(chain.canonical(entry)))
    return tree.root().hex()


@pytest.fixture
def notes(settings: Any, tmp_path: Path) -> Path:
    """The file outside the database."""
    settings.AUDIT_CHECKPOINT_FILE = str(tmp_path / "checkpoints.txt")
    return tmp_path / "checkpoints.txt"


def test_there_is_nothing_to_sign_in_an_empty_log() -> None:
    assert checkpoints.make(actor=WORKER, now=NOON) is None
    with pytest.raises(CommandError, match="nothing to sign"):
        call_command("checkpoint_audit")


def test_a_checkpoint_signs_every_entry_and_lists_its_keys_in_the_log() -> None:
    news(5)

    made = make()

    assert made.size == AuditEntry.objects.count() == 6
    assert AuditEntry.objects.get(seq=6).facts == {"keys": [str(key) for key in signing.verifiers()]}
    note = Note.parse(made.note)
    assert note.signed_by(signing.verifiers()) == list(signing.verifiers())
    assert Checkpoint.parse(note.text) == Checkpoint(signing.ORIGIN, 6, bytes.fromhex(root_of_all()))


def test_without_news_there_is_no_other_one() -> None:
    news()
    first = make()

    assert make() == first
    assert AuditCheckpoint.objects.count() == 1


def test_each_one_goes_on_from_the_last_and_reads_only_what_is_new(django_assert_max_num_queries: Any) -> None:
    for count in (3, 1, 7, 300, 2):
        news(count)
        assert make().root == root_of_all()
    news(2)
    read: list[int] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if 'seq" > ' in sql:
            read.append(int(params[0]))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch), django_assert_max_num_queries(20):
        make()
    # With the last entry that was signed, which must still be there.
    assert read == [AuditEntry.objects.count() - 3]


def test_a_log_that_was_never_signed_is_signed_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "AT_ONCE", 4)
    news(9)

    assert make().size == 4
    audit_checkpoints.run(WORKER, NOON)
    assert list(AuditCheckpoint.objects.order_by("size").values_list("size", flat=True)) == [4, 8, 10]
    assert AuditCheckpoint.objects.get(size=10).root == root_of_all()
    news(9)
    checkpoints.catch_up(actor=WORKER, now=NOON, seconds=0)
    assert audit_state.chain_state().uncovered == 5


def test_nodes_are_kept_from_256_entries_on() -> None:
    news(600)
    make()

    assert set(AuditNode.objects.values_list("level", "place")) == {(8, 0), (8, 1), (9, 0)}


def test_what_does_not_hold_is_not_signed(notes: Path) -> None:
    news(4)
    make()
    news(3)
    intruder.unprotect()
    intruder.alter(7, actor_name="eve")

    with pytest.raises(checkpoints.Broken, match="entry 7 was altered"):
        make()

    state = audit_state.chain_state()
    assert "entry 7 was altered" in state.trouble
    assert (state.checkpoint.size if state.checkpoint else 0, state.uncovered) == (5, 3)
    assert len(notes_in(notes.read_text())) == 1
    with pytest.raises(CommandError, match="entry 7 was altered"):
        call_command("checkpoint_audit")


def test_nothing_more_is_signed_once_the_signed_end_is_gone() -> None:
    news(4)
    make()
    news(2)
    make()
    intruder.unprotect()
    AuditEntry.objects.filter(seq=7).delete()

    with pytest.raises(checkpoints.Broken, match="entry 7 is not the one that was signed"):
        make()


def test_a_new_key_signs_beside_the_old_one_and_is_listed(settings: Any) -> None:
    old, new = Signer.new("log.example"), Signer.new("log.example")
    settings.AUDIT_SIGNING_KEY = old.secret
    news()
    make()
    settings.AUDIT_SIGNING_KEY = f"{new.secret}, {old.secret}"

    both = Note.parse(make().note)
    settings.AUDIT_SIGNING_KEY = new.secret
    alone = Note.parse(make().note)

    assert both.signed_by([old.verifier, new.verifier]) == [new.verifier, old.verifier]
    assert alone.signed_by([old.verifier, new.verifier]) == [new.verifier]
    listed = AuditEntry.objects.filter(action="audit.signing_keys").order_by("seq").values_list("facts", flat=True)
    assert [len(facts["keys"]) for facts in listed] == [1, 2, 1]


def test_keys_of_two_logs_do_not_go_together(settings: Any) -> None:
    settings.AUDIT_SIGNING_KEY = f"{Signer.new('one').secret},{Signer.new('two').secret}"
    news()

    with pytest.raises(ValueError, match="same name"):
        make()


def test_an_approval_gets_one_once_it_is_durable(django_capture_on_commit_callbacks: Commits) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        ticket = factories.approved()

    approval = AuditEntry.objects.get(action="ticket.approve", ticket_id=ticket.pk)
    newest = checkpoints.newest()
    assert newest is not None
    assert newest.size >= approval.seq
    # The portal signs, not whoever approves.
    assert AuditEntry.objects.get(action="audit.signing_keys").actor_id is None


def test_a_checkpoint_that_fails_breaks_no_approval(
    django_capture_on_commit_callbacks: Commits, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: object, **kwargs: object) -> object:
        raise DatabaseError("user-77 is locked")

    monkeypatch.setattr(AuditCheckpoint, "save", broken)

    with django_capture_on_commit_callbacks(execute=True):
        ticket = factories.approved()

    ticket.refresh_from_db()
    assert ticket.state == "approved"
    assert "No checkpoint was made" in caplog.text
    assert "user-77" not in caplog.text
    assert audit_state.chain_state().trouble == "No checkpoint was made: DatabaseError"
    monkeypatch.undo()
    audit_checkpoints.run(WORKER, timezone.now())
    assert audit_state.chain_state().trouble == ""
    assert audit_state.chain_state().uncovered == 0


def test_the_file_gets_one_note_a_record_and_nothing_twice(notes: Path) -> None:
    news()
    first = make()
    news()
    second = make()
    witnesses.write_file(now=NOON)

    assert notes.read_text() == f"{first.note}\n{second.note}\n"
    assert notes_in(notes.read_text()) == [first.note, second.note]


def test_what_was_half_written_is_closed_off(notes: Path) -> None:
    news()
    notes.write_text("stream-data-requests/audit\n12\nhalf a ro")

    made = make()

    assert notes_in(notes.read_text()) == [made.note]


def test_a_file_that_cannot_be_written_is_told_and_gets_everything_later(settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_CHECKPOINT_FILE = str(tmp_path / "away" / "checkpoints.txt")
    news()
    make()
    news()
    made = make()

    row = AuditWitness.objects.get(name="file")
    assert (row.failures, row.size) == (2, 0)
    assert "cannot be written (No such file or directory)" in row.error
    assert made.size not in [witness.size for witness in audit_state.chain_state().witnesses]

    (tmp_path / "away").mkdir()
    assert witnesses.write_file(now=NOON) == 2
    assert audit_state.chain_state().witnessed_by == ("file",)
    assert AuditWitness.objects.get(name="file").error == ""


def test_the_file_can_be_switched_off() -> None:
    news()
    make()

    assert audit_state.chain_state().witnesses == ()
    assert not AuditWitness.objects.filter(name="file").exists()


def test_the_command_prints_the_note(capsys: Any) -> None:
    news()
    call_command("checkpoint_audit")

    newest = checkpoints.newest()
    assert newest is not None
    assert capsys.readouterr().out == newest.note


def test_a_new_key_is_printed_and_stored_nowhere(capsys: Any, settings: Any) -> None:
    call_command("audit_key")
    lines = capsys.readouterr().out.splitlines()
    fresh = Signer.parse(lines[1])
    assert (fresh.name, str(fresh.verifier)) == (signing.ORIGIN, lines[3])

    settings.AUDIT_SIGNING_KEY = fresh.secret
    call_command("audit_key", "--show")
    assert capsys.readouterr().out == f"{fresh.verifier}\n"
    with pytest.raises(CommandError, match="without blanks"):
        call_command("audit_key", "--name", "two words")


@pytest.mark.parametrize("sql", ["UPDATE {} SET size = 99", "DELETE FROM {}", "TRUNCATE {}"])
def test_checkpoints_only_grow_in_number(sql: str) -> None:
    if "TRUNCATE" in sql and connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL knows TRUNCATE")
    news()
    make()

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.format(AuditCheckpoint._meta.db_table))
    assert AuditCheckpoint.objects.filter(size=2).exists()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite knows INSERT OR REPLACE")
@pytest.mark.parametrize("recursive", ["ON", "OFF"])
def test_no_checkpoint_is_replaced(recursive: str) -> None:
    news()
    make()
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA recursive_triggers={recursive}")
        try:
            with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
                cursor.execute(
                    "INSERT OR REPLACE INTO requests_app_auditcheckpoint (size, root, head, note, frontier, made_at) "
                    "SELECT size, 'forged', head, note, frontier, made_at FROM requests_app_auditcheckpoint"
                )
        finally:
            cursor.execute("PRAGMA recursive_triggers=ON")


@pytest.mark.parametrize("name", list(TRIGGERS))
def test_a_missing_trigger_is_told(name: str) -> None:
    assert triggers.missing(connection) == []
    assert audit_state.check()[0]
    table, _ = TRIGGERS[name]

    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {name}" + (f" ON {table}" if connection.vendor == "postgresql" else ""))

    assert triggers.missing(connection) == [name]
    (found,) = check_triggers(None, databases=["default"])
    assert (found.id, name in found.msg) == ("requests_app.E012", True)
    assert check_triggers(None) == []
    assert audit_state.check() == (False, f"Triggers that protect the log are missing or changed: {name}.")


@pytest.mark.django_db(transaction=True)
def test_any_migrate_brings_missing_triggers_back() -> None:
    intruder.unprotect()
    assert triggers.missing(connection)

    call_command("migrate", "requests_app", verbosity=0)

    assert triggers.missing(connection) == []


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite cannot switch a trigger off")
def test_a_trigger_that_is_switched_off_or_emptied_is_told() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE requests_app_auditentry DISABLE TRIGGER audit_no_change")
        assert triggers.missing(connection) == ["audit_no_change"]
        cursor.execute(
            "CREATE OR REPLACE FUNCTION portal_refuse_change() RETURNS trigger LANGUAGE plpgsql "
            "AS $$ BEGIN RETURN NULL; END $$"
        )
    assert set(triggers.missing(connection)) >= {"audit_no_truncate", "checkpoint_no_change"}


def test_the_state_is_told_in_few_queries(django_assert_num_queries: Any, notes: Path) -> None:
    news(3)
    make()
    news(2)

    with django_assert_num_queries(4):
        state = audit_state.chain_state()
    assert (state.entries, state.uncovered, state.witnessed_by, state.trouble) == (6, 2, ("file",), "")
    assert state.checkpoint is not None
    assert state.checkpoint.made_at == NOON


def test_a_witness_that_fails_is_left_alone_for_longer_each_time() -> None:
    for pause in (30, 60, 120):
        witnesses.failed("web", why="it answered 503", now=NOON)
        assert not witnesses.is_due("web", now=NOON + timedelta(seconds=pause - 1))
        assert witnesses.is_due("web", now=NOON + timedelta(seconds=pause))
    for _ in range(20):
        witnesses.failed("web", why="it answered 503", now=NOON)
    assert witnesses.is_due("web", now=NOON + timedelta(hours=1))
