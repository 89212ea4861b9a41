"""A portal of a test's own: a database apart, real processes, the stand-in for Stream. For tests that kill and restore.

The database is of the same kind as the suite's: a SQLite file, or a new database on the same PostgreSQL server.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import requests

from requests_app.demo.ports import address_of, listen_on
from tests import databases, migrated, processes
from tests.canary import API_KEY, SECRET
from tests.databases import SERVER
from tests.patience import until
from tests.warm_python import SETUP, Child, WarmPython

ROOT = Path(__file__).resolve().parents[1]
# What the commands of a portal have in common.
IMPORTED = (
    SETUP,
    "django.core.management.commands.shell",
    "django_q.management.commands.qcluster",
    "requests_app.management.commands.sweep",
    "requests_app.management.commands.supervise",
    "tests.faults.errands",
)


@dataclass
class OwnPortal:
    """The settings of one portal as its processes see them, and the processes that were started, which end with it."""

    folder: Path
    database_url: str
    stream_url: str
    extra: Mapping[str, str] = field(default_factory=dict)
    children: list[Child] = field(default_factory=list)
    # All that this portal's processes start carries it too.
    mark: str = field(default_factory=processes.nested_mark)

    def __enter__(self) -> OwnPortal:
        return self

    def __exit__(self, *_: object) -> None:
        for child in reversed(self.children):
            _end(child)
        # A killed supervisor's cluster is in a group of its own.
        processes.end(lambda: processes.carriers(self.mark))

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of the developer's own, all of this portal's."""
        return {
            "PATH": os.environ["PATH"],
            processes.VARIABLE: self.mark,
            "TMPDIR": str(self.folder),
            "PORTAL_PROFILE": "test",
            # Storms approve more than one person may in an hour.
            "DSR_DELETES_PER_HOUR": "0",
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "DATABASE_URL": self.database_url,
            "STREAM_BASE_URL": self.stream_url,
            "STREAM_API_KEY": API_KEY,
            "STREAM_API_SECRET": SECRET,
            "STREAM_SANDBOX": "true",
            "WORKER_HEAD_FILE": str(self.folder / "head.json"),
            "AUDIT_CHECKPOINT_FILE": str(self.folder / "checkpoints.txt"),
            "AUDIT_VERIFIED_FILE": str(self.folder / "verified.json"),
            "PYTHONUNBUFFERED": "1",
            **self.extra,
        }

    def manage(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a management command to its end."""
        done = self._warm.run(words)
        assert not check or done.returncode == 0, done.stderr[-3000:]
        return done

    def say(self, script: str) -> Any:
        """Run Python in the portal; returns what it printed last, read as JSON."""
        return json.loads(self.manage("shell", "--no-imports", "-c", script).stdout.strip().splitlines()[-1])

    def start(self, *words: str) -> Child:
        """Start a management command that stays, in a process group of its own."""
        with (self.folder / f"{words[0]}-{len(self.children)}.log").open("ab") as log:
            child = self._warm.start(words, output=log, errors=log)
        self.children.append(child)
        return child

    @cached_property
    def _warm(self) -> WarmPython:
        """The process that all commands of this portal are forks of."""
        warm = WarmPython(self.folder, self.environment, IMPORTED)
        self.children.append(warm.process)
        return warm

    def states(self) -> dict[str, int]:
        """How many tickets stand in which state. Asked of the database itself: a test that waits asks many times."""
        question = "SELECT state, count(*) FROM requests_app_ticket GROUP BY state"
        if self.database_url.startswith("sqlite:"):
            with closing(sqlite3.connect(self.database_url.removeprefix("sqlite:///"), timeout=20)) as file:
                return dict(file.execute(question).fetchall())
        with psycopg.connect(self.database_url.replace("postgres:", "postgresql:", 1)) as connection:
            return {str(state): int(number) for state, number in connection.execute(question)}

    def accepted(self) -> list[dict[str, Any]]:
        """The calls that the stand-in accepted, oldest first."""
        with closing(sqlite3.connect(self.folder / "sandbox.sqlite3", timeout=20)) as file:
            rows = file.execute("SELECT operation, user_ids FROM accepted ORDER BY seq").fetchall()
        return [{"operation": operation, "user_ids": json.loads(ids)} for operation, ids in rows]


@contextmanager
def own_database(folder: Path) -> Iterator[str]:
    """The URL of a database of one's own, dropped afterwards: migrated in a run of the tests, else empty."""
    if not SERVER:
        migrated.copy_to(f"{folder}/portal.sqlite3")
        yield f"sqlite:///{folder}/portal.sqlite3"
        return
    name = f"{databases.prefix(os.environ.get(processes.VARIABLE, ''))}{secrets.token_hex(4)}"
    if not migrated.copy_to(name):
        databases.create(name)
    try:
        yield urlunsplit(urlsplit(SERVER)._replace(path=f"/{name}"))
    finally:
        migrated.remove(name)


@contextmanager
def own_portal(folder: Path, *, database: str = "", **extra: str) -> Iterator[OwnPortal]:
    """A migrated portal with a running stand-in; everything it started is gone afterwards.

    `database` is the URL of an empty one where the test brings its own.
    """
    faults = folder / "faults.json"
    sandbox = [sys.executable, "-m", "portal.sandbox", "--key", API_KEY]
    sandbox += ["--secret", SECRET, "--database", str(folder / "sandbox.sqlite3"), "--task-seconds", "0"]
    sandbox += ["--no-limits", "--faults", str(faults), "--seed"]
    with nullcontext(database) if database else own_database(folder) as database_url, listen_on() as listener:
        url, handle = address_of(listener), listener.fileno()
        with OwnPortal(folder, database_url, url, extra) as portal:
            environment = {**os.environ, processes.VARIABLE: portal.mark}
            command = [*sandbox, "--fd", str(handle)]
            portal.children.append(
                subprocess.Popen(command, cwd=ROOT, env=environment, pass_fds=[handle], start_new_session=True)
            )
            listener.close()
            if database or not migrated.is_shared():
                portal.manage("migrate", "--verbosity", "0")
            until(lambda: _answers(url), seconds=20, what="the sandbox to answer")
            yield portal


def _answers(url: str) -> bool:
    try:
        requests.get(url, timeout=1)
    except requests.RequestException:
        return False
    return True


def _end(child: Child) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
