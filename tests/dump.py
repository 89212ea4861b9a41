"""Everything that a database holds, unpacked where the portal itself could: to look for what must be gone."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.contrib.sessions.models import Session
from django.db import connection
from django_q.models import OrmQ, Task
from django_q.signing import SignedPackage


def everything() -> str:
    """All tables as text, the raw bytes of a SQLite file, and what sessions, jobs, results and the cache pack up."""
    parts = [*(_postgresql() if connection.vendor == "postgresql" else _sqlite()), *_packed(), *_cached()]
    return "\n".join(parts)


def tables() -> list[str]:
    """The names of all tables."""
    with connection.cursor() as cursor:
        return connection.introspection.table_names(cursor)


def _sqlite() -> Iterator[str]:
    """The file as it lies there after VACUUM, with its log, and a dump of it."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file = Path(str(connection.settings_dict["NAME"]))
    for path in (file, file.with_name(f"{file.name}-wal")):
        if path.exists():
            yield path.read_bytes().decode("latin-1")
            yield path.read_bytes().decode("utf-8", "replace")
    own = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        yield from own.iterdump()
    finally:
        own.close()


def _postgresql() -> Iterator[str]:
    """Each table as COPY writes it."""
    for table in tables():
        with connection.cursor() as cursor, cursor.copy(f'COPY "{table}" TO STDOUT') as copy:
            yield b"".join(bytes(piece) for piece in copy).decode()


def _packed() -> Iterator[str]:
    for session in Session.objects.all():
        yield str(session.get_decoded())
    for job in OrmQ.objects.all():
        yield str(SignedPackage.loads(job.payload))
    for task in Task.objects.all():
        yield str((task.name, task.func, task.args, task.kwargs, task.result))


def _cached() -> Iterator[str]:
    if "portal_cache" not in tables():
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT cache_key, value FROM portal_cache")
        rows: list[Any] = cursor.fetchall()
    for key, value in rows:
        yield key
        # Pickled: texts stand in there as they are.
        yield base64.b64decode(value).decode("latin-1")
