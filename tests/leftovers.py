"""A run of the tests leaves nothing behind: no process, database, key in Redis, temporary file or stored file.

Looks at the end of the whole run, once for all workers of pytest-xdist. What is left fails the run and is named;
processes are ended as well. Each worker, and the whole, is watched by `end_with_parent`: killed, it leaves no process
and no temporary file.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from tests import databases, end_with_parent, processes
from tests.processes import VARIABLE, Process

TEMPORARY = "portal-tests-"


def left_databases(server: str, mark: str) -> set[str]:
    """The databases on the server that the run made; none where the tests run on SQLite."""
    try:
        return {f"database {name}" for name in databases.named(server, mark)}
    except psycopg.OperationalError:
        return {"what nobody knows: PostgreSQL no longer answers"}


def keys(url: str) -> set[str]:
    """The keys in the index of Redis that the tests use."""
    if not url:
        return set()
    try:
        with redis.Redis.from_url(url) as server:
            return {f"Redis key {key.decode(errors='replace')}" for key in server.scan_iter()}
    except redis.ConnectionError:
        return {"what nobody knows: Redis no longer answers"}


def files(folder: Path) -> set[str]:
    """The databases and stored files of tests below the folder."""
    found = [path for start in folder.glob("test*") for path in (start, *start.rglob("*"))]
    return {f"file {path}" for path in found if not path.is_dir()}


def temporary(folder: Path) -> set[str]:
    """What stands in the folder for temporary files."""
    return {f"temporary {path}" for path in folder.iterdir()}


@dataclass
class Run:
    """One process of pytest: a worker of pytest-xdist, or the one that answers for the whole run."""

    # Where SQLite databases and stored files of tests are.
    data: Path
    is_worker: bool
    mark: str = field(default_factory=processes.nested_mark)
    found: list[str] = field(default_factory=list)
    watch: subprocess.Popen[bytes] | None = None
    before: set[str] = field(default_factory=set)
    # None of a worker's own: the whole run has one.
    folder: Path | None = None

    def begin(self) -> None:
        """Mark what is started from here on, give it a place for temporary files, and note what is there already."""
        os.environ[VARIABLE] = self.mark
        processes.adopt_orphans()
        if not self.is_worker:
            # The folders of `tmp_path` stay where they are: they are kept on purpose.
            os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
            self.folder = Path(tempfile.mkdtemp(prefix=f"{TEMPORARY}{os.getpid()}-"))
            # Workers inherit it.
            os.environ["TMPDIR"] = tempfile.tempdir = str(self.folder)
            self.before = self._data()
        self.watch = end_with_parent.start(self.mark, self.folder)

    def finish(self) -> None:
        """Find and name what is left, and end the processes among it."""
        try:
            if self.folder:
                left = processes.lasting(self._processes, processes.GRACE_SECONDS)
                self.found = [*map(str, left), *sorted(self._data() - self.before), *sorted(temporary(self.folder))]
                processes.end(self._processes)
                shutil.rmtree(self.folder, ignore_errors=True)
        finally:
            self._end_watch()

    def _data(self) -> set[str]:
        server, broker = (os.environ.get(name, "") for name in ("TEST_DATABASE_URL", "TEST_REDIS_URL"))
        return left_databases(server, self.mark) | keys(broker) | files(self.data)

    def _processes(self) -> Collection[Process]:
        own = self.watch.pid if self.watch else 0
        found = {process.pid: process for process in (*processes.below(os.getpid()), *processes.carriers(self.mark))}
        return [process for process in found.values() if process.pid != own]

    def _end_watch(self) -> None:
        if self.watch:
            self.watch.kill()
            self.watch.wait()


class Plugin:
    """What pytest asks of a run."""

    def __init__(self, data: Path, *, is_worker: bool) -> None:
        self.run = Run(data, is_worker)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self) -> None:
        """Before pytest-xdist starts its workers, and before any test."""
        self.run.begin()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Once the last fixture is torn down and the last worker has ended."""
        self.run.finish()
        if self.run.found and session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Name what is left."""
        if self.run.found:
            terminalreporter.section("FAILED: the tests left something behind", red=True, bold=True)
            for line in self.run.found:
                terminalreporter.write_line(f"left behind: {line}")


def look_for_them(config: pytest.Config, data: Path) -> None:
    """Let the run of this configuration fail on what it leaves behind."""
    if not config.option.collectonly:
        config.pluginmanager.register(Plugin(data, is_worker=hasattr(config, "workerinput")), "leftovers")
