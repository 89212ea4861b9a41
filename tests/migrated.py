"""A database with every table in it, made once for a run of the tests: a copy takes a fraction of the time.

SQLite: a file. PostgreSQL: a database on the server, from which the others are made (CREATE DATABASE … TEMPLATE).
The workers of pytest-xdist share it: the first that asks makes it while the others wait.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from tests import processes
from tests.leftovers import TEMPORARY, database_prefix
from tests.machine import SERVER

ROOT = Path(__file__).resolve().parents[1]
MIGRATE_SECONDS = 300


def is_shared() -> bool:
    """Whether this process belongs to a run of the tests, whose databases are copies."""
    return _place() is not None


def copy_to(target: str) -> bool:
    """Make a migrated database: at a path for SQLite, by a name for PostgreSQL. One that is there is replaced.

    Returns whether it did: outside a run of the tests nothing is shared, and whoever asks migrates by himself.
    """
    place = _place()
    if place is None:
        return False
    with _alone(place):
        _make_once(place)
        if SERVER:
            _copy_on_server(_name(place), target)
        else:
            remove(target)
            shutil.copyfile(_file(place), target)
    return True


def remove(target: str) -> None:
    """Throw a copy away, whoever is still connected to it."""
    if SERVER:
        with _server() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(target)))
    else:
        for ending in ("", "-wal", "-shm"):
            Path(target + ending).unlink(missing_ok=True)


def remove_original() -> None:
    """At the end of the run: throw away what the copies were made from."""
    place = _place()
    if place is None:
        return
    if _done(place).exists():
        remove(_name(place) if SERVER else str(_file(place)))
    for file in (_done(place), _lock(place)):
        file.unlink(missing_ok=True)


def on_server(name: str) -> str:
    """The URL of a database on the server of the tests."""
    return urlunsplit(urlsplit(SERVER)._replace(scheme="postgresql", path=f"/{name}"))


def _place() -> Path | None:
    """The folder that all processes of a run share."""
    folder = Path(tempfile.gettempdir())
    return folder if folder.name.startswith(TEMPORARY) else None


def _file(place: Path) -> Path:
    return place / "migrated.sqlite3"


def _done(place: Path) -> Path:
    return place / "migrated.done"


def _lock(place: Path) -> Path:
    return place / "migrated.lock"


def _name(place: Path) -> str:
    return database_prefix(os.environ.get(processes.VARIABLE, "").split(".")[0]) + re.sub(r"\W", "_", place.name)


@contextmanager
def _server() -> Iterator[psycopg.Connection]:
    with psycopg.connect(on_server("postgres"), autocommit=True) as connection:
        yield connection


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """One process of the run at a time: PostgreSQL copies no database that somebody is connected to."""
    with _lock(place).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _copy_on_server(original: str, target: str) -> None:
    remove(target)
    with _server() as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(target), sql.Identifier(original))
        )


def _make_once(place: Path) -> None:
    if _done(place).exists():
        return
    url = f"sqlite:///{_file(place)}"
    if SERVER:
        name = _name(place)
        with _server() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        url = on_server(name)
    environment = {**os.environ, "PORTAL_PROFILE": "test", "DJANGO_SETTINGS_MODULE": "portal.settings"}
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=ROOT,
        env={**environment, "DATABASE_URL": url},
        check=True,
        timeout=MIGRATE_SECONDS,
    )
    if not SERVER:
        # All of it into the one file that is copied.
        with closing(sqlite3.connect(_file(place))) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    _done(place).touch()
