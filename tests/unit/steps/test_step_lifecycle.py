"""The lifecycle of a step: every cell of its table, every column in every event, and the laws they add up to."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import call_command

from requests_app.enums import STEP_FINAL, Outcome, StepState
from requests_app.models import Step
from requests_app.steps.lifecycle import (
    INITIAL,
    MAX_BATCH,
    OWNED,
    RULES,
    TRANSITIONS,
    By,
    NoSuchTransition,
    Rule,
    StepEvent,
    WrongColumns,
    columns,
    origins,
    target,
)
from requests_app.workflow.plan import MAX_ACCOUNTS

ROOT = Path(__file__).resolve().parents[3]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STATES: tuple[StepState | None, ...] = (None, *StepState)
CELLS = [(state, event) for state in STATES for event in StepEvent]
# What a step is, and what somebody does to it outside the engine: no event changes them.
NOT_OWNED = {
    "id": "what it is",
    "ticket": "what it is",
    "account": "what it is",
    "rank": "what it is",
    "position": "what it is",
    "operation": "what it is",
    "fields": "what it is",
    "group_key": "what it is",
    "attempts": "written with each attempt, by the intent",
    "delivered_at": "somebody downloads its export",
    "state": "the table says",
}


def needed(event: StepEvent) -> set[str]:
    return {column for column, rule in RULES[event].items() if rule is Rule.GIVEN}


def given(event: StepEvent) -> dict[str, object]:
    return {column: f"the new {column}" for column in needed(event)}


def into(states: frozenset[StepState]) -> list[StepEvent]:
    """The events that bring a step into one of these states from outside them."""
    return sorted({event for (state, event), after in TRANSITIONS.items() if after in states and state not in states})


@pytest.mark.parametrize(("state", "event"), CELLS)
def test_each_cell_leads_where_the_table_says_or_nowhere(state: StepState | None, event: StepEvent) -> None:
    if (state, event) in TRANSITIONS:
        assert target(state, event) is TRANSITIONS[state, event]
        assert columns(state, event, given(event), now=NOW)["state"] == TRANSITIONS[state, event].value
    else:
        with pytest.raises(NoSuchTransition):
            columns(state, event, given(event), now=NOW)


def test_every_state_is_reached_and_every_event_happens_somewhere() -> None:
    assert set(TRANSITIONS.values()) == set(StepState)
    assert {event for _, event in TRANSITIONS} == set(StepEvent) == set(RULES)
    assert {state for state, _ in TRANSITIONS} - {None} == set(StepState) - {StepState.DROPPED}
    assert [event for state, event in TRANSITIONS if state is None] == [StepEvent.LAID_OUT]
    assert origins(StepEvent.LAID_OUT) == frozenset()
    assert origins(StepEvent.DATABASE_RESTORED) == {StepState.PLANNED, StepState.SENDING, StepState.UNKNOWN}


def test_every_column_of_a_step_has_a_rule_in_every_event_or_a_reason_to_have_none() -> None:
    fields = {field.name for field in (*Step._meta.fields, *Step._meta.many_to_many)}

    assert fields == {*OWNED, *NOT_OWNED}
    for event in StepEvent:
        assert set(RULES[event]) == set(OWNED)
        assert all(
            isinstance(rule, Outcome) is (column == "outcome") or isinstance(rule, Rule)
            for column, rule in RULES[event].items()
        )


def test_what_is_cleared_is_what_a_new_step_holds() -> None:
    for column, value in INITIAL.items():
        assert Step._meta.get_field(column).get_default() == value
    assert "user_ids" not in INITIAL
    assert MAX_BATCH == MAX_ACCOUNTS


@pytest.mark.parametrize("event", list(StepEvent))
def test_an_event_takes_its_own_columns_and_all_of_them(event: StepEvent) -> None:
    state = next(state for state, one in TRANSITIONS if one is event)
    for column in set(OWNED) - needed(event):
        with pytest.raises(WrongColumns):
            columns(state, event, {**given(event), column: "not its own"}, now=NOW)
    for column in needed(event):
        with pytest.raises(WrongColumns):
            columns(state, event, {name: new for name, new in given(event).items() if name != column}, now=NOW)


@pytest.mark.parametrize("event", list(StepEvent))
def test_a_column_becomes_what_its_rule_says_and_nothing_else_is_written(event: StepEvent) -> None:
    state = next(state for state, one in TRANSITIONS if one is event)
    made = columns(state, event, given(event), now=NOW)
    expected = {
        Rule.NOW: lambda _: NOW,
        Rule.GIVEN: lambda column: f"the new {column}",
        Rule.CLEARED: INITIAL.__getitem__,
        Rule.ONE_MORE: lambda _: By(1),
        Rule.ONE_LESS: lambda _: By(-1),
    }

    kept = {column for column, rule in RULES[event].items() if rule is Rule.KEPT}
    assert set(made) == {"state", *OWNED} - kept
    for column, rule in RULES[event].items():
        if isinstance(rule, Outcome):
            assert made[column] == rule.value
        elif rule is not Rule.KEPT:
            assert made[column] == expected[rule](column)


def test_what_ends_a_step_notes_the_moment_and_leaves_nothing_due() -> None:
    for event in into(STEP_FINAL):
        assert RULES[event]["finished_at"] is Rule.NOW, event
        assert RULES[event]["next_at"] is Rule.CLEARED, event
    for state, event in TRANSITIONS:
        if state in STEP_FINAL and TRANSITIONS[state, event] in STEP_FINAL:
            assert RULES[event]["next_at"] in {Rule.KEPT, Rule.CLEARED}, event
            assert RULES[event]["finished_at"] in {Rule.KEPT, Rule.NOW}, event


def test_what_may_go_on_is_due_at_a_time_and_only_a_new_try_forgets_the_end() -> None:
    moving = frozenset({StepState.PLANNED, StepState.UNKNOWN})
    for (state, event), after in TRANSITIONS.items():
        if after in moving:
            assert RULES[event]["next_at"] in {Rule.NOW, Rule.GIVEN}, (state, event)
    assert [event for event in StepEvent if RULES[event]["finished_at"] is Rule.CLEARED] == [
        StepEvent.LAID_OUT,
        StepEvent.RETRIED,
    ]
    assert [event for (state, event), after in TRANSITIONS.items() if state in STEP_FINAL and after in moving] == [
        StepEvent.RETRIED
    ]


def test_a_step_that_ends_says_with_which_outcome() -> None:
    silent = [event for event in into(STEP_FINAL) if RULES[event]["outcome"] is Rule.KEPT]

    assert silent == [StepEvent.DROPPED]


def test_a_retry_leaves_nothing_seen_or_counted_before() -> None:
    stay = {"user_ids", "sent_at", "lease_until", "lease_token"}
    made = columns(StepState.FAILED, StepEvent.RETRIED, {}, now=NOW)

    assert made == {
        **{column: value for column, value in INITIAL.items() if column not in stay},
        "state": StepState.PLANNED.value,
        "next_at": NOW,
    }


def test_what_a_delete_did_is_looked_for() -> None:
    """However a delete comes to be done after it was sent, Stream is read at once."""
    ends = {
        event for (state, event), after in TRANSITIONS.items() if after is StepState.DONE and state not in STEP_FINAL
    }
    never_sent = {StepEvent.NOTHING_SEEN, StepEvent.ALREADY_BACK}
    exports = {StepEvent.TASK_DONE, StepEvent.REFUSED_AS_NOBODY}

    for event in ends - never_sent - exports:
        assert RULES[event]["look_again_at"] is Rule.NOW, event
    for event in never_sent:
        assert RULES[event]["read_back_at"] is Rule.NOW, event


def test_only_a_step_that_is_done_is_read_back_and_a_failed_one_is_left_alone() -> None:
    for (state, event), after in TRANSITIONS.items():
        looks = RULES[event]["look_again_at"] in {Rule.NOW, Rule.GIVEN}
        assert not looks or after is StepState.DONE, (state, event)
        if state is StepState.DONE and after is not StepState.DONE:
            assert RULES[event]["look_again_at"] is Rule.CLEARED or event is StepEvent.COPY_MISSING, event


def test_only_an_intent_counts_a_try_and_only_a_call_without_effect_takes_it_back() -> None:
    assert [event for event in StepEvent if RULES[event]["attempt_count"] is Rule.ONE_MORE] == [StepEvent.INTENDED]
    less = {event for event in StepEvent if RULES[event]["attempt_count"] is Rule.ONE_LESS}
    assert less == {StepEvent.NOT_SENT, StepEvent.REFUSED_IN_COMPANY, StepEvent.REFUSED_AND_PARTED}
    assert all(origins(event) == {StepState.SENDING} for event in less)


def test_an_unanswered_call_is_read_on_stream_before_it_is_sent_again() -> None:
    for (state, _), after in TRANSITIONS.items():
        assert (state, after) != (StepState.UNKNOWN, StepState.SENDING)
    assert [
        event
        for (state, event), after in TRANSITIONS.items()
        if state is StepState.UNKNOWN and after is StepState.PLANNED
    ] == [StepEvent.NO_EFFECT_SEEN, StepEvent.NO_EFFECT_WHILE_UNAVAILABLE]


def test_an_error_of_the_portal_calls_nothing_unsent_that_may_have_been_sent() -> None:
    """Only what was not sent fails at once; what was being sent is looked for, and no error leads back to sending."""
    errors = {
        StepEvent.ERROR_BEFORE_SENDING: {StepState.PLANNED: StepState.FAILED},
        StepEvent.ERROR_WHILE_SENDING: {StepState.SENDING: StepState.UNKNOWN},
        StepEvent.CHECK_FAILED: {StepState.UNKNOWN: StepState.UNKNOWN},
        StepEvent.LOOK_FAILED: {StepState.DONE: StepState.DONE},
        StepEvent.SECOND_LOOK_FAILED: {StepState.DONE: StepState.DONE},
        StepEvent.PARKED: dict.fromkeys((StepState.UNKNOWN, StepState.ON_STREAM, StepState.DONE), StepState.FAILED),
    }

    for event, ways in errors.items():
        assert {state: after for (state, one), after in TRANSITIONS.items() if one is event} == ways
        # Nothing was seen on Stream.
        assert RULES[event]["read_back_at"] is Rule.KEPT
        assert RULES[event]["lease_token"] is Rule.ONE_MORE


def test_the_page_in_the_docs_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("step_diagram")

    assert capsys.readouterr().out == (ROOT / "docs" / "steps.md").read_text(encoding="utf-8")
