"""A database with every table in it, made once for a run of the tests: a copy takes a fraction of the time.

SQLite: a file. PostgreSQL: a database on the server, from which the others are made (CREATE DATABASE … TEMPLATE).
The workers of pytest-xdist share it: the first that asks makes it while the others wait.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.metadata import distributions
from pathlib import Path

from tests import databases, processes
from tests.databases import SERVER
from tests.leftovers import TEMPORARY

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
        remove(target)
        if SERVER:
            databases.create(target, template=_name(place))
        else:
            shutil.copyfile(_file(place), target)
    return True


def name_for(worker: str) -> str:
    """What the database of a worker of this run is called: on PostgreSQL its name, on SQLite its path."""
    if SERVER:
        return databases.prefix(os.environ[processes.VARIABLE]) + worker
    return str(Path(tempfile.gettempdir()) / f"suite-{worker}.sqlite3")


def remove(target: str) -> None:
    """Throw a copy away, whoever is still connected to it."""
    if SERVER:
        databases.drop(target)
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
    return databases.prefix(os.environ.get(processes.VARIABLE, "").split(".")[0]) + re.sub(r"\W", "_", place.name)


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """One process of the run at a time: PostgreSQL copies no database that somebody is connected to."""
    with _lock(place).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make_once(place: Path) -> None:
    if _done(place).exists():
        return
    if SERVER:
        databases.create(_name(place))
        _migrate(databases.url_of(_name(place)))
    else:
        _make_file(_file(place))
    _done(place).touch()


def _make_file(target: Path) -> None:
    """A migrated SQLite file; one of an earlier run is taken where nothing has changed that makes its tables."""
    kept = ROOT / ".pytest_cache" / f"migrated-{_digest_of_tables()}.sqlite3"
    if not kept.exists():
        for old in kept.parent.glob("migrated-*.sqlite3"):
            old.unlink(missing_ok=True)
        _migrate(f"sqlite:///{target}")
        # All of it into the one file that is copied.
        with closing(sqlite3.connect(target)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        kept.parent.mkdir(exist_ok=True)
        shutil.copyfile(target, target.with_suffix(".kept"))
        # At once: a run beside this one sees the whole file or none.
        shutil.move(target.with_suffix(".kept"), kept)
    else:
        shutil.copyfile(kept, target)


def _digest_of_tables() -> str:
    """Of everything that decides what `migrate` makes: our migrations and triggers, and the releases of the others."""
    deciding = [*ROOT.glob("requests_app/migrations/*.py"), *ROOT.glob("requests_app/models/*.py")]
    releases = sorted(f"{one.name} {one.version}" for one in distributions())
    digest = hashlib.sha256("\n".join(releases).encode())
    for file in sorted(deciding):
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:20]


def _migrate(url: str) -> None:
    environment = {**os.environ, "PORTAL_PROFILE": "test", "DJANGO_SETTINGS_MODULE": "portal.settings"}
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=ROOT,
        env={**environment, "DATABASE_URL": url},
        check=True,
        timeout=MIGRATE_SECONDS,
    )
