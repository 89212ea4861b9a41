"""The verifier: whole or from a known entry on, and never at a loss over what the log would not write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from requests_app.audit import chain, verify
from requests_app.audit.chain import GENESIS, Entry
from tests.unit.audit.test_chain import entries


def test_an_empty_log_is_intact() -> None:
    report = verify.verify([])

    assert (report.intact, report.count, report.head) == (True, 0, GENESIS)


def test_an_empty_log_is_not_what_was_there_before() -> None:
    assert "removed at the end" in str(verify.verify([], expected=(3, "a" * 64)))


def test_it_begins_behind_a_known_entry() -> None:
    run = entries(8)
    start = (5, run[4][1])

    report = verify.verify(run[5:], start=start)

    assert (report.intact, report.count, report.after) == (True, 8, 5)
    assert str(report).startswith("The newest 3 of 8 entries are intact")


def test_it_does_not_begin_behind_another_entry_than_it_was_told() -> None:
    run = entries(8)

    assert "does not follow" in str(verify.verify(run[5:], start=(5, "f" * 64)))
    assert "is missing" in str(verify.verify(run[5:], start=(4, run[3][1])))


def test_it_stops_at_the_first_break_and_counts_what_holds() -> None:
    run = entries(8)
    for place in (3, 6):
        run[place] = (replace(run[place][0], actor_name="eve"), run[place][1])

    report = verify.verify(run)

    assert report.first_break is not None
    assert (report.first_break.seq, report.count, report.head) == (4, 3, run[2][1])
    assert str(report) == "The chain is broken: entry 4 was altered."


@pytest.mark.parametrize(
    "change",
    [{"facts": {"share": 0.5}}, {"facts": {"when": object()}}, {"at": None}, {"at": "yesterday"}, {"subjects": None}],
    ids=["fraction", "object", "no-time", "text-for-time", "no-subjects"],
)
def test_what_the_log_never_writes_is_an_alteration_not_a_crash(change: dict[str, Any]) -> None:
    run = entries(4)
    run[1] = (replace(run[1][0], **change), run[1][1])

    report = verify.verify(run)

    assert report.first_break is not None
    assert (report.first_break.seq, report.count) == (2, 1)


def test_rows_that_cannot_be_read_at_all_are_an_alteration() -> None:
    def rows() -> Iterator[tuple[Entry, str]]:
        yield from entries(2)
        raise ValueError("not JSON")

    report = verify.verify(rows())

    assert report.first_break is not None
    assert report.first_break.seq == 3


def test_it_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "REPORT_EVERY", 3)
    told: list[int] = []

    verify.verify(entries(8), progress=told.append)

    assert told == [3, 6]


@pytest.mark.parametrize(
    ("salt", "text", "why"),
    [("00" * 16, None, "cannot be read"), ("no-hex", "Grüße", "was altered"), ("", "Grüße", "was altered")],
)
def test_a_text_that_is_spoilt_is_found(salt: str, text: str | None, why: str) -> None:
    committed = chain.commitment("00" * 16, "Grüße")

    (found,) = verify.altered_texts([(7, "note", salt, text, committed)])

    assert found.seq == 7
    assert why in found.why


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(max_size=8), JSON, max_size=4), st.dictionaries(st.text(max_size=8), JSON, max_size=4))
def test_facts_that_differ_never_hash_alike(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    entry = entries(1)[0][0]
    one, other = (chain.canonical(replace(entry, facts=facts)) for facts in (ours, theirs))

    assert (one == other) is (repr_of(ours) == repr_of(theirs))


def repr_of(facts: dict[str, Any]) -> str:
    """Told apart as JSON does: true is not 1."""
    return repr(_sorted(chain._plain(facts)))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return sorted((key, _sorted(item)) for key, item in value.items())
    return [_sorted(item) for item in value] if isinstance(value, list) else value
