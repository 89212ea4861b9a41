"""Which errors of the database pass by themselves, and that an outage is told once."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, ProgrammingError

from requests_app.outages import Outage, OutageLog, outage_of


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def of_sqlite(code: int) -> Exception:
    cause = sqlite3.OperationalError("words")
    cause.sqlite_errorcode = code
    return caused(OperationalError("words"), cause)


@pytest.mark.parametrize(
    ("error", "outage"),
    [
        (of_sqlite(sqlite3.SQLITE_BUSY), Outage.LOCKED),
        (of_sqlite(sqlite3.SQLITE_BUSY_SNAPSHOT), Outage.LOCKED),
        (of_sqlite(sqlite3.SQLITE_LOCKED), Outage.LOCKED),
        (of_sqlite(sqlite3.SQLITE_CANTOPEN), Outage.AWAY),
        (of_sqlite(sqlite3.SQLITE_FULL), Outage.AWAY),
        (of_sqlite(sqlite3.SQLITE_IOERR_WRITE), Outage.AWAY),
        # A table that is missing, a statement that is none.
        (of_sqlite(sqlite3.SQLITE_ERROR), None),
        (caused(InterfaceError("bad parameter"), sqlite3.InterfaceError("bad parameter")), None),
        (caused(OperationalError("refused"), psycopg.OperationalError("refused")), Outage.AWAY),
        (caused(OperationalError("shutdown"), psycopg.errors.AdminShutdown("shutdown")), Outage.AWAY),
        (caused(OperationalError("lock"), psycopg.errors.LockNotAvailable("lock")), Outage.LOCKED),
        (caused(OperationalError("deadlock"), psycopg.errors.DeadlockDetected("deadlock")), Outage.LOCKED),
        (caused(OperationalError("full"), psycopg.errors.TooManyConnections("full")), Outage.AWAY),
        # An index row that is too long, an object that is not in the state for it: the same again next time.
        (caused(OperationalError("index row"), psycopg.errors.ProgramLimitExceeded("index row")), None),
        (caused(OperationalError("state"), psycopg.errors.ObjectNotInPrerequisiteState("state")), None),
        (caused(InterfaceError("closed"), psycopg.InterfaceError("closed")), Outage.AWAY),
        (InterfaceError("connection already closed"), Outage.AWAY),
        (IntegrityError("duplicate key"), None),
        (ProgrammingError("no such table"), None),
        (DataError("too long"), None),
        (RuntimeError("database is locked"), None),
        (None, None),
    ],
)
def test_what_passes_by_itself_is_told_from_faults(error: Exception | None, outage: Outage | None) -> None:
    assert outage_of(error) is outage


def test_an_outage_is_told_once_without_the_words_of_the_error(caplog: pytest.LogCaptureFixture) -> None:
    log, error = OutageLog(), OperationalError("no route to marie.curie")
    log.over()
    for _ in range(3):
        log.met(error)
    log.met(IntegrityError("duplicate key"))
    for _ in range(2):
        log.over()
    log.met(error)

    assert [record.getMessage() for record in caplog.records] == [
        "The database does not answer (OperationalError); trying again.",
        "The database answers again.",
        "The database does not answer (OperationalError); trying again.",
    ]
