"""Many processes write to the audit log and sign it at once: no number is missing, none is given twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from requests_app.audit.note import Checkpoint, Note, notes_in
from tests.own_portal import OwnPortal, own_database

WRITERS, EACH = 8, 40


def test_numbers_have_no_gap_however_many_write(tmp_path: Path) -> None:
    # Nothing is sent here: there is no Stream.
    with own_database(tmp_path) as url, OwnPortal(tmp_path, url, "http://127.0.0.1:9") as portal:
        portal.manage("migrate", "--verbosity", "0")
        script = f"from tests.faults import errands; errands.scribble_at_once({WRITERS}, {EACH})"
        found: dict[str, Any] = portal.say(script)
    assert found["codes"] == [0] * WRITERS
    # A fifth of the transactions was rolled back, and left no gap.
    written = WRITERS * EACH - WRITERS * EACH // 5
    assert found["by_writer"] == {str(writer): EACH - EACH // 5 for writer in range(WRITERS)}
    assert found["seqs"] == list(range(1, found["listed"] + written + 1))
    assert found["verdict"] == ""
    sizes = [
        Checkpoint.parse(Note.parse(note).text).size for note in notes_in((tmp_path / "checkpoints.txt").read_text())
    ]
    assert sizes == sorted(set(sizes))
    assert set(sizes) == set(found["sizes"])
