"""A database for one benchmark, made before it and dropped after it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

KINDS = ("sqlite", "postgresql")
# The server and role of the tests (.ci/run makes the role); TEST_DATABASE_URL or DATABASE names another one.
SERVER = "postgres://portal_test:portal_test@127.0.0.1:5432/portal"


@contextmanager
def fresh(kind: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database: a file in the folder, or a database of its own on the server."""
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'portal.sqlite3'}"
        return
    server = os.environ.get("DATABASE") or os.environ.get("TEST_DATABASE_URL") or SERVER
    name = f"bench_{uuid.uuid4().hex[:12]}"
    _run(server, "CREATE DATABASE {}", name)
    try:
        yield _named(server, name)
    finally:
        _run(server, "DROP DATABASE {} WITH (FORCE)", name)


def _named(server: str, name: str) -> str:
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


def _run(server: str, statement: str, name: str) -> None:
    with psycopg.connect(_named(server, "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
