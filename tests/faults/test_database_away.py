"""The database fails while a call is on its way or while workers work: nothing is sent twice, all of it ends."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.databases import SERVER
from tests.machine import missing
from tests.own_portal import OwnPortal, own_portal
from tests.patience import until

pytestmark = pytest.mark.usefixtures("nothing_outlives_it")
PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))


def do(portal: OwnPortal, errand: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
    words = ("shell", "--no-imports", "-c", f"from tests.faults import errands; errands.{errand}")
    return portal.manage(*words, check=check)


def report(portal: OwnPortal) -> Any:
    return portal.say("from tests.faults import errands; errands.report()")


def deleted(portal: OwnPortal) -> Counter[str]:
    """How often a delete of each user was accepted."""
    return Counter(
        name for call in portal.accepted() if call["operation"] == "DeleteUsers" for name in call["user_ids"]
    )


def test_an_answer_that_could_not_be_written_down_is_followed_by_no_second_call(tmp_path: Path) -> None:
    """The disk is full on SQLite; on PostgreSQL the server ends the connection, and is not back within the budget."""
    with own_portal(tmp_path) as portal:
        do(portal, "approve('anna', 2)")
        failed = do(portal, "sweep_without_a_database()", check=False)
        assert failed.returncode != 0
        assert "OperationalError" in failed.stderr
        once = Counter({"anna-0": 1, "anna-1": 1})
        sent = deleted(portal)
        assert sent
        assert sent <= once

        for ahead in (1, 100, 200, 300, 400):
            do(portal, f"sweep({ahead})")

        found = report(portal)
        assert deleted(portal) == once
        # Whose answer was lost is hidden on Stream, and nobody told how that ended.
        lost = {"completed/not_verified": sum(sent.values())} if sent else {}
        rest = 2 - sum(sent.values())
        assert found["tickets"] == {**lost, **({"completed/erased_in_part": rest} if rest else {})}
        assert found["actions"]["call.reconcile"] == sum(sent.values())
        assert found["intact"]


def as_its_owner(words: Sequence[str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    return ["runuser", "-u", "postgres", "--", *words] if os.geteuid() == 0 else list(words)


def port_of_its_own() -> int:
    """Free, and below those that the system gives to whoever asks for any: it stays free while the server restarts."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for port in random.sample(range(10_000, lowest), 50):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError(f"No port is free between 10000 and {lowest}.")


@contextmanager
def own_server(folder: Path) -> Iterator[tuple[str, Sequence[str]]]:
    """A PostgreSQL server of the test's own: its URL, and the command that ends it at once and starts it again."""
    control, port = PROGRAMS[-1], port_of_its_own()
    data = folder / "data"
    data.mkdir(parents=True)
    if os.geteuid() == 0:
        for path in (folder, data):
            shutil.chown(path, "postgres")
        for above in (folder, *folder.parents):
            if not above.stat().st_mode & 0o001:
                above.chmod(above.stat().st_mode | 0o011)

    def run(*words: str) -> None:
        # The server inherits what is open: a pipe would never end.
        subprocess.run(as_its_owner(words), cwd="/", check=True, stdout=subprocess.DEVNULL, timeout=60)

    run(str(control.with_name("initdb")), "-D", str(data), "-U", "portal", "--auth", "trust", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={data}"
    ctl = [str(control), "-D", str(data), "-w", "-l", str(data / "log"), "-o", options]
    run(*ctl, "start")
    try:
        yield f"postgres://portal@127.0.0.1:{port}/postgres", as_its_owner([*ctl, "-m", "immediate", "restart"])
    finally:
        run(*ctl, "-m", "immediate", "stop")


@pytest.mark.timeout(180)
def test_workers_outlive_a_postgresql_that_crashes_and_comes_back(tmp_path: Path) -> None:
    if not SERVER:
        pytest.skip("A matter of PostgreSQL alone.")
    if not PROGRAMS:
        missing("postgres")
    with (
        # Not below `tmp_path`: the next pytest that starts here would lock the server's owner out of its folder.
        TemporaryDirectory(prefix="server-") as place,
        own_server(Path(place) / "server") as (url, restart),
        own_portal(tmp_path, database=url) as portal,
    ):
        # Slow enough for a crash to come while calls are on their way.
        slow = {"calls": {"DeleteUsers": {"latency_ms": 400}}}
        (tmp_path / "faults.json").write_text(json.dumps(slow))
        do(portal, "approve('early', 6)")
        for _ in range(2):
            portal.start("sweep", "--loop", "0.1")
        known = 0
        for crash in range(3):
            until(lambda known=known: len(deleted(portal)) > known, seconds=90, what="the workers to call Stream")
            # Counted before more is approved: on a busy machine the workers are done with that before its command ends.
            known = len(deleted(portal))
            subprocess.run(restart, cwd="/", check=True, stdout=subprocess.DEVNULL, timeout=60)
            do(portal, f"approve('after-{crash}', 2)")

        until(lambda: report(portal)["moving"] == 0, seconds=150, what="every ticket to end")

        found = report(portal)
        # An answer that was lost in a crash leaves its deletes not verified.
        assert set(found["tickets"]) <= {"completed/erased_in_part", "completed/not_verified"}
        assert sum(found["tickets"].values()) == 12
        assert set(deleted(portal).values()) == {1}
        assert len(deleted(portal)) == 12
        assert found["intact"]
