"""Emptying the tables after a test that committed: as Django's `flush` does, in a fraction of its time.

`flush` truncates every table and then makes the content types and permissions of every model anew, which takes three
quarters of a second on PostgreSQL. Here only what holds rows is emptied, and what the test did not change stays.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db import OperationalError, connections
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from requests_app import outages, queue, signals
from requests_app.models import triggers
from requests_app.workflow import apps

# The same after every `migrate`, whatever a test did.
_STAYS = {"django_content_type", "auth_permission"}
# Filled by `migrate`, and seldom changed by a test.
_FURNISHED = {"auth_group", "requests_app_lettertemplate"}
_TRIES = 5
# Their rows as `migrate` made them, by database.
_furniture: dict[str, list[Any]] = {}


def empty(alias: str) -> None:
    """Leave the database as `migrate` left it: no rows but those that come with the migrations.

    A browser that is still leaving may hold a lock that this waits for, and the other way round: then once more.
    """
    for tries_left in reversed(range(_TRIES)):
        try:
            _empty(alias)
            return
        except OperationalError as error:
            if not tries_left or not outages.is_deadlock(error):
                raise


def _empty(alias: str) -> None:
    database = connections[alias]
    with database.schema_editor() as editor:
        _hold_still(editor)
        is_furnished = _furniture.get(alias) == _read_furniture(alias)
        full = [table for table in _holding_rows(alias) if not (is_furnished and table in _FURNISHED)]
        if full or triggers.missing(database):
            # The append-only log refuses to be emptied, for good reasons.
            triggers.remove(editor)
            for table in full:
                editor.execute(f"DELETE FROM {database.ops.quote_name(table)}")  # noqa: S608
            triggers.install(editor)
    if is_furnished:
        # Schedules are due by the moment of their making.
        queue.keep_schedules()
        apps.keep_environment_app()
    else:
        signals.furnish(None, using=alias)
        _furniture[alias] = _read_furniture(alias)


def _hold_still(editor: BaseDatabaseSchemaEditor) -> None:
    """Let nobody write in between, like a browser that is still leaving. SQLite lets but one transaction write."""
    if editor.connection.vendor == "postgresql":
        tables = ", ".join(editor.connection.ops.quote_name(table) for table in _tables(editor.connection.alias))
        editor.execute(f"LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE")


def _read_furniture(alias: str) -> list[Any]:
    database = connections[alias]
    rows = []
    with database.cursor() as cursor:
        for table in sorted(_FURNISHED):
            cursor.execute(f"SELECT * FROM {database.ops.quote_name(table)} ORDER BY 1")  # noqa: S608
            rows.append(cursor.fetchall())
    return rows


def _holding_rows(alias: str) -> list[str]:
    with connections[alias].cursor() as cursor:
        cursor.execute(_question(alias))
        return [name for (name,) in cursor.fetchall()]


@cache
def _question(alias: str) -> str:
    """One query for the names of all tables that hold a row."""
    quoted = connections[alias].ops.quote_name
    return " UNION ALL ".join(
        f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {quoted(table)})"  # noqa: S608
        for table in _tables(alias)
    )


@cache
def _tables(alias: str) -> list[str]:
    return sorted(set(connections[alias].introspection.django_table_names(only_existing=True)) - _STAYS)
