"""A query that is asked again and again with nothing new in it but moments or keys: Django builds its text once.

Building it takes several times as long as asking it, on SQLite and on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from inspect import signature
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime

# Stand for what is given, in the parameters of the text. No query names them otherwise.
_FIRST_MOMENT = datetime(1, 1, 1, 0, 0, 0, 1, tzinfo=UTC)
_ONE_FURTHER = timedelta(microseconds=1)
_FIRST_KEY = 2**62


class Compiled:
    """Asks `build(…)` for its values: a query in which nothing differs from call to call but what `build` is given.

    It is given moments, and the keys of rows where it says that a parameter is an `int`.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Any]]) -> None:
        self._build = build
        kinds = [parameter.annotation for parameter in signature(build).parameters.values()]
        self._stand_ins = [
            _FIRST_KEY + place if kind in {int, "int"} else _FIRST_MOMENT + place * _ONE_FURTHER
            for place, kind in enumerate(kinds)
        ]
        # By the kind of database.
        self._texts: dict[str, tuple[str, tuple[Any, ...]]] = {}

    def values(self, *given: datetime | int) -> list[dict[str, Any]]:
        """The rows by the names of their columns, as the database gives them: no field converts them."""
        text, parameters = self._text()
        now = {_adapted(one): _adapted(value) for one, value in zip(self._stand_ins, given, strict=True)}
        with connection.cursor() as cursor:
            cursor.execute(text, [now.get(value, value) for value in parameters])
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _text(self) -> tuple[str, tuple[Any, ...]]:
        if connection.vendor not in self._texts:
            self._texts[connection.vendor] = self._build(*self._stand_ins).query.sql_with_params()
        return self._texts[connection.vendor]


def moment_of(value: Any) -> datetime | None:
    """A moment out of such a row: SQLite has them as texts in UTC."""
    found = parse_datetime(value) if isinstance(value, str) else value
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found


def _adapted(value: datetime | int) -> Any:
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value
