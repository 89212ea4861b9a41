"""A database that is really locked, cannot be reached, or breaks off in a commit: for tests that meet it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import psycopg
from django.db import OperationalError, connection

# What waits for a lock gives up after so many milliseconds.
PATIENCE_MS = 100


class Lock:
    """Held by a connection of its own; readers go on, writers wait. May be let go by any thread."""

    def __init__(self) -> None:
        self._holder: Any = None

    def take(self) -> None:
        """Nobody writes from now on."""
        if connection.vendor == "sqlite":
            name = connection.settings_dict["NAME"]
            self._holder = sqlite3.connect(name, isolation_level=None, check_same_thread=False)
            self._holder.execute("BEGIN IMMEDIATE")
            return
        with connection.cursor() as cursor:
            tables = ", ".join(f'"{name}"' for name in connection.introspection.table_names(cursor))
        known = connection.get_connection_params()
        wanted = {name: known[name] for name in ("dbname", "user", "password", "host", "port") if name in known}
        self._holder = psycopg.connect(**wanted)
        self._holder.execute(f"LOCK TABLE {tables} IN EXCLUSIVE MODE")

    def let_go(self) -> None:
        """Everybody goes on."""
        if self._holder is not None:
            self._holder.rollback()
            self._holder.close()
            self._holder = None


@contextmanager
def _with_settings(**changes: Any) -> Iterator[None]:
    """Connections of this process are made with other settings, the first one now."""
    connection.close()
    with patch.dict(connection.settings_dict, changes):
        try:
            yield
        finally:
            connection.close()


@contextmanager
def impatient() -> Iterator[Lock]:
    """A lock that is free at first; whoever waits for it gives up soon."""
    options = dict(connection.settings_dict.get("OPTIONS", {}))
    if connection.vendor == "sqlite":
        options["timeout"] = PATIENCE_MS / 1000
    else:
        options["options"] = f"-c lock_timeout={PATIENCE_MS}ms"
    lock = Lock()
    with ExitStack() as stack:
        stack.enter_context(_with_settings(OPTIONS=options))
        stack.callback(lock.let_go)
        yield lock


@contextmanager
def locked() -> Iterator[None]:
    """Nobody writes, and whoever waits gives up soon."""
    with impatient() as lock:
        lock.take()
        yield


@contextmanager
def unreachable() -> Iterator[None]:
    """No connection can be made: the file is not there, or nothing listens."""
    away = {"NAME": "/nowhere/portal.sqlite3"} if connection.vendor == "sqlite" else {"PORT": "9"}
    with _with_settings(**away):
        yield


@contextmanager
def commits_that_break_off() -> Iterator[Callable[[], None]]:
    """Call what is given: the next commit is made, and its connection breaks before it says so."""
    real, armed = connection._commit, []

    def commit() -> None:
        real()
        if armed and connection.get_autocommit() is False:
            armed.clear()
            raise OperationalError("server closed the connection unexpectedly")

    with patch.object(connection, "_commit", commit):
        yield lambda: armed.append(True)
