"""What Stream showed of a request, and when it stops it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from requests_app.enums import Kind, Mode
from requests_app.workflow import sightings
from requests_app.workflow.deadlines import Clock
from requests_app.workflow.plan import Plan
from requests_app.workflow.sightings import Sighting

RECEIVED = date(2026, 3, 5)
BERLIN = Clock(time_zone="Europe/Berlin")


def erase(*user_ids: str, **changes: Any) -> Plan:
    hard = dict.fromkeys(("user", "messages", "conversations"), Mode.HARD)
    return Plan(kind=Kind.ERASE, user_ids=user_ids, **(hard | changes))


def fields(plan: Plan, **seen: datetime | None) -> list[str]:
    found = sightings.problems(plan, RECEIVED, Sighting(asked=True, created_at=seen), BERLIN)
    return [problem.field for problem in found]


def test_an_account_younger_than_the_request_stops_it() -> None:
    # 23:30 in UTC on the 5th is the 6th in Berlin, a day after the request.
    assert fields(erase("a"), a=datetime(2026, 3, 5, 23, 30, tzinfo=UTC)) == ["user_ids"]
    assert fields(erase("a"), a=datetime(2026, 3, 5, 22, 30, tzinfo=UTC)) == []


def test_the_sentence_names_line_and_days() -> None:
    seen = Sighting(asked=True, created_at={"b": datetime(2026, 4, 1, tzinfo=UTC)})
    (problem,) = sightings.problems(erase("a", "b"), RECEIVED, seen, BERLIN)

    assert problem.text.startswith("Line 2: This account was created on Wed 1 Apr 2026")
    assert "Thu 5 Mar 2026" in problem.text


def test_an_absent_account_or_one_without_a_time_is_no_reason() -> None:
    assert fields(erase("a", "b"), a=None) == []


def test_an_owner_must_be_on_stream() -> None:
    plan = erase("a", new_channel_owner_id="o", new_call_owner_id="p")

    assert fields(plan, o=None) == ["new_call_owner_id"]


def test_without_an_answer_nothing_is_known() -> None:
    plan = erase("a", new_channel_owner_id="o")

    assert list(sightings.problems(plan, RECEIVED, sightings.NOT_ASKED, BERLIN)) == []
    assert sightings.NOT_ASKED.facts(plan) == {"looked_up": False}
    assert Sighting(asked=True, created_at={"a": None}).facts(plan) == {"looked_up": True, "accounts_shown": 1}
