"""The lanes: what runs on each database, what needs a browser, what kills processes; and what `make` says of them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tests.lanes import MARKERS, group_of, lanes_of, put_long_ones_first

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("folder", "fixtures", "wants_database", "lanes"),
    [
        ("unit", ["monkeypatch"], False, set()),
        ("contract", ["stand_in"], False, set()),
        ("functional", ["client"], True, {"database"}),
        ("functional", ["db"], False, {"database"}),
        ("functional", ["transactional_db", "tmp_path"], False, {"database"}),
        ("browser", ["live_server", "sign_in"], False, {"database", "browser"}),
        ("browser/looks", ["live_server", "sign_in"], True, {"browser"}),
        ("faults", ["tmp_path"], False, {"database", "processes"}),
        ("soak", ["tmp_path"], False, {"database", "processes"}),
        ("system", ["tmp_path"], False, {"processes"}),
    ],
)
def test_a_lane_is_given_by_folder_and_fixtures(
    folder: str, fixtures: list[str], wants_database: bool, lanes: set[str]
) -> None:
    assert lanes_of(Path(folder), fixtures, wants_database=wants_database) == lanes


@pytest.mark.parametrize(
    ("nodeid", "group"),
    [
        ("tests/faults/test_chaos.py::test_kills[a::b]", "faults"),
        ("tests/system/test_command_demo.py::test_it", "system"),
        ("tests/browser/test_roles.py::test_it", "tests/browser/test_roles.py"),
        ("tests/unit/workflow/test_plan.py::Test::test_it[x]", "tests/unit/workflow/test_plan.py"),
        ("tests/test_alone.py::test_it", "tests/test_alone.py"),
    ],
)
def test_tests_that_start_processes_go_by_folder_and_others_by_file(nodeid: str, group: str) -> None:
    assert group_of(nodeid) == group


def test_workers_take_groups() -> None:
    """A run of two workers: every file on one of them."""
    files = ["tests/unit/test_polling_pace.py", "tests/unit/test_sheet.py", "tests/faults/test_chaos.py"]
    choice = "pace or sheet or each_fault"
    command = [sys.executable, "-m", "pytest", "-o", "addopts=", "-v", "-p", "no:cacheprovider", *files, "-k", choice]
    command += ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    lines = re.findall(r"^\[(gw\d)\].* PASSED (tests/[\w/]+\.py)", done.stdout, re.M)
    workers = {file: {worker for worker, where in lines if where == file} for file in files}
    assert done.returncode == 0, done.stdout[-2000:]
    assert {len(found) for found in workers.values()} == {1}


def item_of(nodeid: str, marker: object = None) -> SimpleNamespace:
    return SimpleNamespace(nodeid=nodeid, get_closest_marker=lambda name: marker if name == "timeout" else None)


def test_what_starts_processes_and_what_takes_its_time_begins_before_the_rest() -> None:
    short, long = item_of("tests/unit/test_sheet.py::a"), item_of("tests/functional/test_x.py::e", object())
    system, faults, soak = (item_of(f"tests/{folder}/test_x.py::b") for folder in ("system", "faults", "soak"))
    beside = item_of("tests/functional/test_x.py::f")
    items = [short, system, beside, long, faults, soak]

    put_long_ones_first(cast("list[pytest.Item]", items))

    assert items == [soak, faults, system, beside, long, short]


def test_the_second_database_gets_all_that_reads_or_writes_tables() -> None:
    assert make("test-db").stdout.strip().endswith("-m database")


def test_no_test_gives_itself_a_lane() -> None:
    by_hand = re.compile(rf"mark\.({'|'.join(MARKERS)})\b")

    assert [path.name for path in (ROOT / "tests").rglob("test_*.py") if by_hand.search(path.read_text())] == []


def test_each_database_runs_what_the_other_runs() -> None:
    """The lane of the second database leaves out nothing but what touches none."""
    recipe = (ROOT / ".ci" / "run").read_text()

    assert "make test\n" in recipe
    assert "make test-db DB=postgres" in recipe


def pytest_in_a_process(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-n", "0", "--collect-only", "tests/unit/test_lanes.py", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_choice_that_no_test_matches_fails_and_says_so() -> None:
    done = pytest_in_a_process("-k", "no_such_test")

    assert done.returncode == 5
    assert "No test matches" in done.stdout


def test_a_server_that_is_not_there_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_DATABASE_URL", "postgres://portal_test:portal_test@127.0.0.1:9/portal")

    done = pytest_in_a_process()

    assert done.returncode == 4
    assert "PostgreSQL does not let the tests in" in done.stderr
    assert "Connection refused" in done.stderr
    assert "apt-get install postgresql" in done.stderr


def make(*words: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "--no-print-directory", "--dry-run", "--old-file=.venv/.dev", *words]
    # As from a shell of one's own, whichever make this run itself was started by.
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(command, cwd=ROOT, env=outside, capture_output=True, text=True, check=False)


def test_a_lane_of_a_database_that_is_none_fails() -> None:
    done = make("test-db", "DB=mysql")

    assert done.returncode == 2
    assert 'DB is postgres or sqlite, not "mysql"' in done.stderr


@pytest.mark.parametrize("lane", ["test", "test-fast", "test-browser", "test-faults", "watch", "cov"])
def test_a_lane_runs_on_sqlite_whatever_server_the_shell_names(lane: str) -> None:
    assert re.search(r"\bTEST_DATABASE_URL= ", make(lane).stdout)


@pytest.mark.parametrize("lane", ["test", "test-fast", "test-db", "test-browser", "test-faults", "watch", "cov"])
def test_each_lane_takes_a_choice(lane: str) -> None:
    done = make(lane, "ARGS=-k retry")

    assert done.returncode == 0, done.stderr
    assert "-k retry" in done.stdout
