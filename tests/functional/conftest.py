"""What most tests of the engine stand on; and tests that docs/audit-actions.md names are held to what it says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from requests_app.models import StreamApp
from tests import factories
from tests.audit_table import Row, shown_by
from tests.clock import Clock
from tests.sandbox_server import StandIn, running_sandbox
from tests.together import Told, Transaction, Watch, watching

SHOWS = shown_by()


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    """The stand-in for Stream, with its own people."""
    with running_sandbox() as started:
        yield started


@pytest.fixture
def app(stand_in: StandIn) -> StreamApp:
    """An app that calls the stand-in."""
    return factories.stream_app(base_url=stand_in.base_url, api_key=stand_in.key)


@pytest.fixture
def clock() -> Clock:
    """The engine's time, which a test moves."""
    return Clock()


@pytest.fixture(autouse=True)
def _the_log_is_complete(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Watch the transactions of a test that the table names, and compare the entries with their rows."""
    rows = SHOWS.get(request.node.nodeid.split("[")[0])
    if not rows:
        yield
        return
    transactional = "transactional_db" in request.fixturenames
    request.getfixturevalue("transactional_db" if transactional else "db")
    with watching(monkeypatch) as watch:
        yield
    for row in rows:
        check(row, watch)


def check(row: Row, watch: Watch) -> None:
    """The entry was written, by the function and with the tables of the row, and says no more than that."""
    assert not watch.loose, f"entries outside any transaction: {[one.record.action for one in watch.loose]}"
    held = [(one, told) for one in watch.done for told in one.records if told.record.action == row.action]
    assert held, f"no entry {row.action} was written"
    assert any(_is_whole(one, told, row) for one, told in held), (
        f"{row.action} stands in no transaction with {sorted(row.tables)}, written by {row.writers}: "
        f"{[(sorted(one.tables), told.callers[:4]) for one, told in held]}"
    )
    for _, told in held:
        record = told.record
        assert set(record.facts) <= row.facts, f"{row.action} holds facts that no paper names: {set(record.facts)}"
        words = {name for name, text in record.texts.items() if text and not row.allows(name)}
        assert not words, f"{row.action} comes with texts that no paper names: {words}"
        assert row.people or not list(record.subjects), f"{row.action} names people"


def _is_whole(one: Transaction, told: Told, row: Row) -> bool:
    return row.tables <= one.tables and bool(set(row.writers) & set(told.callers))
