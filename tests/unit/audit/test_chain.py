"""The audit chain: one spelling for each entry, and no change that stays unseen."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from requests_app.audit import chain
from requests_app.audit.chain import GENESIS, Entry

AT = datetime(2026, 11, 23, 9, 15, 0, 250, tzinfo=UTC)


def entry(seq: int = 1, prev_hash: str = GENESIS, **changes: Any) -> Entry:
    values: dict[str, Any] = {
        "seq": seq,
        "at": AT + timedelta(seconds=seq),
        "action": "ticket.open",
        "actor_id": 7,
        "actor_role": "agent",
        "actor_name": "ada",
        "origin": "198.51.100.7",
        "ticket_id": 3,
        "subjects": ("ab12",),
        "facts": {"to": "draft", "count": 2, "ok": True},
        "texts": {},
        "prev_hash": prev_hash,
    }
    return Entry(**(values | changes))


def entries(number: int) -> list[tuple[Entry, str]]:
    """A run of entries from the very first on, each with its hash."""
    run: list[tuple[Entry, str]] = []
    for seq in range(1, number + 1):
        one = entry(seq, run[-1][1] if run else GENESIS)
        run.append((one, chain.entry_hash(one)))
    return run


def found(run: list[tuple[Entry, str]]) -> list[str]:
    return [broken.why for broken in chain.breaks(run)]


def test_an_entry_has_one_spelling() -> None:
    assert chain.canonical(entry()).decode() == (
        '{"action":"ticket.open","actor":{"id":7,"name":"ada","role":"agent"},"at":"2026-11-23T09:15:01.000250Z",'
        '"facts":{"count":2,"ok":true,"to":"draft"},"origin":"198.51.100.7","prev":"' + GENESIS + '","seq":1,'
        '"subjects":["ab12"],"texts":{},"ticket":3,"v":"audit-v1"}'
    )
    assert chain.entry_hash(entry()) == hashlib.sha256(chain.canonical(entry())).hexdigest()


def test_the_same_moment_and_text_hash_alike_however_they_are_written() -> None:
    elsewhere = entry().at.astimezone(timezone(timedelta(hours=5)))

    assert chain.entry_hash(entry(at=elsewhere)) == chain.entry_hash(entry())
    assert chain.entry_hash(entry(actor_name="Zoe\u0308")) == chain.entry_hash(entry(actor_name="Zo\u00eb"))


@pytest.mark.parametrize(
    "change",
    [
        {"seq": 2},
        {"at": AT},
        {"action": "ticket.edit"},
        {"actor_id": 8},
        {"actor_role": "dpo"},
        {"actor_name": "ben"},
        {"origin": "198.51.100.8"},
        {"ticket_id": 4},
        {"subjects": ("ab13",)},
        {"facts": {"to": "draft", "count": 3, "ok": True}},
        {"facts": {"to": "draft", "count": 2, "ok": 1}},
        {"texts": {"note": "00"}},
        {"prev_hash": "1" * 64},
    ],
    ids=str,
)
def test_the_hash_covers_every_field(change: dict[str, Any]) -> None:
    assert chain.entry_hash(entry(**change)) != chain.entry_hash(entry())


@pytest.mark.parametrize("value", [0.5, AT, b"x", {"inner": 0.1}, [1.5]])
def test_it_refuses_what_has_no_single_spelling(value: object) -> None:
    with pytest.raises(TypeError, match="no canonical form"):
        chain.canonical(entry(facts={"value": value}))


def test_a_chain_that_holds_has_no_breaks() -> None:
    assert found(entries(20)) == []


def test_it_finds_an_altered_entry() -> None:
    run = entries(5)
    run[2] = (replace(run[2][0], actor_name="eve"), run[2][1])

    assert found(run) == ["entry 3 was altered"]


def test_it_finds_an_entry_that_was_altered_together_with_its_hash() -> None:
    run = entries(5)
    forged = replace(run[2][0], actor_name="eve")
    run[2] = (forged, chain.entry_hash(forged))

    assert found(run) == ["entry 4 does not follow the entry before it"]


def test_it_finds_what_is_missing_repeated_or_out_of_order() -> None:
    run = entries(5)

    assert found(run[:2] + run[3:]) == ["entry 3 is missing"]
    assert found(run[1:]) == ["entry 1 is missing"]
    assert found([*run[:3], run[2], *run[3:]]) == ["entry 3 stands twice"]
    assert found([run[0], run[2], run[1]]) == ["entry 2 is missing"]


def test_a_pseudonym_needs_its_key_and_tells_apps_apart() -> None:
    ours = chain.pseudonym(b"key", 1, "u_1")

    assert len(ours) == 32
    assert ours == chain.pseudonym(b"key", 1, "u_1")
    assert len({ours, chain.pseudonym(b"other", 1, "u_1"), chain.pseudonym(b"key", 2, "u_1")}) == 3
    assert hashlib.sha256(b"u_1").hexdigest()[:32] != ours


def test_a_commitment_binds_salt_and_text() -> None:
    salt = "00" * 16

    assert chain.commitment(salt, "Grüße") == chain.commitment(salt, "Gru\u0308ße")
    assert len({chain.commitment(salt, "a"), chain.commitment(salt, "b"), chain.commitment("01" * 16, "a")}) == 3
