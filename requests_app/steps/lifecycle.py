"""The lifecycle of a step as one table: from which state which event leads where, and what it does to each column.

Everything else reads it: `write.py`, which alone writes steps, docs/steps.md, and the tests that walk every cell.
Imports no Django.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from types import MappingProxyType

from requests_app.enums import Outcome, StepState, Term

MAX_BATCH = 100


class StepEvent(Term):
    """What can happen to a step, with what it means."""

    LAID_OUT = "laid_out", "the plan, a restore or a parted export makes the step"
    POSTPONED = "postponed", "it is let go of unsent or unread, without a setback"
    SET_BACK = "set_back", "Stream could not be asked; the next pause is longer"
    NOTHING_SEEN = "nothing_seen", "the look before the call shows nobody: nothing is sent"
    ALREADY_BACK = "already_back", "the look before a restore shows the user: nothing is sent"
    HELD_BY_LOOK = "held_by_look", "the look before the call shows what a person must judge: nothing is sent"
    INTENDED = "intended", "the intent is committed; the call follows"
    ACCEPTED = "accepted", "Stream took the call and named a task"
    ACCEPTED_WITHOUT_TASK = "accepted_without_task", "Stream took the call and was done with it"
    NOT_SENT = "not_sent", "the call provably had no effect: no connection, a rate limit, a refused key"
    UNANSWERED = "unanswered", "nobody knows what the call did"
    REFUSED_IN_COMPANY = "refused_in_company", "Stream refused a batch: it travels in a smaller one"
    REFUSED_AND_PARTED = "refused_and_parted", "Stream refused an export: it keeps half of its accounts"
    REFUSED_AS_NOBODY = "refused_as_nobody", "Stream knows nobody whom it could export"
    REFUSED = "refused", "Stream refused the call for good"
    ABANDONED = "abandoned", "the worker that was sending it is no more"
    TASK_DONE = "task_done", "its task ended well and there is nothing to look for"
    DELETE_DONE = "delete_done", "its task ended well; what Stream still shows is looked for"
    TASK_FAILED = "task_failed", "its task failed, or did not reach this user"
    TASK_VANISHED = "task_vanished", "Stream no longer knows its task"
    EFFECT_SEEN = "effect_seen", "Stream shows that the unanswered call was carried out"
    NO_EFFECT_SEEN = "no_effect_seen", "Stream shows that it was not: it is sent again"
    NO_EFFECT_WHILE_UNAVAILABLE = (
        "no_effect_while_unavailable",
        "Stream shows that it was not, and answers its calls with 5xx only: it is sent again later",
    )
    LEFT_TO_A_PERSON = "left_to_a_person", "Stream does not show it, or it was tried too often"
    LOOK_POSTPONED = "look_postponed", "the read-back waits, without a try"
    LOOK_SET_BACK = "look_set_back", "Stream could not be read back; the next pause is longer"
    LOOK_REPEATED = "look_repeated", "Stream still shows something: another look follows"
    SEEN_GONE = "seen_gone", "the first read-back is clean; a second one follows"
    SEEN_BACK = "seen_back", "Stream shows the restored user again"
    UNREADABLE = "unreadable", "Stream could not be read for a quarter of an hour; the second look follows"
    STILL_THERE = "still_there", "the last look shows that the call did not do what it was to do"
    SEEN_AGAIN = "seen_again", "the second look is on record, whatever it shows"
    LOOK_CALLED_OFF = "look_called_off", "its user is being restored: a second look would say nothing"
    COPY_MISSING = "copy_missing", "what was promised as a copy was not made: a retry asks for it again"
    RETRIED = "retried", "a person lets it be tried anew"
    DROPPED = "dropped", "its ticket is closed without it"
    DATABASE_RESTORED = "database_restored", "the database is older than what was sent: Stream is read first"
    ERROR_BEFORE_SENDING = "error_before_sending", "the portal met an error of its own with it: nothing is sent"
    ERROR_WHILE_SENDING = "error_while_sending", "the portal met an error of its own with the call or its answer"
    CHECK_FAILED = "check_failed", "the portal met an error of its own while it looked for the effect: it looks again"
    LOOK_FAILED = "look_failed", "the portal met an error of its own in the read-back: another look follows"
    SECOND_LOOK_FAILED = "second_look_failed", "the same in the second look: what the first one saw stands"
    PARKED = "parked", "the portal cannot tell what became of it for errors of its own: a person must look"


class Rule(Enum):
    """What an event does to a column, where it does not give it an `Outcome`."""

    KEPT = "kept"
    CLEARED = "cleared"
    NOW = "now"
    GIVEN = "given"
    ONE_MORE = "+1"
    ONE_LESS = "-1"


Rules = Mapping[str, Rule | Outcome]
_PLANNED, _SENDING, _UNKNOWN, _RUNNING = StepState.PLANNED, StepState.SENDING, StepState.UNKNOWN, StepState.ON_STREAM
_DONE, _FAILED, _DROPPED = StepState.DONE, StepState.FAILED, StepState.DROPPED

# What a column holds before anything happened to it. No event clears the accounts.
INITIAL: Mapping[str, object] = MappingProxyType(
    {
        "next_at": None,
        "attempt_count": 0,
        "setbacks": 0,
        "batch_cap": MAX_BATCH,
        "stream_task": None,
        "sent_at": None,
        "finished_at": None,
        "outcome": "",
        "detail": "",
        "evidence": MappingProxyType({}),
        "read_back_at": None,
        "look_again_at": None,
        "lease_until": None,
        "lease_token": 0,
    }
)
# The columns that only events write, beside the state.
OWNED = ("user_ids", *INITIAL)

TRANSITIONS: Mapping[tuple[StepState | None, StepEvent], StepState] = MappingProxyType(
    {
        (None, StepEvent.LAID_OUT): _PLANNED,
        (_PLANNED, StepEvent.POSTPONED): _PLANNED,
        (_PLANNED, StepEvent.SET_BACK): _PLANNED,
        (_PLANNED, StepEvent.NOTHING_SEEN): _DONE,
        (_PLANNED, StepEvent.ALREADY_BACK): _DONE,
        (_PLANNED, StepEvent.HELD_BY_LOOK): _FAILED,
        (_PLANNED, StepEvent.INTENDED): _SENDING,
        (_PLANNED, StepEvent.DROPPED): _DROPPED,
        (_PLANNED, StepEvent.DATABASE_RESTORED): _UNKNOWN,
        (_PLANNED, StepEvent.ERROR_BEFORE_SENDING): _FAILED,
        (_SENDING, StepEvent.ACCEPTED): _RUNNING,
        (_SENDING, StepEvent.ACCEPTED_WITHOUT_TASK): _DONE,
        (_SENDING, StepEvent.NOT_SENT): _PLANNED,
        (_SENDING, StepEvent.UNANSWERED): _UNKNOWN,
        (_SENDING, StepEvent.REFUSED_IN_COMPANY): _PLANNED,
        (_SENDING, StepEvent.REFUSED_AND_PARTED): _PLANNED,
        (_SENDING, StepEvent.REFUSED_AS_NOBODY): _DONE,
        (_SENDING, StepEvent.REFUSED): _FAILED,
        (_SENDING, StepEvent.ABANDONED): _UNKNOWN,
        (_SENDING, StepEvent.DATABASE_RESTORED): _UNKNOWN,
        (_SENDING, StepEvent.ERROR_WHILE_SENDING): _UNKNOWN,
        (_UNKNOWN, StepEvent.POSTPONED): _UNKNOWN,
        (_UNKNOWN, StepEvent.SET_BACK): _UNKNOWN,
        (_UNKNOWN, StepEvent.EFFECT_SEEN): _DONE,
        (_UNKNOWN, StepEvent.NO_EFFECT_SEEN): _PLANNED,
        (_UNKNOWN, StepEvent.NO_EFFECT_WHILE_UNAVAILABLE): _PLANNED,
        (_UNKNOWN, StepEvent.LEFT_TO_A_PERSON): _FAILED,
        (_UNKNOWN, StepEvent.DATABASE_RESTORED): _UNKNOWN,
        (_UNKNOWN, StepEvent.CHECK_FAILED): _UNKNOWN,
        (_UNKNOWN, StepEvent.PARKED): _FAILED,
        (_RUNNING, StepEvent.TASK_DONE): _DONE,
        (_RUNNING, StepEvent.DELETE_DONE): _DONE,
        (_RUNNING, StepEvent.TASK_FAILED): _FAILED,
        (_RUNNING, StepEvent.TASK_VANISHED): _UNKNOWN,
        (_RUNNING, StepEvent.PARKED): _FAILED,
        (_DONE, StepEvent.LOOK_POSTPONED): _DONE,
        (_DONE, StepEvent.LOOK_SET_BACK): _DONE,
        (_DONE, StepEvent.LOOK_REPEATED): _DONE,
        (_DONE, StepEvent.SEEN_GONE): _DONE,
        (_DONE, StepEvent.SEEN_BACK): _DONE,
        (_DONE, StepEvent.UNREADABLE): _DONE,
        (_DONE, StepEvent.STILL_THERE): _FAILED,
        (_DONE, StepEvent.SEEN_AGAIN): _DONE,
        (_DONE, StepEvent.LOOK_CALLED_OFF): _DONE,
        (_DONE, StepEvent.COPY_MISSING): _FAILED,
        (_DONE, StepEvent.LOOK_FAILED): _DONE,
        (_DONE, StepEvent.SECOND_LOOK_FAILED): _DONE,
        (_DONE, StepEvent.PARKED): _FAILED,
        (_FAILED, StepEvent.COPY_MISSING): _FAILED,
        (_FAILED, StepEvent.RETRIED): _PLANNED,
    }
)


def _rules(*parts: Rules, **own: Rule | Outcome) -> Rules:
    """A rule for every column: those of the parts, then the event's own. What nobody mentions is kept."""
    rules: dict[str, Rule | Outcome] = dict.fromkeys(OWNED, Rule.KEPT)
    for part in (*parts, own):
        rules.update(part)
    return MappingProxyType(rules)


# The end of a lease raises the token: whoever does not know whether it was committed writes nothing twice.
_LET_GO: Rules = {"lease_until": Rule.CLEARED, "lease_token": Rule.ONE_MORE}
# A step on Stream is led by the lease of its task.
_LED_BY_TASK: Rules = {"lease_until": Rule.CLEARED}
_ENDED: Rules = {"next_at": Rule.CLEARED, "finished_at": Rule.NOW, "detail": Rule.GIVEN}
_AGAIN: Rules = {"next_at": Rule.NOW}
_LATER: Rules = {"next_at": Rule.GIVEN}
# It had no effect, so it is no try.
_NO_TRY: Rules = {"attempt_count": Rule.ONE_LESS}
# Nothing was sent, so there is nothing to read back: the look itself is the evidence.
_NOT_NEEDED: Rules = {**_LET_GO, **_ENDED, "read_back_at": Rule.NOW, "evidence": Rule.GIVEN}
_TAKEN: Rules = {**_LET_GO, "next_at": Rule.CLEARED, "sent_at": Rule.NOW, "setbacks": Rule.CLEARED}
_LOOKED: Rules = {**_LET_GO, "evidence": Rule.GIVEN}
_FIRST_LOOK: Rules = {**_LOOKED, "read_back_at": Rule.NOW}
_LOOK_LATER: Rules = {"look_again_at": Rule.GIVEN}
_NO_LOOK: Rules = {"look_again_at": Rule.CLEARED}
_LOOK_NOW: Rules = {"look_again_at": Rule.NOW}
# A new try is judged by what is seen after it: nothing that was seen or counted before it stays.
_ANEW: Rules = dict.fromkeys(
    (
        "attempt_count",
        "setbacks",
        "batch_cap",
        "stream_task",
        "finished_at",
        "outcome",
        "detail",
        "evidence",
        "read_back_at",
        "look_again_at",
    ),
    Rule.CLEARED,
)

RULES: Mapping[StepEvent, Rules] = MappingProxyType(
    {
        StepEvent.LAID_OUT: _rules(dict.fromkeys(INITIAL, Rule.CLEARED), _LATER, user_ids=Rule.GIVEN),
        StepEvent.POSTPONED: _rules(_LET_GO, _LATER),
        StepEvent.SET_BACK: _rules(_LET_GO, _LATER, setbacks=Rule.ONE_MORE),
        StepEvent.NOTHING_SEEN: _rules(_NOT_NEEDED, outcome=Outcome.NOTHING_FOUND),
        StepEvent.ALREADY_BACK: _rules(_NOT_NEEDED, outcome=Outcome.RESTORED),
        StepEvent.HELD_BY_LOOK: _rules(_NOT_NEEDED, outcome=Outcome.FAILED),
        StepEvent.INTENDED: _rules(attempt_count=Rule.ONE_MORE, lease_until=Rule.GIVEN),
        StepEvent.ACCEPTED: _rules(_TAKEN, stream_task=Rule.GIVEN, detail=Rule.CLEARED),
        StepEvent.ACCEPTED_WITHOUT_TASK: _rules(
            _TAKEN, _LOOK_NOW, finished_at=Rule.NOW, outcome=Outcome.RESTORED, detail=Rule.CLEARED
        ),
        StepEvent.NOT_SENT: _rules(_LET_GO, _LATER, _NO_TRY, setbacks=Rule.ONE_MORE, detail=Rule.GIVEN),
        StepEvent.UNANSWERED: _rules(_LET_GO, _LATER, detail=Rule.GIVEN),
        StepEvent.REFUSED_IN_COMPANY: _rules(_LET_GO, _AGAIN, _NO_TRY, batch_cap=Rule.GIVEN, detail=Rule.GIVEN),
        StepEvent.REFUSED_AND_PARTED: _rules(_LET_GO, _AGAIN, _NO_TRY, user_ids=Rule.GIVEN, detail=Rule.CLEARED),
        StepEvent.REFUSED_AS_NOBODY: _rules(_LET_GO, _ENDED, outcome=Outcome.NOTHING_FOUND),
        StepEvent.REFUSED: _rules(_LET_GO, _ENDED, outcome=Outcome.REFUSED_BY_STREAM),
        StepEvent.ABANDONED: _rules(_LET_GO, _LATER),
        StepEvent.TASK_DONE: _rules(_LED_BY_TASK, _ENDED, _NO_LOOK, outcome=Rule.GIVEN, detail=Rule.CLEARED),
        StepEvent.DELETE_DONE: _rules(_LED_BY_TASK, _ENDED, _LOOK_NOW, outcome=Rule.GIVEN, detail=Rule.CLEARED),
        StepEvent.TASK_FAILED: _rules(_LED_BY_TASK, _ENDED, outcome=Outcome.FAILED),
        StepEvent.TASK_VANISHED: _rules(_LED_BY_TASK, _LATER, detail=Rule.GIVEN),
        StepEvent.EFFECT_SEEN: _rules(_LET_GO, _ENDED, _LOOK_NOW, outcome=Rule.GIVEN),
        StepEvent.NO_EFFECT_SEEN: _rules(_LET_GO, _AGAIN),
        # As a setback, so that the page says what it waits for.
        StepEvent.NO_EFFECT_WHILE_UNAVAILABLE: _rules(_LET_GO, _LATER, setbacks=Rule.ONE_MORE),
        StepEvent.LEFT_TO_A_PERSON: _rules(_LET_GO, _ENDED, outcome=Outcome.FAILED),
        StepEvent.LOOK_POSTPONED: _rules(_LET_GO, _LOOK_LATER),
        StepEvent.LOOK_SET_BACK: _rules(_LET_GO, _LOOK_LATER, setbacks=Rule.ONE_MORE),
        StepEvent.LOOK_REPEATED: _rules(_LOOKED, _LOOK_LATER),
        StepEvent.SEEN_GONE: _rules(_FIRST_LOOK, _LOOK_LATER),
        StepEvent.SEEN_BACK: _rules(_FIRST_LOOK, _NO_LOOK),
        StepEvent.UNREADABLE: _rules(_FIRST_LOOK, _LOOK_LATER),
        StepEvent.STILL_THERE: _rules(_FIRST_LOOK, _NO_LOOK, outcome=Outcome.FAILED, detail=Rule.GIVEN),
        StepEvent.SEEN_AGAIN: _rules(_LOOKED, _NO_LOOK),
        StepEvent.LOOK_CALLED_OFF: _rules(_NO_LOOK),
        StepEvent.COPY_MISSING: _rules(_ENDED, outcome=Outcome.FAILED),
        StepEvent.RETRIED: _rules(_ANEW, _AGAIN),
        StepEvent.DROPPED: _rules(next_at=Rule.CLEARED, finished_at=Rule.NOW),
        StepEvent.DATABASE_RESTORED: _rules(_LET_GO, _LATER),
        StepEvent.ERROR_BEFORE_SENDING: _rules(_LET_GO, _ENDED, outcome=Outcome.FAILED),
        # The errors are counted in the evidence.
        StepEvent.ERROR_WHILE_SENDING: _rules(_LET_GO, _LATER, detail=Rule.GIVEN, evidence=Rule.GIVEN),
        StepEvent.CHECK_FAILED: _rules(_LET_GO, _LATER, evidence=Rule.GIVEN),
        StepEvent.LOOK_FAILED: _rules(_LOOKED, _LOOK_LATER),
        StepEvent.SECOND_LOOK_FAILED: _rules(_LET_GO, _NO_LOOK),
        StepEvent.PARKED: _rules(_LET_GO, _ENDED, _NO_LOOK, outcome=Outcome.FAILED),
    }
)


class NoSuchTransition(LookupError):
    """The table knows no such event in this state. Nothing was done."""


class WrongColumns(ValueError):
    """An event lacks a column that it needs, or is given one that is not its own. Nothing was done."""


@dataclass(frozen=True)
class By:
    """A column that goes up or down by so much."""

    number: int


def target(state: StepState | None, event: StepEvent) -> StepState:
    """The state that the event leads to; raises `NoSuchTransition` where the lifecycle has no such way."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise NoSuchTransition(f"A step that is {state or 'not there'} cannot be {event}.") from None


def origins(event: StepEvent) -> frozenset[StepState]:
    """The states in which the event can happen to a step that is there."""
    return frozenset(state for state, one in TRANSITIONS if one is event and state is not None)


def columns(
    state: StepState | None, event: StepEvent, given: Mapping[str, object], *, now: datetime
) -> dict[str, object]:
    """What the event makes of the columns: only those it changes, with `By` for those it counts.

    Raises `NoSuchTransition` and `WrongColumns`.
    """
    following, rules = target(state, event), RULES[event]
    needed = {column for column, rule in rules.items() if rule is Rule.GIVEN}
    if set(given) != needed:
        raise WrongColumns(f"{event} takes {sorted(needed)} and was given {sorted(given)}.")
    values: dict[str, object] = {"state": following.value}
    for column, rule in rules.items():
        if rule is not Rule.KEPT:
            values[column] = given[column] if rule is Rule.GIVEN else _value(column, rule, now=now)
    return values


def _value(column: str, rule: Rule | Outcome, *, now: datetime) -> object:
    match rule:
        case Outcome():
            return rule.value
        case Rule.NOW:
            return now
        case Rule.ONE_MORE:
            return By(1)
        case Rule.ONE_LESS:
            return By(-1)
    initial = INITIAL[column]
    return dict(initial) if isinstance(initial, Mapping) else initial
