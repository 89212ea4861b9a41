"""What the sandbox remembers: one SQLite file, one connection, one lock around every operation."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS users (
    id TEXT PRIMARY KEY, name TEXT, image TEXT, role TEXT, custom TEXT, created_at REAL, updated_at REAL,
    deleted_at REAL, deleted_how TEXT, deactivated_at REAL);
CREATE TABLE IF NOT EXISTS records (
    kind TEXT, id TEXT, user_id TEXT, data TEXT, created_at REAL, deleted_at REAL, PRIMARY KEY (kind, id));
CREATE INDEX IF NOT EXISTS records_by_user ON records (kind, user_id);
CREATE TABLE IF NOT EXISTS members (kind TEXT, id TEXT, user_id TEXT, PRIMARY KEY (kind, id, user_id));
CREATE INDEX IF NOT EXISTS members_by_user ON members (kind, user_id);
CREATE TABLE IF NOT EXISTS tasks (
    id TEXT PRIMARY KEY, operation TEXT, body TEXT, created_at REAL, due_at REAL, updated_at REAL,
    status TEXT, result TEXT, error TEXT);
CREATE INDEX IF NOT EXISTS tasks_due ON tasks (status, due_at);
CREATE TABLE IF NOT EXISTS files (id TEXT PRIMARY KEY, name TEXT, content BLOB, created_at REAL);
CREATE TABLE IF NOT EXISTS accepted (
    seq INTEGER PRIMARY KEY, at REAL, operation TEXT, user_ids TEXT, body TEXT, task_id TEXT);
CREATE TABLE IF NOT EXISTS spent (endpoint TEXT, window INTEGER, calls INTEGER, PRIMARY KEY (endpoint, window));
"""


class Store:
    """Rows as dictionaries. Every method expects the lock to be held."""

    def __init__(self, path: str) -> None:
        self.lock = threading.RLock()
        self.connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("PRAGMA synchronous=NORMAL")
        self.connection.executescript(SCHEMA)

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """All rows of a query."""
        return [dict(row) for row in self.connection.execute(sql, values)]

    def row(self, sql: str, *values: object) -> dict[str, Any] | None:
        """The first row of a query."""
        found = self.connection.execute(sql, values).fetchone()
        return dict(found) if found else None

    def run(self, sql: str, *values: object) -> None:
        """A statement that changes something."""
        self.connection.execute(sql, values)

    # Users

    def user(self, user_id: str) -> dict[str, Any] | None:
        """A user, deleted ones included."""
        return self.row("SELECT * FROM users WHERE id = ?", user_id)

    def live_user(self, user_id: str) -> dict[str, Any] | None:
        """A user that is not deleted."""
        return self.row("SELECT * FROM users WHERE id = ? AND deleted_at IS NULL", user_id)

    # Records

    def add(self, kind: str, record_id: str, user_id: str, data: dict[str, Any], at: float) -> None:
        """Keep a record of some kind for a user."""
        self.run("INSERT INTO records VALUES (?, ?, ?, ?, ?, NULL)", kind, record_id, user_id, json.dumps(data), at)

    def owned(self, kind: str, user_id: str, *, deleted: bool = False) -> list[dict[str, Any]]:
        """The records of a kind that belong to a user; with the soft-deleted ones where asked for."""
        also = "" if deleted else " AND deleted_at IS NULL"
        found = self.rows(
            f"SELECT * FROM records WHERE kind = ? AND user_id = ?{also} ORDER BY created_at, id",  # noqa: S608
            kind,
            user_id,
        )
        return [{**row, "data": json.loads(row["data"])} for row in found]

    def joined(self, kind: str, user_id: str) -> list[dict[str, Any]]:
        """The channels or calls that a user is a member of."""
        found = self.rows(
            "SELECT r.* FROM records r JOIN members m ON m.kind = r.kind AND m.id = r.id "
            "WHERE r.kind = ? AND m.user_id = ? AND r.deleted_at IS NULL ORDER BY r.created_at, r.id",
            kind,
            user_id,
        )
        return [{**row, "data": json.loads(row["data"])} for row in found]

    def members(self, kind: str, record_id: str) -> list[str]:
        """Who is in a channel or call."""
        found = self.rows("SELECT user_id FROM members WHERE kind = ? AND id = ? ORDER BY user_id", kind, record_id)
        return [row["user_id"] for row in found]

    def change(self, kind: str, record_id: str, data: dict[str, Any]) -> None:
        """Replace what a record holds."""
        self.run("UPDATE records SET data = ? WHERE kind = ? AND id = ?", json.dumps(data), kind, record_id)

    def hide(self, kind: str, ids: Iterable[str], at: float) -> None:
        """Soft-delete records."""
        for record_id in ids:
            self.run(
                "UPDATE records SET deleted_at = ? WHERE kind = ? AND id = ? AND deleted_at IS NULL",
                at,
                kind,
                record_id,
            )

    def remove(self, kind: str, ids: Iterable[str]) -> None:
        """Delete records for good."""
        for record_id in ids:
            self.run("DELETE FROM records WHERE kind = ? AND id = ?", kind, record_id)
            self.run("DELETE FROM members WHERE kind = ? AND id = ?", kind, record_id)

    def note_accepted(self, at: float, operation: str, user_ids: list[str], body: object, task_id: str) -> None:
        """The truth log: every call that was accepted, for those who check afterwards."""
        self.run(
            "INSERT INTO accepted (at, operation, user_ids, body, task_id) VALUES (?, ?, ?, ?, ?)",
            at,
            operation,
            json.dumps(user_ids),
            json.dumps(body),
            task_id,
        )
