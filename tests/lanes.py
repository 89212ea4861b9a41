"""Which lane a test belongs to: given by its folder and by what it asks for, never by hand.

- `database`: it reads or writes the portal's tables, so it runs on SQLite and on PostgreSQL. How pages look in a
  browser does not hang on the database that they came from, so that runs once.
- `browser`: it drives Chromium.
- `processes`: it starts processes of the portal, and often kills them.

The `Makefile` and `.ci/run` choose by these markers; CONTRIBUTING.md lists the lanes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

TESTS = Path(__file__).resolve().parent
MARKERS = {
    "database": "reads or writes the portal's tables: runs on each kind of database",
    "browser": "drives Chromium",
    "processes": "starts processes of the portal",
}
# Fixtures of pytest-django (and the settings of its marker) behind which a database stands.
_DATABASE_FIXTURES = frozenset({"db", "transactional_db", "live_server", "django_db_setup"})
# The longest first. What soaks waits, mostly: for leases to end, for the schedule.
_FOLDERS_WITH_PROCESSES = ("soak", "faults", "system")


_LOOKS = Path("browser", "looks")
# So many files are listed at the end of a run.
SLOWEST = 40


def lanes_of(place: Path, fixtures: Iterable[str], *, wants_database: bool) -> set[str]:
    """The lanes of a test, by its folder below tests/, its fixtures, and whether it is marked django_db."""
    lanes = set()
    folder = place.parts[0] if place.parts else ""
    reads = folder in {"soak", "faults"} or wants_database or _DATABASE_FIXTURES & set(fixtures)
    if reads and not place.is_relative_to(_LOOKS):
        lanes.add("database")
    if folder == "browser":
        lanes.add("browser")
    if folder in _FOLDERS_WITH_PROCESSES:
        lanes.add("processes")
    return lanes


def folder_of(path: Path) -> Path:
    """The folder below tests/ that the file lies in; empty for a file elsewhere."""
    return path.relative_to(TESTS).parent if path.is_relative_to(TESTS) else Path()


def group_of(nodeid: str) -> str:
    """Which tests share a worker, one after the other: those of a file, so that what is built for it is built once.

    Those that start and kill processes go by their folder, so that no storm slows the waiting of another one.
    """
    file = nodeid.partition("::")[0]
    return _folder_with_processes(nodeid) or file


def _folder_with_processes(nodeid: str) -> str:
    parts = Path(nodeid.partition("::")[0]).parts
    return parts[1] if len(parts) > 2 and parts[1] in _FOLDERS_WITH_PROCESSES else ""


def assign(items: list[pytest.Item]) -> None:
    """Mark each test with its lanes."""
    for item in items:
        wanted = item.get_closest_marker("django_db") is not None
        for lane in sorted(lanes_of(folder_of(item.path), getattr(item, "fixturenames", ()), wants_database=wanted)):
            item.add_marker(lane)


def put_long_ones_first(items: list[pytest.Item]) -> None:
    """The longest groups begin first: begun last, they would keep one worker busy while the others are idle.

    Those are the folders with processes, and the files with a test that asks for more time than the others have.
    """
    folders = (*_FOLDERS_WITH_PROCESSES, "")
    long = {group_of(item.nodeid) for item in items if item.get_closest_marker("timeout")}
    items.sort(key=lambda item: (folders.index(_folder_with_processes(item.nodeid)), group_of(item.nodeid) not in long))


def slowest_files(reports: Iterable[Iterable[object]]) -> list[tuple[float, str]]:
    """The files that took longest, all their tests together with what was set up for them: seconds and file."""
    seconds: Counter[str] = Counter()
    for report in chain.from_iterable(reports):
        if isinstance(report, pytest.TestReport):
            seconds[report.nodeid.partition("::")[0]] += report.duration
    return [(took, file) for file, took in seconds.most_common(SLOWEST) if took >= 1]


class Scheduling(LoadScopeScheduling):
    """How pytest-xdist deals the tests out: by our groups.

    Its own `--dist loadgroup` gives the groups by an attribute that pytest 9.2 no longer has, and so by nothing.
    """

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
