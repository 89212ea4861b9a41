"""Which errors of the database pass by themselves: it is locked, or it cannot be reached.

Such an error says nothing about the program: whoever meets it waits and tries again, or says so. Every other error of
the database (a broken constraint, a statement it does not know, a value that does not fit) is a fault and stays one.
"""

from __future__ import annotations

import logging
import sqlite3
from enum import Enum

from django.db import DatabaseError, InterfaceError, OperationalError, connection

logger = logging.getLogger("portal.database")

# SQLite's primary result codes. It calls a table that is missing an operational error as well.
_SQLITE_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_SQLITE_AWAY = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL}
# PostgreSQL's: a lock that was waited for too long, and two transactions that waited for each other.
_POSTGRESQL_DEADLOCK = "40P01"
_POSTGRESQL_LOCKED = {"55P03", _POSTGRESQL_DEADLOCK}
# Classes of its codes that psycopg calls operational too, and that come again with the same statement: a limit of the
# program (a value too long for an index) and an object that is not in the state for it.
_POSTGRESQL_FAULTS = {"54", "55"}
EMPTY = (
    "The database holds nothing at all. Where the portal was at work before, this is not its database: put that back, "
    "or see what DATABASE_URL names. On a new installation run migrate."
)
BEHIND = "The database has not all tables of the portal. Run `python manage.py migrate` first."
# A table or a column that is not there.
_POSTGRESQL_LACKS = {"42P01", "42703"}


class Outage(Enum):
    """What keeps the database from answering; the value ends a sentence about it."""

    LOCKED = "is locked"
    AWAY = "does not answer"


def outage_of(error: BaseException | None) -> Outage | None:
    """What the error tells of the state of the database, or None where it is an error like any other."""
    if not isinstance(error, OperationalError | InterfaceError):
        return None
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return _of_sqlite(cause)
    return _of_postgresql(getattr(cause, "sqlstate", None) or "")


def _of_postgresql(code: str) -> Outage | None:
    """Without a code the connection itself was refused or lost."""
    if code in _POSTGRESQL_LOCKED:
        return Outage.LOCKED
    return None if code[:2] in _POSTGRESQL_FAULTS else Outage.AWAY


def _of_sqlite(cause: sqlite3.Error) -> Outage | None:
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code in _SQLITE_LOCKED:
        return Outage.LOCKED
    return Outage.AWAY if code in _SQLITE_AWAY else None


def sentence_of(error: DatabaseError) -> str:
    """What to do where a command meets this error, or an empty text where it is a fault of the portal."""
    match outage_of(error):
        case Outage.LOCKED:
            return "The database is locked by another process. Try again in a moment."
        case Outage.AWAY:
            return "The database does not answer. Is it up, and is DATABASE_URL its address?"
    if _lacks_tables(error):
        return EMPTY if _holds_nothing() else BEHIND
    return ""


def _holds_nothing() -> bool:
    """A file of SQLite that was moved away comes back like this: another takes its place as soon as somebody looks."""
    try:
        return not connection.introspection.table_names()
    except DatabaseError:
        return False


def _lacks_tables(error: DatabaseError) -> bool:
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        return str(cause).startswith(("no such table", "no such column"))
    return getattr(cause, "sqlstate", None) in _POSTGRESQL_LACKS


def is_deadlock(error: BaseException) -> bool:
    """Whether the database ended this transaction because two waited for each other: the same again will do."""
    return isinstance(error, OperationalError) and getattr(error.__cause__, "sqlstate", None) == _POSTGRESQL_DEADLOCK


class OutageLog:
    """Tells the log of an outage once when it is first met and once when it is over, however often it is met."""

    def __init__(self) -> None:
        self._lasts = False

    def met(self, error: BaseException) -> None:
        """The database failed with an error that is an outage. Only its type is named: its words may hold data."""
        outage = outage_of(error)
        if outage and not self._lasts:
            self._lasts = True
            logger.warning("The database %s (%s); trying again.", outage.value, type(error).__name__)

    def over(self) -> None:
        """The database did what it was asked."""
        if self._lasts:
            self._lasts = False
            logger.warning("The database answers again.")


# That of this process.
LOG = OutageLog()
