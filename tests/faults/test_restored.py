"""Yesterday's database is restored: sending is paused by itself, and nothing that was sent since is sent blindly."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tests.databases import SERVER
from tests.own_portal import OwnPortal, own_portal


def back_up(portal: OwnPortal) -> Callable[[], None]:
    """Copy the database as it is now; returns what puts the copy in its place."""
    return _back_up_database(portal) if SERVER else _back_up_file(portal)


def _back_up_file(portal: OwnPortal) -> Callable[[], None]:
    file = Path(portal.database_url.removeprefix("sqlite:///"))
    copy = file.with_suffix(".backup")
    with closing(sqlite3.connect(file)) as origin, closing(sqlite3.connect(copy)) as target:
        origin.backup(target)

    def restore() -> None:
        for leftover in (f"{file}-wal", f"{file}-shm"):
            Path(leftover).unlink(missing_ok=True)
        shutil.copy(copy, file)

    return restore


def _back_up_database(portal: OwnPortal) -> Callable[[], None]:
    parts = urlsplit(portal.database_url)
    name = parts.path.lstrip("/")
    server = urlunsplit(parts._replace(scheme="postgresql", path="/postgres"))

    def replace(target: str, origin: str) -> None:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{target}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{target}" TEMPLATE "{origin}"')

    def restore() -> None:
        replace(name, f"{name}_backup")
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}_backup"')

    replace(f"{name}_backup", name)
    return restore


def do(portal: OwnPortal, errand: str) -> None:
    portal.manage("shell", "--no-imports", "-c", f"from tests.faults import errands; errands.{errand}")


def report(portal: OwnPortal) -> Any:
    return portal.say("from tests.faults import errands; errands.report()")


def deleted(portal: OwnPortal) -> Counter[str]:
    """How often a delete of each user was accepted."""
    return Counter(
        name for call in portal.accepted() if call["operation"] == "DeleteUsers" for name in call["user_ids"]
    )


def refuse_deletes(portal: OwnPortal, refuse: bool) -> None:
    faults = {"calls": {"DeleteUsers": {"error": 429}}} if refuse else {}
    (portal.folder / "faults.json").write_text(json.dumps(faults))


def test_a_restored_database_pauses_itself_and_is_compared_with_stream_first(tmp_path: Path) -> None:
    with own_portal(tmp_path) as portal:
        # Looked at before the backup and erased after it, approved before and erased after, exported after.
        refuse_deletes(portal, True)
        do(portal, "approve('seen', 1)")
        do(portal, "sweep()")
        do(portal, "approve('unseen', 1, exports=1)")
        restore = back_up(portal)
        refuse_deletes(portal, False)
        do(portal, "sweep(400)")
        do(portal, "sweep(500)")
        once = Counter({"seen-0": 1, "unseen-0": 1})
        assert deleted(portal) == once
        assert report(portal)["moving"] == 0

        restore()
        do(portal, "sweep()")
        found = report(portal)
        assert (found["paused"], found["actions"]["database.restored"]) == (1, 1)
        assert deleted(portal) == once

        # The time to settle is over: what is gone is settled, what nobody can tell is for a person.
        do(portal, "sweep(600)")
        found = report(portal)
        assert found["tickets"] == {"completed/not_verified": 1, "needs_attention/": 1, "running/": 1}
        assert deleted(portal) == once

        do(portal, "lift()")
        do(portal, "sweep(700)")
        do(portal, "sweep(800)")
        found = report(portal)
        assert found["tickets"] == {"completed/not_verified": 1, "needs_attention/": 1, "completed/exported": 1}
        assert deleted(portal) == once
        assert found["intact"]
        assert found["actions"]["database.restored"] == 1


def test_a_worker_that_knows_no_earlier_head_pauses_nothing(tmp_path: Path) -> None:
    with own_portal(tmp_path) as portal:
        do(portal, "approve('new', 1)")
        do(portal, "sweep()")
        (tmp_path / "head.json").write_text("half a fi")
        do(portal, "sweep(60)")

        assert report(portal)["paused"] == 0
        assert json.loads((tmp_path / "head.json").read_text())["seq"] > 0
