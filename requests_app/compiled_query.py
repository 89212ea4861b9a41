"""A query that is asked again and again with nothing new in it but moments or keys: Django builds its text once.

Building it takes several times as long as asking it, on SQLite and on PostgreSQL.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from inspect import signature
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime

# Stand for what is given, in the parameters of the text. No query names them otherwise.
_FIRST_MOMENT = datetime(1, 1, 1, 0, 0, 0, 1, tzinfo=UTC)
_ONE_FURTHER = timedelta(microseconds=1)
_FIRST_KEY = 2**62
Text = tuple[str, tuple[Any, ...]]


class _Asked(ABC):
    """Text and parameters by the kind of database, made once of what `build(…)` returns for stand-ins.

    `build` is given moments, and the keys of rows where it says that a parameter is an `int`.
    """

    def __init__(self, build: Callable[..., Any]) -> None:
        self._build = build
        kinds = [parameter.annotation for parameter in signature(build).parameters.values()]
        self._stand_ins = [
            _FIRST_KEY + place if kind in {int, "int"} else _FIRST_MOMENT + place * _ONE_FURTHER
            for place, kind in enumerate(kinds)
        ]
        self._texts: dict[str, Text] = {}

    @abstractmethod
    def _compile(self, built: Any) -> Text:
        """The text of what `build` returned."""

    def _rows(self, *given: datetime | int) -> list[dict[str, Any]]:
        text, parameters = self._text()
        now = {_adapted(one): _adapted(value) for one, value in zip(self._stand_ins, given, strict=True)}
        with connection.cursor() as cursor:
            cursor.execute(text, [now.get(value, value) for value in parameters])
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _text(self) -> Text:
        if connection.vendor not in self._texts:
            self._texts[connection.vendor] = self._compile(self._build(*self._stand_ins))
        return self._texts[connection.vendor]


class Compiled(_Asked):
    """Asks `build(…)` for its values: a query in which nothing differs from call to call but what `build` is given."""

    def values(self, *given: datetime | int) -> list[dict[str, Any]]:
        """The rows by the names of their columns, as the database gives them: no field converts them."""
        return self._rows(*given)

    def _compile(self, built: QuerySet[Any, Any]) -> Text:
        return built.query.sql_with_params()


class Answers(_Asked):
    """Asks several things at once: `build(…)` names for each the query, wrapped by `whether` or `how_many`."""

    def ask(self, *given: datetime | int) -> dict[str, Any]:
        """The answers by their names."""
        (answers,) = self._rows(*given)
        return answers

    def _compile(self, built: Mapping[str, Text]) -> Text:
        columns = ", ".join(f'{text} AS "{name}"' for name, (text, _) in built.items())
        return f"SELECT {columns}", tuple(value for _, parameters in built.values() for value in parameters)


def whether(rows: QuerySet[Any, Any]) -> Text:
    """Whether there are such rows."""
    text, parameters = rows.query.exists().sql_with_params()
    return f"EXISTS({text})", parameters


def how_many(rows: QuerySet[Any, Any], *, at_most: int) -> Text:
    """How many such rows there are, no further than so many."""
    try:
        text, parameters = rows.values("pk")[:at_most].query.sql_with_params()
    except EmptyResultSet:
        return "0", ()
    return f"(SELECT COUNT(*) FROM ({text}) AS counted)", parameters  # noqa: S608


def moment_of(value: Any) -> datetime | None:
    """A moment out of such a row: SQLite has them as texts in UTC."""
    found = parse_datetime(value) if isinstance(value, str) else value
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found


def _adapted(value: datetime | int) -> Any:
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value
