"""Writing many rows in few queries: those that change alike change together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import QuerySet

Columns = Mapping[str, Any]


def update_alike(rows: QuerySet[Any], changes: Iterable[tuple[int, Columns]]) -> int:
    """Write columns by primary key, those rows in one query that change alike; returns how many rows were written."""
    alike: dict[str, tuple[Columns, list[int]]] = {}
    ids: dict[str, list[int]] = defaultdict(list)
    for pk, columns in changes:
        key = repr(sorted(columns.items()))
        alike[key] = (columns, ids[key])
        ids[key].append(pk)
    return sum(rows.filter(pk__in=members).update(**columns) for columns, members in alike.values())
