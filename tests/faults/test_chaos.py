"""Storms of kills at every point between the steps, judged by what Stream accepted; and that the judge sees faults."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import IntegrityError, OperationalError

from tests.faults.chaos.checker import check
from tests.faults.chaos.crew import BROKEN, LOCKED, Crew, exit_code
from tests.faults.chaos.history import Approved, Attempt, Call, Download, History, Presence, Step, Ticket
from tests.own_portal import ROOT

# For a verdict within minutes: no more rounds than give each point a victim. `make chaos` plays the long ones.
MOST_ROUNDS, ENOUGH_ROUNDS = 200, 30
pytestmark = pytest.mark.usefixtures("nothing_outlives_it")
SEED = os.environ.get("CHAOS_SEED", "20261124")


def play(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.faults.chaos", "--seed", SEED, *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=850, check=False)


@pytest.mark.timeout(900)
def test_kills_at_every_point_lose_nothing_and_double_nothing() -> None:
    done = play("--rounds", str(MOST_ROUNDS), "--enough", str(ENOUGH_ROUNDS), "--every-point")

    print(done.stdout)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert f"seed {SEED}" in done.stdout
    assert "0 lost, 0 doubled" in done.stdout
    assert re.search(r"\d+ times the database was locked", done.stdout)


def test_the_rounds_find_a_fault_that_was_planted() -> None:
    # From a round in which the fault shows itself.
    done = play("--first", "1", "--rounds", "16", "--plant", "send-again")

    assert done.returncode == 1, done.stderr[-3000:]
    assert "WRONG round" in done.stdout


DELETE = Call("DeleteUsers", ("anna",), "digest-delete")
EXPORT = Call("ExportUsers", ("bert",), "digest-export")
GOOD = History(
    calls=[DELETE, EXPORT],
    groups=["hard", "plain"],
    attempts=[Attempt("digest-delete", "accepted", 1), Attempt("digest-export", "accepted", 1)],
    tickets=[
        Ticket(
            name="DSR-1",
            kind="erase",
            state="completed",
            outcome="erased",
            calls=[Approved("delete_users", ("anna",), "hard")],
            steps=[Step("delete_users", ("anna",), "done", "erased", 1)],
            approvals=1,
            doorbells=1,
            is_approved=True,
        ),
        Ticket(
            name="DSR-2",
            kind="export",
            state="completed",
            outcome="exported",
            calls=[Approved("export_users", ("bert",), "plain")],
            steps=[Step("export_users", ("bert",), "done", "exported", 1)],
            approvals=1,
            doorbells=1,
            is_approved=True,
        ),
    ],
    shown={"anna": Presence.GONE, "bert": Presence.SHOWN},
    downloads=[Download(bytes_seen=3, entries=1)],
)
ERASURE, EXPORTED = GOOD.tickets
STEP = ERASURE.steps[0]


def with_erasure(**changes: object) -> History:
    return replace(GOOD, tickets=[replace(ERASURE, **changes), EXPORTED])


def with_step(**changes: object) -> History:
    return with_erasure(steps=[replace(STEP, **changes)])


def twice(**changes: object) -> History:
    step = replace(STEP, **changes)
    return replace(
        GOOD,
        calls=[DELETE, DELETE, EXPORT],
        groups=["hard", "hard", "plain"],
        attempts=[GOOD.attempts[0], *GOOD.attempts],
        tickets=[replace(ERASURE, steps=[step]), EXPORTED],
    )


def test_a_good_round_is_found_good() -> None:
    assert check(GOOD).wrong == []


def test_a_second_call_is_excused_by_a_look_that_found_the_first_without_effect() -> None:
    found = check(twice(found_without_effect=1))

    assert (found.wrong, found.doubled, found.repeated_after_a_look) == ([], 0, 1)


@pytest.mark.parametrize(
    ("history", "words"),
    [
        (twice(), "accepted 2 times for anna"),
        (replace(GOOD, attempts=GOOD.attempts[1:]), "0 were intended"),
        (replace(GOOD, attempts=[*GOOD.attempts, Attempt("late", "open", 1)]), "left without an answer"),
        (replace(GOOD, groups=["soft", "plain"]), "reached anna, which nobody approved"),
        (with_erasure(state="cancelled"), "reached anna, which nobody approved"),
        (with_erasure(is_approved=False, approvals=0, doorbells=0), "reached anna, which nobody approved"),
        (
            replace(GOOD, calls=[DELETE, replace(EXPORT, user_ids=("bert", "anna"))]),
            "nobody approved like that: ['anna', 'bert']",
        ),
        (with_erasure(state="running"), "still running"),
        (with_erasure(state="awaiting_decision"), "still awaiting_decision"),
        (with_step(state="sending"), "delete_users is sending"),
        (with_step(state="failed", outcome="failed"), "failed for no reason"),
        (with_erasure(state="needs_attention"), "though nothing failed"),
        (with_erasure(soft_only=True), "only hid somebody"),
        (with_step(outcome="nothing_found"), "says that nothing was found"),
        (
            replace(with_step(outcome="nothing_found"), calls=[EXPORT], groups=["plain"], attempts=GOOD.attempts[1:]),
            "Stream had somebody",
        ),
        (replace(GOOD, calls=[EXPORT], groups=["plain"]), "was never accepted"),
        (replace(GOOD, shown={**GOOD.shown, "anna": Presence.SHOWN}), "whom Stream still shows"),
        (with_erasure(steps=[]), "has 0 steps for 1 calls"),
        (with_erasure(approvals=0), "0 entries of an approval where 1 belongs"),
        (with_erasure(doorbells=2), "rang 2 times where 1 belongs"),
        (replace(GOOD, downloads=[Download(bytes_seen=3, entries=0)]), "the log knows nothing of it"),
        (replace(GOOD, chain_intact=False), "chain is broken"),
    ],
)
def test_each_fault_is_found(history: History, words: str) -> None:
    assert any(words in line for line in check(history).wrong), check(history).wrong


@pytest.mark.parametrize(
    "excuse",
    [
        {"steps": [replace(STEP, state="failed", outcome="failed", attempts=3)]},
        {"steps": [replace(STEP, state="failed", outcome="failed")]},
    ],
)
def test_a_step_may_fail_for_a_reason(excuse: dict[str, object]) -> None:
    history = with_erasure(state="needs_attention", outcome="", **excuse)
    on_stream = replace(history, calls=[replace(DELETE, task_status="failed"), EXPORT])

    assert check(on_stream).wrong == []


def of_sqlite(code: int, words: str) -> OperationalError:
    error, cause = OperationalError(words), sqlite3.OperationalError(words)
    cause.sqlite_errorcode = code
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (of_sqlite(sqlite3.SQLITE_BUSY, "database is locked"), LOCKED),
        (of_sqlite(sqlite3.SQLITE_BUSY_SNAPSHOT, "database is locked"), LOCKED),
        (of_sqlite(sqlite3.SQLITE_ERROR, "no such table: requests_app_step"), BROKEN),
        (of_sqlite(sqlite3.SQLITE_FULL, "database or disk is full"), BROKEN),
        (OperationalError("the connection is closed"), BROKEN),
        (IntegrityError("duplicate key"), BROKEN),
        (AssertionError("database is locked"), BROKEN),
    ],
)
def test_only_a_lock_is_told_apart_from_other_errors(error: Exception, code: int) -> None:
    assert exit_code(error) == code


@pytest.mark.parametrize(
    ("code", "somebody_stands_still", "locked", "broken"),
    [(LOCKED, True, 1, 0), (LOCKED, False, 0, 1), (BROKEN, True, 0, 1), (BROKEN, False, 0, 1), (0, True, 0, 0)],
)
def test_a_lock_is_excused_while_somebody_stands_still(
    tmp_path: Path, code: int, somebody_stands_still: bool, locked: int, broken: int
) -> None:
    crew = Crew(tmp_path / "broken.log", stopped={1} if somebody_stands_still else set())

    crew.count(code << 8)

    assert (crew.locked, crew.broken, crew.killed) == (locked, broken, 0)
