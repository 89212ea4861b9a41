"""`manage.py` itself, whatever the command."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from requests_app.outages import BEHIND, EMPTY

ROOT = Path(__file__).resolve().parents[2]


def run(*words: str, database: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PORTAL_PROFILE": "test", "DJANGO_SETTINGS_MODULE": "portal.settings"}
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={**environment, "DATABASE_URL": database},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("database", "sentence"),
    [
        ("sqlite:///{folder}/empty.sqlite3", EMPTY),
        ("sqlite:///{folder}/behind.sqlite3", BEHIND),
        ("sqlite:///{folder}/nowhere/at.sqlite3", "does not answer. Is it up, and is DATABASE_URL its address?"),
        ("postgres://portal:portal@127.0.0.1:1/portal", "does not answer. Is it up, and is DATABASE_URL its address?"),
    ],
)
def test_without_a_database_or_its_tables_it_says_what_to_do(database: str, sentence: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "behind.sqlite3")) as behind:
        behind.execute("CREATE TABLE django_session (session_key text)")
    done = run("explain_ticket", "DSR-000001", database=database.format(folder=tmp_path))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("manage.py: The database ")
    assert done.stderr.strip().endswith(sentence)


def test_a_stop_by_hand_ends_it_without_a_traceback() -> None:
    environment = {**os.environ, "PORTAL_PROFILE": "test", "DJANGO_SETTINGS_MODULE": "portal.settings"}
    with subprocess.Popen(
        [
            sys.executable,
            "manage.py",
            "shell",
            "--no-imports",
            "-c",
            # Where this run itself was started in the background, its children inherit that Ctrl-C is ignored.
            "import signal, time; signal.signal(signal.SIGINT, signal.default_int_handler); "
            "print('on', flush=True); time.sleep(60)",
        ],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline() == b"on\n"
        running.send_signal(signal.SIGINT)
        complaints = running.stderr.read()

    assert (running.returncode, complaints) == (130, b"")


def test_whoever_reads_no_further_ends_it_without_a_traceback() -> None:
    """As `head -n 1` does behind a pipe."""
    environment = {**os.environ, "PORTAL_PROFILE": "test", "DJANGO_SETTINGS_MODULE": "portal.settings"}
    with subprocess.Popen(
        [sys.executable, "manage.py", "table_diagram"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        complaints = running.stderr.read()

    assert (running.returncode, complaints) == (1, b"")
