"""Several processes replace one small file while another reads it, whole each time, and leave nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from requests_app.atomic_files import replace_text
from tests.own_portal import ROOT

WRITES = 300
# Long enough that a file that is being written is seen half.
FILLING = "x" * 20_000
WRITER = """
import json, sys
from pathlib import Path
from requests_app.atomic_files import replace_text

file, who, writes, filling = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), "x" * 20_000
for number in range(writes):
    replace_text(file, json.dumps({"who": who, "number": number, "filling": filling}))
"""

pytestmark = pytest.mark.usefixtures("nothing_outlives_it")


def test_two_processes_write_and_nobody_reads_a_part(tmp_path: Path) -> None:
    file = tmp_path / "head.json"
    replace_text(file, json.dumps({"who": "nobody", "number": 0, "filling": FILLING}))
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(file), who, str(WRITES)], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        for who in ("first", "second")
    ]
    reads = 0
    while any(writer.poll() is None for writer in writers):
        assert json.loads(file.read_text())["filling"] == FILLING
        reads += 1
    said = [writer.communicate()[1] for writer in writers]

    assert [writer.returncode for writer in writers] == [0, 0], said
    assert reads > 0
    assert json.loads(file.read_text())["number"] == WRITES - 1
    assert list(tmp_path.iterdir()) == [file]


def test_a_text_that_cannot_be_put_there_leaves_the_old_one_and_nothing_beside(tmp_path: Path) -> None:
    file = tmp_path / "head.json"
    replace_text(file, "old")
    folder = tmp_path / "folder"
    folder.mkdir()

    with pytest.raises(UnicodeEncodeError):
        replace_text(file, "\ud800")
    with pytest.raises(OSError, match="folder"):
        replace_text(folder, "new")

    assert file.read_text() == "old"
    assert sorted(tmp_path.iterdir()) == [folder, file]
