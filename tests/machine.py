"""What this machine has for the tests, what a run insists on, and how to install what is missing."""

from __future__ import annotations

import os
import shutil

import psycopg
import pytest

from tests.databases import SERVER

# The build without a window first: its pages are the same, and cost a third less of the processor.
_BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for path in map(shutil.which, _BROWSERS) if path), None)
# Words of PORTAL_REQUIRE: everything, or one of the names below.
REQUIRED = frozenset(os.environ.get("PORTAL_REQUIRE", "").split(","))
# What a test may lack, by the name that a run can insist on it with: the words for it, and how to get it.
NEEDS = {
    "browser": ("Chromium", "apt-get install chromium-headless-shell, or chromium where there is no such package"),
    "redis": ("Redis", "apt-get install redis-server, start it, and set TEST_REDIS_URL=redis://127.0.0.1:6379/15"),
    "postgres": (
        "PostgreSQL",
        "apt-get install postgresql, start it (pg_ctlcluster), and make the role that .ci/run names in make_role",
    ),
    "roles": ("A PostgreSQL role that may make roles", "as the server's owner: ALTER ROLE portal_test CREATEROLE"),
}


def missing(need: str) -> None:
    """Leave a test out because this machine lacks something; where the run insists on it, that fails the test."""
    what, remedy = NEEDS[need]
    if REQUIRED & {"all", need}:
        pytest.fail(f"{what} is required here and missing: {remedy}.")
    pytest.skip(f"{what} is not on this machine: {remedy}.")


def lacking() -> list[str]:
    """What this run went without, by its names."""
    there = {"browser": CHROMIUM is not None, "redis": bool(os.environ.get("TEST_REDIS_URL"))}
    return [need for need, is_there in there.items() if not is_there]


def check_browser() -> None:
    """End a run that is about the browser alone with a sentence where there is none."""
    if "browser" in REQUIRED and CHROMIUM is None:
        what, remedy = NEEDS["browser"]
        pytest.exit(f"{what} is required here and missing: {remedy}.", returncode=4)


def check_server() -> None:
    """End the run with a sentence where the database server that it names does not answer."""
    if not SERVER:
        return
    what, remedy = NEEDS["postgres"]
    try:
        psycopg.connect(SERVER, dbname="postgres", connect_timeout=5).close()
    except psycopg.OperationalError as error:
        # The lines after the first guess at the cause.
        reason = str(error).strip().splitlines()[0]
        pytest.exit(f"{what} does not let the tests in ({reason}): {remedy}.", returncode=4)
