"""Which lane a test belongs to: given by its folder and by what it asks for, never by hand.

- `database`: it reads or writes the portal's tables, so it runs on SQLite and on PostgreSQL.
- `browser`: it drives Chromium.
- `processes`: it starts processes of the portal, and often kills them.

The `Makefile` and `.ci/run` choose by these markers; CONTRIBUTING.md lists the lanes.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
MARKERS = {
    "database": "reads or writes the portal's tables: runs on each kind of database",
    "browser": "drives Chromium",
    "processes": "starts processes of the portal",
}
# Fixtures of pytest-django (and the settings of its marker) behind which a database stands.
_DATABASE_FIXTURES = frozenset({"db", "transactional_db", "live_server", "django_db_setup"})
# Slow ones first: a long file that begins last keeps one worker busy while the others have nothing left to do.
_ORDER = ("faults", "browser", "system", "functional", "contract", "unit")
_FOLDERS_WITH_PROCESSES = frozenset({"faults", "system"})


def lanes_of(folder: str, fixtures: Iterable[str], *, wants_database: bool) -> set[str]:
    """The lanes of a test, by its folder below tests/, its fixtures, and whether it is marked django_db."""
    lanes = set()
    if folder == "faults" or wants_database or _DATABASE_FIXTURES & set(fixtures):
        lanes.add("database")
    if folder == "browser":
        lanes.add("browser")
    if folder in _FOLDERS_WITH_PROCESSES:
        lanes.add("processes")
    return lanes


def folder_of(path: Path) -> str:
    """The folder below tests/ that the file lies in; empty for a file elsewhere."""
    return path.relative_to(TESTS).parts[0] if path.is_relative_to(TESTS) else ""


def assign(items: list[pytest.Item]) -> None:
    """Mark each test with its lanes and the group that it shares a worker with, and put long files first.

    Tests of one file share a worker: what they build for the whole file is built once. Those that start and kill
    processes are one after the other, so that no storm slows the waiting of another one.
    """
    for item in items:
        folder = folder_of(item.path)
        lanes = lanes_of(
            folder,
            getattr(item, "fixturenames", ()),
            wants_database=item.get_closest_marker("django_db") is not None,
        )
        for lane in sorted(lanes):
            item.add_marker(lane)
        if item.get_closest_marker("xdist_group") is None:
            group = "processes" if "processes" in lanes else str(item.path.relative_to(TESTS))
            item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: _place(folder_of(item.path)))


def _place(folder: str) -> int:
    return _ORDER.index(folder) if folder in _ORDER else len(_ORDER)
