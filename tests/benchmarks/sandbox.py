"""The sandbox as a process of its own, and what it says of the calls that reached it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.sandbox.store import SCHEMA
from requests_app.models import StreamApp
from requests_app.stream.client import StreamClient
from requests_app.stream.credentials import Credentials
from tests import factories
from tests.canary import API_KEY, SECRET

PER_CALL = 100


@dataclass(frozen=True)
class Stream:
    """A running sandbox."""

    base_url: str
    file: Path

    def client(self) -> StreamClient:
        """A client of one's own, past the portal."""
        return StreamClient(Credentials(self.base_url, API_KEY, SECRET))

    def app(self) -> StreamApp:
        """The portal's app that leads there."""
        return factories.stream_app(base_url=self.base_url)

    def make_users(self, user_ids: Sequence[str]) -> None:
        """Create users by Stream's own call."""
        transport = self.client().transport
        for start in range(0, len(user_ids), PER_CALL):
            users = {user_id: {"id": user_id, "name": "Somebody"} for user_id in user_ids[start : start + PER_CALL]}
            answer = transport.exchange("UpdateUsers", "POST", "/users", body={"users": users}, changes=True)
            if answer.status != 201:
                raise RuntimeError(f"The sandbox refused to make users: {answer.status}")

    def accepted(self, operation: str) -> list[int]:
        """How many users each accepted call of the kind named."""
        rows = self._rows("SELECT user_ids FROM accepted WHERE operation = ?", operation)
        return [len(json.loads(row[0])) for row in rows]

    def by_minute(self, operation: str) -> list[int]:
        """How many accepted calls of the kind each minute of the clock saw, from the first to the last one."""
        rows = self._rows("SELECT at FROM accepted WHERE operation = ?", operation)
        seen = Counter(int(at) // 60 for (at,) in rows)
        return [seen[minute] for minute in range(min(seen), max(seen) + 1)] if seen else []

    def calls(self, *endpoints: str) -> int:
        """How many calls of these kinds came in, reads included."""
        spent = self._rows("SELECT endpoint, calls FROM spent")
        return sum(calls for endpoint, calls in spent if endpoint in endpoints)

    def _rows(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.file, timeout=20)) as connection:
            return connection.execute(question, values).fetchall()


@contextmanager
def running(
    folder: Path,
    *,
    latency_ms: float = 0.0,
    task_seconds: float = 2.0,
    limits: bool = False,
    tasks: Sequence[tuple[str, str, float, float]] = (),
) -> Iterator[Stream]:
    """Start a sandbox and stop it again; `limits` are Stream's default ones or none at all.

    `tasks` are exports that it works on already: task id, user id, when accepted and when done (seconds, epoch).
    """
    file = folder / f"stream-{len(list(folder.glob('stream-*.sqlite3')))}.sqlite3"
    _write(file, tasks)
    command = [sys.executable, "-m", "portal.sandbox", "--port", "0", "--database", str(file)]
    command += ["--key", API_KEY, "--secret", SECRET]
    command += ["--latency-ms", str(latency_ms), "--task-seconds", str(task_seconds)]
    command += [] if limits else ["--no-limits"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = process.stdout.readline() if process.stdout else ""
            if not said.startswith("sandbox ready on "):
                raise RuntimeError("The sandbox did not start.")
            yield Stream(said.split()[-1], file)
        finally:
            process.terminate()
            process.wait(timeout=20)


def _write(file: Path, tasks: Sequence[tuple[str, str, float, float]]) -> None:
    """Tasks are running from the start: to find out which of many turn from pending to running would cost each call."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(SCHEMA)
        connection.executemany(
            "INSERT INTO tasks VALUES (?, 'ExportUsers', ?, ?, ?, ?, 'running', NULL, NULL)",
            [(task, json.dumps({"user_ids": [user]}), at, due, at) for task, user, at, due in tasks],
        )
