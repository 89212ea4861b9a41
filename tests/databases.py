"""The databases of a run of the tests: named after its mark, so that two runs at once never meet, and found by it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

SERVER = os.environ.get("TEST_DATABASE_URL", "")
PREFIX = "portal_own_"


def prefix(mark: str) -> str:
    """How the names of the databases begin that the run of this mark makes."""
    return f"{PREFIX}{mark.replace('.', '_')}_" if mark else PREFIX


def url_of(name: str, *, server: str = SERVER) -> str:
    """The URL of a database on the server of the tests, in psycopg's words."""
    return urlunsplit(urlsplit(server)._replace(scheme="postgresql", path=f"/{name}"))


@contextmanager
def connected(server: str = SERVER) -> Iterator[psycopg.Connection]:
    """To the server, not to a database of a test. Raises `psycopg.OperationalError` where it does not answer."""
    with psycopg.connect(url_of("postgres", server=server), autocommit=True) as connection:
        yield connection


def named(server: str, mark: str) -> set[str]:
    """The databases on the server that the run made; none where the tests run on SQLite."""
    if not server:
        return set()
    with connected(server) as connection:
        names = {str(name) for (name,) in connection.execute("SELECT datname FROM pg_database")}
    return {name for name in names if name.startswith(prefix(mark))}


def create(name: str, *, template: str = "") -> None:
    """A new database: empty, or a copy of another one that nobody is connected to."""
    copied = sql.SQL(" TEMPLATE {}").format(sql.Identifier(template)) if template else sql.SQL("")
    with connected() as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)) + copied)


def drop(name: str, *, server: str = SERVER) -> None:
    """Throw a database away, whoever is still connected to it."""
    with connected(server) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
