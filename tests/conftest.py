"""What holds for every test: nothing leaves this machine, nothing secret is said, and in CI nothing is left out."""

from __future__ import annotations

import gc
import logging
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.management.commands import flush
from django.db import connections

from requests_app.workflow import access
from tests import emptying, lanes, leftovers, machine, migrated, processes
from tests.canary import EVERYWHERE
from tests.own_portal import ROOT

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def pytest_configure(config: pytest.Config) -> None:
    """Name the lanes, look for the server once, before any worker starts, and watch for what the tests leave."""
    for name, meaning in lanes.MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    if not hasattr(config, "workerinput"):
        machine.check_server()
        machine.check_browser()
    leftovers.look_for_them(config, ROOT / "var")


def pytest_collection_finish() -> None:
    """What was imported and collected stays until the end: no need to look through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Every test gets its lanes, before they are chosen by; the order is the last word, after that of pytest-django."""
    lanes.assign(items)
    yield
    lanes.put_long_ones_first(items)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> lanes.Scheduling | None:
    """Workers take groups of tests, where they are to share by file at all."""
    return lanes.Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_terminal_summary(terminalreporter: Any, exitstatus: int) -> None:
    """Say which files took longest, and plainly what this run could and could not use."""
    for seconds, file in lanes.slowest_files(terminalreporter.stats.values()):
        terminalreporter.write_line(f"{seconds:6.1f} s in {file}")
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        terminalreporter.write_line("No test matches: look at what ARGS says, and at the lane's own choice.", red=True)
    vendor = connections["default"].vendor
    browser = "with" if machine.CHROMIUM else "WITHOUT"
    redis = "with" if os.environ.get("TEST_REDIS_URL") else "WITHOUT"
    terminalreporter.write_line(f"This run: {vendor}, {browser} a browser, {redis} Redis.")
    for need in machine.lacking():
        what, remedy = machine.NEEDS[need]
        terminalreporter.write_line(f"For {what}: {remedy}.")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Every worker has ended: nobody copies the migrated database any more."""
    if not hasattr(session.config, "workerinput"):
        migrated.remove_original()


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """The database of the suite is a copy, which Django is not to make anew."""
    return True


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> Iterator[None]:
    """Each worker's database, copied from the one that was migrated. No other run has one of this name."""
    name = migrated.name_for(os.environ.get("PYTEST_XDIST_WORKER", "main"))
    settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = name
    connections["default"].settings_dict["TEST"]["NAME"] = name
    migrated.copy_to(name)
    yield
    connections.close_all()
    migrated.remove(name)


@pytest.fixture(autouse=True, scope="session")
def _files_of_this_run(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Attachments that no test removes go with the temporary folders of pytest."""
    settings.FILES_FOLDER = str(tmp_path_factory.mktemp("files"))


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that calls anything but this machine fails."""
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in _LOOPBACK:
            raise AssertionError(f"A test wanted to reach {address[0]}.")
        real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture
def nothing_outlives_it() -> Iterator[None]:
    """A process that is left once the test is over fails it, and is ended."""
    with processes.ended_with_it():
        yield


@pytest.fixture(autouse=True)
def _nobody_is_remembered() -> None:
    """Failed sign-ins of one test do not slow the next one down, which records no refused attempts of it either."""
    cache.clear()
    access._waiting.attempts.clear()


class _Ear(logging.Handler):
    """Hears every line that is logged, as it would be written."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(self.format(record))


@pytest.fixture(autouse=True)
def _nothing_secret_is_logged() -> Iterator[None]:
    """Canary secrets and names run through the tests; a log line that holds one fails the test."""
    ear = _Ear()
    root = logging.getLogger()
    root.addHandler(ear)
    try:
        yield
    finally:
        root.removeHandler(ear)
    said = [line for line in ear.heard for word in EVERYWHERE if word in line]
    assert not said, f"A log line says what it must not: {said[0][:200]}"


@pytest.fixture(autouse=True, scope="session")
def _tables_are_emptied_fast() -> Iterator[None]:
    """Tests that commit empty the tables afterwards."""
    patch = pytest.MonkeyPatch()

    def handle(_command: flush.Command, **options: Any) -> None:
        emptying.empty(options["database"])

    patch.setattr(flush.Command, "handle", handle)
    yield
    patch.undo()
