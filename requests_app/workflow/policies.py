"""What the state of a ticket allows, whoever asks. Imports no Django.

Each rule raises `UnableTo` with the sentence that also stands beside the greyed button.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from requests_app.enums import Kind, Mode, Outcome, State, Verb
from requests_app.workflow import states
from requests_app.workflow.plan import Plan


class UnableTo(Exception):
    """The ticket or the input does not allow this. The text says what to do; `field` names the form field."""

    def __init__(self, sentence: str, *, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


class InWrongState(UnableTo):
    """The lifecycle has no way from the ticket's state by this verb."""


class FourEyes(UnableTo):
    """Whoever opened or edited a ticket cannot approve it."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What the rules need to know of a ticket."""

    state: State
    kind: Kind
    plan: Plan
    contributors: frozenset[int] = field(default_factory=frozenset)
    anything_sent: bool = False
    outcome: Outcome | None = None


def check_state(state: State, verb: Verb) -> None:
    """The lifecycle must have a way from here."""
    if states.target(state, verb) is None:
        raise InWrongState(f"{verb.label} is not possible: the ticket is “{state.label}”.")


def check_four_eyes(standing: Standing, actor_id: int | None) -> None:
    """A second person approves (rule of the house; also a constraint and a trigger in the database)."""
    if actor_id is None or actor_id in standing.contributors:
        raise FourEyes("You opened or edited this ticket, so another data protection officer must approve it.")


def check_cancel(standing: Standing) -> None:
    """What has been sent to Stream cannot be called back."""
    if standing.anything_sent:
        raise UnableTo("Something was already sent to Stream, so the ticket can no longer be cancelled.")


def check_restore(standing: Standing) -> None:
    """Stream brings back only the record of a user who was soft-deleted."""
    if standing.kind is not Kind.ERASE or standing.plan.user is not Mode.SOFT:
        raise UnableTo("Stream can restore only users that were soft-deleted.")
    if standing.outcome not in {Outcome.HIDDEN, Outcome.PARTIAL}:
        raise UnableTo(
            "There is no hidden user to restore: "
            + (standing.outcome.label if standing.outcome else "no outcome yet")
            + "."
        )


def check_confirmation(typed: str, expected: str) -> None:
    """The typed user id must be the same, character by character."""
    if not typed:
        raise UnableTo("Type the user id to approve, exactly as it is shown.", field="confirm_user_id")
    if typed != expected:
        raise UnableTo(
            "This is not the user id of the ticket. Type it exactly as it is shown.", field="confirm_user_id"
        )


def check_reason(text: str) -> None:
    """Some decisions need a reason in words."""
    if not text.strip():
        raise UnableTo("Write the reason: it goes to the ticket and the audit log.", field="note")


def check_same_plan(shown: str | None, current: str) -> None:
    """An approval covers the plan that the page showed, and no other."""
    if shown and shown != current:
        raise UnableTo("The plan changed since you opened this page. Read it again before you decide.")


def first_problem(problems: Iterable[tuple[str, str]]) -> UnableTo | None:
    """The first of some (field, sentence) pairs as an exception."""
    for name, sentence in problems:
        return UnableTo(sentence, field=name)
    return None


def check(standing: Standing, verb: Verb, *, actor_id: int | None) -> None:
    """Every rule about the ticket itself for this verb; what the form holds is checked beside it."""
    check_state(standing.state, verb)
    if verb is Verb.APPROVE:
        check_four_eyes(standing, actor_id)
    elif verb is Verb.CANCEL:
        check_cancel(standing)
    elif verb is Verb.RESTORE:
        check_restore(standing)
