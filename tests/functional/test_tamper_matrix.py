"""Whoever owns the database changes the log: what the chain alone finds, and what checkpoints kept outside find.

A hundred entries, a checkpoint each 25, the triggers taken away. The intruder deletes the stored checkpoints, too,
which nobody but the holder of the key could make anew.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from requests_app.audit import checkpoints, log
from requests_app.audit.note import Signer
from requests_app.audit_actions import AuditAction
from requests_app.models import AuditCheckpoint, AuditEntry, AuditText
from requests_app.queries import audit_verify
from requests_app.queries.audit_verify import NOTHING, check_log, remembered
from tests import intruder
from tests.factories import WORKER
from tests.people import actor

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
ROWS, EACH = 100, 25


def write(count: int) -> None:
    with transaction.atomic():
        for number in range(count):
            log.record(
                AuditAction.NOTE_ADDED,
                actor=actor("ada"),
                now=NOON + timedelta(minutes=number),
                facts={"number": number},
                texts={"note": f"word {number}"} if number % 10 == 0 else {},
            )


@pytest.fixture
def notes() -> list[str]:
    """The checkpoints outside; the log has a hundred entries and no triggers any more."""
    kept = []
    # The first checkpoint lists its key in the log: that is the 25th entry.
    for count in (EACH - 1, EACH, EACH, EACH):
        write(count)
        made = checkpoints.make(actor=WORKER, now=NOON)
        assert made is not None
        kept.append(made.note)
    assert AuditEntry.objects.count() == ROWS
    intruder.unprotect()
    return kept


def edit() -> None:
    intruder.alter(40, actor_name="eve")


def edit_and_rehash() -> None:
    rows = intruder.tail(40)
    rows[0].actor_name = "eve"
    intruder.rewrite(rows, start=40)


def delete_one() -> None:
    AuditEntry.objects.filter(seq=40).delete()


def delete_and_rehash() -> None:
    intruder.rewrite(intruder.tail(41), start=40)


def truncate() -> None:
    AuditEntry.objects.filter(seq__gt=70).delete()
    AuditText.objects.filter(seq__gt=70).delete()


def swap_and_rehash() -> None:
    rows = intruder.tail(40)
    rows[0], rows[1] = rows[1], rows[0]
    intruder.rewrite(rows, start=40)


def insert_backdated_and_rehash() -> None:
    rows = intruder.tail(40)
    (forged,) = AuditEntry.objects.filter(seq=39)
    forged.actor_name, forged.texts = "eve", {}
    intruder.rewrite([forged, *rows], start=40)


def change_text() -> None:
    other = AuditText.objects.get(seq=1)
    AuditText.objects.filter(seq=61).update(sealed=other.sealed, salt=other.salt)


def erase_text() -> None:
    AuditText.objects.filter(seq=61).delete()


@pytest.mark.parametrize(
    ("attack", "by_chain", "by_notes"),
    [
        (edit, "entry 40 was altered", "entry 40 was altered"),
        (edit_and_rehash, "", "the entries up to 50 are not those that were signed"),
        (delete_one, "entry 40 is missing", "entry 40 is missing"),
        (delete_and_rehash, "", "the entries up to 50 are not those that were signed"),
        (truncate, "", "entries were removed at the end: 100 were signed and 70 are there"),
        (swap_and_rehash, "", "the entries up to 50 are not those that were signed"),
        (insert_backdated_and_rehash, "", "the entries up to 50 are not those that were signed"),
        (change_text, "the text “note” beside entry 61", "the text “note” beside entry 61"),
        (erase_text, "", ""),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_matrix(notes: list[str], attack: Callable[[], None], by_chain: str, by_notes: str) -> None:
    AuditCheckpoint.objects.all().delete()

    with transaction.atomic():
        attack()

    assert by_chain in said(check_log().report)
    assert check_log().report.intact is not bool(by_chain)
    assert by_notes in said(check_log(notes=notes).report)
    assert check_log(notes=notes).report.intact is not bool(by_notes)


def said(report: Any) -> str:
    return report.first_break.why if report.first_break else ""


def test_what_is_newer_than_the_last_checkpoint_is_the_exposure_window(notes: list[str]) -> None:
    write(7)
    AuditEntry.objects.filter(seq__gt=ROWS + 2).delete()

    assert check_log(notes=notes).report.intact
    AuditEntry.objects.filter(seq__gt=ROWS - 1).delete()
    assert not check_log(notes=notes).report.intact


def test_stored_checkpoints_alone_find_a_tail_that_was_hashed_anew(notes: list[str]) -> None:
    edit_and_rehash()

    verdict = check_log()
    assert said(verdict.report).endswith("entries up to 25 are")
    assert verdict.report.first_break is not None
    assert verdict.report.first_break.seq == 26


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"root": "0" * 64}, "the stored checkpoint of 50 entries was altered"),
        ({"note": "nothing"}, "a stored checkpoint was altered"),
    ],
)
def test_an_altered_stored_checkpoint_is_found(notes: list[str], columns: dict[str, str], words: str) -> None:
    AuditCheckpoint.objects.filter(size=50).update(**columns)

    assert words in said(check_log().report)


def test_a_checkpoint_that_the_intruder_signed_is_found(notes: list[str]) -> None:
    edit_and_rehash()
    tree, _ = checkpoints.tree_at(0)
    for _ in checkpoints.growing(checkpoints.entries_between(0, 50), tree):
        pass
    forged = checkpoints.Checkpoint("stream-data-requests/audit", 50, tree.root())
    note = forged.sign([Signer("stream-data-requests/audit", bytes(32))])
    AuditCheckpoint.objects.filter(size=50).update(root=tree.root().hex(), note=note)

    assert "is not signed by a key of this log" in said(check_log().report)


# From where the last check ended


@pytest.fixture
def memory(settings: Any, tmp_path: Path) -> Path:
    settings.AUDIT_VERIFIED_FILE = str(tmp_path / "verified.json")
    return tmp_path / "verified.json"


def test_the_next_check_begins_where_the_last_one_ended(notes: list[str], memory: Path) -> None:
    assert check_log(remembered()).report.after == 0
    write(5)

    verdict = check_log(remembered())
    assert (verdict.report.after, verdict.report.count, verdict.report.intact) == (100, 105, True)
    # An entry altered in place before that is not looked at again, and found by a full check.
    edit()
    assert check_log(remembered()).report.intact
    assert not check_log(NOTHING).report.intact


def test_what_was_checked_before_cannot_be_hashed_anew(notes: list[str], memory: Path) -> None:
    check_log()
    edit_and_rehash()
    AuditCheckpoint.objects.all().delete()

    found = said(check_log(remembered()).report)
    assert found == "entry 100 is not the one that was checked last time"


def test_a_check_that_found_something_is_not_remembered(notes: list[str], memory: Path) -> None:
    edit()
    check_log()

    assert not memory.exists()


@pytest.mark.parametrize("text", ["", "{}", '{"size": 3, "head": "x", "frontier": []}', "[]"])
def test_a_memory_that_cannot_be_read_is_none(memory: Path, text: str) -> None:
    memory.write_text(text)

    assert remembered() == NOTHING


def test_the_command_checks_what_is_new_and_all_of_it_when_it_is_told(
    notes: list[str], memory: Path, capsys: Any, tmp_path: Path
) -> None:
    call_command("verify_audit")
    write(3)
    call_command("verify_audit")
    assert "The newest 3 of 103 entries are intact" in capsys.readouterr().out
    call_command("verify_audit", "--full", "--progress")
    assert "The chain is intact: 103 entries" in capsys.readouterr().out

    kept = tmp_path / "notes.txt"
    kept.write_text("\n".join(notes))
    call_command("verify_audit", "--notes", str(kept))
    told = capsys.readouterr()
    assert "8 checkpoints fit; the newest covers 100 entries" in told.out
    assert "The trigger audit_no" in told.err
    truncate()
    with pytest.raises(CommandError, match="100 were signed and 70 are there"):
        call_command("verify_audit", "--notes", str(kept))
    kept.write_text("nothing")
    with pytest.raises(CommandError, match="There is no checkpoint"):
        call_command("verify_audit", "--notes", str(kept))
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("verify_audit", "--notes", str(tmp_path / "away"))


def test_the_last_good_size_is_that_of_a_checkpoint(notes: list[str], memory: Path) -> None:
    write(9)
    check_log()

    assert remembered().size == 100
    assert audit_verify.remembered().head == AuditEntry.objects.get(seq=100).hash


def test_an_export_is_an_entry_and_never_overwrites(tmp_path: Path, capsys: Any) -> None:
    write(3)
    file = tmp_path / "export.jsonl"
    call_command("export_audit", "--output", str(file), "--texts")

    assert AuditEntry.objects.get(action="audit.export").facts == {"since": "", "until": "", "texts": True}
    assert file.read_bytes().count(b'{"hash":') == 4
    assert b"word 0" in file.read_bytes()
    assert file.stat().st_mode & 0o077 == 0
    with pytest.raises(CommandError, match="File exists"):
        call_command("export_audit", "--output", str(file))
    today = timezone.localdate()
    call_command("export_audit", "--output", str(tmp_path / "part"), "--since", str(today), "--until", str(today))
    assert b'"text":' not in (tmp_path / "part").read_bytes()
    with pytest.raises(CommandError, match="after the last one"):
        call_command("export_audit", "--since", "2026-02-01", "--until", "2026-01-01")
    with pytest.raises(CommandError, match="is no date"):
        call_command("export_audit", "--since", "soon")
