"""The queue in the portal's own database, which hears of a new job at once.

Django-Q's own broker looks at its table every half second. Here the looks are the same, but a wait between two of them
ends as soon as a job may have come: on PostgreSQL by NOTIFY, sent with the transaction of the job, on SQLite by the
version of the file, which every commit of another connection changes. What is missed costs the time until the next look
and nothing else. A connection pool that passes no NOTIFY on makes it as slow as the other.
"""

from __future__ import annotations

import logging
import time
from typing import Any, Protocol

import psycopg
from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django_q.brokers.orm import ORM
from django_q.conf import Conf

logger = logging.getLogger("portal.queue")

CHANNEL = "portal_job"
# Seconds between two looks at the version of a SQLite file: the look reads one number, and no table.
VERSION_LOOK = 0.02
# Seconds between two ends of the wait at least: most commits are those of others, and each look at the table costs.
LEAST_PAUSE = 0.1


class Bell(Protocol):
    """Ends a wait early where a job may have come."""

    def wait(self, seconds: float) -> None:
        """Wait so long at most. Raises `DatabaseError` where the database is away."""

    def close(self) -> None:
        """Let go of the connection."""


class Broker(ORM):  # type: ignore[misc]
    """Django-Q's ORM broker, but for how it waits (`Q_CLUSTER["broker_class"]`)."""

    _bell: Bell | None = None

    def enqueue(self, task: str) -> Any:
        """Store a job, and say so to whoever waits once the transaction is committed."""
        connection = connections[Conf.ORM]
        stored = super().enqueue(task)
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"NOTIFY {CHANNEL}")
        return stored

    def dequeue(self) -> list[tuple[Any, str]] | None:
        """The next jobs, or None after a wait of `Conf.POLL` seconds or less."""
        # Before the look: what comes between the two ends the wait.
        bell = self._ready_bell()
        if bell is None or self.queue_size():
            jobs: list[tuple[Any, str]] | None = super().dequeue()
            return jobs
        try:
            bell.wait(Conf.POLL)
        except DatabaseError as error:
            logger.warning("New jobs are looked for every %s s: %s.", Conf.POLL, type(error).__name__)
            self._bell = None
            bell.close()
            time.sleep(Conf.POLL)
        return None

    def _ready_bell(self) -> Bell | None:
        """The bell of this process: made here, since a connection must not cross a fork."""
        if self._bell is None:
            try:
                self._bell = bell_of(connections[Conf.ORM])
            except DatabaseError:
                return None
        return self._bell


def bell_of(connection: BaseDatabaseWrapper) -> Bell:
    """What rings for jobs of a database, on a connection of its own. Raises `DatabaseError` where it is away."""
    own = connection.copy()
    return _Notified(own) if own.vendor == "postgresql" else _Versioned(own)


class _Notified:
    """PostgreSQL tells whoever listens."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")

    def wait(self, seconds: float) -> None:
        with self._connection.wrap_database_errors:
            listening: psycopg.Connection[Any] = self._connection.connection
            for _ in listening.notifies(timeout=seconds, stop_after=1):
                pass

    def close(self) -> None:
        self._connection.close()


class _Versioned:
    """SQLite counts the commits of other connections."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection
        self._seen = self._version()
        self._woke = 0.0

    def wait(self, seconds: float) -> None:
        began = time.monotonic()
        ends = began + seconds
        time.sleep(max(0.0, min(ends, self._woke + LEAST_PAUSE) - began))
        while (version := self._version()) == self._seen and time.monotonic() < ends:
            time.sleep(VERSION_LOOK)
        self._seen, self._woke = version, time.monotonic()

    def close(self) -> None:
        self._connection.close()

    def _version(self) -> int:
        with self._connection.cursor() as cursor:
            return int(cursor.execute("PRAGMA data_version").fetchone()[0])
