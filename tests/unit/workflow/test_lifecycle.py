"""States, permissions and policies as tables: no dead ends, no right that joins opening and approving in secret."""

from __future__ import annotations

from typing import Any

import pytest

from requests_app.audit.actor import Actor, worker
from requests_app.enums import (
    CLOSED_STATES,
    OPEN_STATES,
    STAFF_ROLES,
    Kind,
    Mode,
    Outcome,
    Role,
    State,
    Verb,
)
from requests_app.workflow import permissions, policies, states, verbs
from requests_app.workflow.plan import Plan
from requests_app.workflow.policies import FourEyes, InWrongState, NotShown, Standing, UnableTo
from requests_app.workflow.verbs import VERBS, Asks


def standing(**changes: Any) -> Standing:
    plan = Plan(kind=Kind.ERASE, user_ids=("u_1",), user=Mode.SOFT)
    values: dict[str, Any] = {"state": State.AWAITING_DECISION, "kind": Kind.ERASE, "plan": plan}
    return Standing(**(values | changes))


def test_every_state_can_be_reached_and_left_as_it_should() -> None:
    reached = set(states.TRANSITIONS.values())
    left = {state for state, _ in states.TRANSITIONS}

    assert reached == set(State)
    assert left - {None} >= OPEN_STATES
    assert {(state, verb) for state, verb in states.TRANSITIONS if state in CLOSED_STATES} == {
        (State.COMPLETED, Verb.RESTORE),
        (State.COMPLETED, Verb.ANSWER),
        (State.REFUSED, Verb.ANSWER),
        (State.CANCELLED, Verb.REOPEN),
    }


def test_every_verb_has_a_row_and_leaves_an_entry_of_its_own() -> None:
    assert {verb for _, verb in states.TRANSITIONS} == set(Verb) == set(VERBS)
    assert len({spec.entry for spec in VERBS.values()}) == len(Verb)


def test_whatever_somebody_can_press_says_what_was_done() -> None:
    """A verb with a form of its own says it in its own view."""
    silent = [verb for verb, spec in VERBS.items() if spec.page and spec.asks is not Asks.FORM and not spec.done]
    assert silent == []


def test_nothing_is_approved_that_was_not_submitted() -> None:
    assert [state for (state, verb) in states.TRANSITIONS if verb is Verb.APPROVE] == [State.AWAITING_DECISION]
    into_approved = [verb for (_, verb), after in states.TRANSITIONS.items() if after is State.APPROVED]
    assert into_approved == [Verb.APPROVE]


def test_the_diagram_shows_every_way() -> None:
    text = states.diagram()

    for (state, verb), after in states.TRANSITIONS.items():
        assert f"    {state.value if state else '[*]'} --> {after.value}: {verb.value}\n" in text


def test_people_and_the_engine_share_no_verb() -> None:
    engine = permissions.ROLE_VERBS[Role.WORKER]

    assert engine == {Verb.BEGIN, Verb.STOP, Verb.COMPLETE}
    assert not any(permissions.ROLE_VERBS[role] & engine for role in STAFF_ROLES)
    assert not any(VERBS[verb].page or VERBS[verb].shown_in for verb in engine)


def test_only_a_dpo_decides_and_those_who_review_do_nothing() -> None:
    for verb in (Verb.APPROVE, Verb.SEND_BACK, Verb.REFUSE, Verb.GIVE_UP, Verb.RESTORE):
        assert [role for role in Role if verb in permissions.ROLE_VERBS[role]] == [Role.DPO]
    assert [role for role in Role if Verb.TAKE_BACK in permissions.ROLE_VERBS[role]] == [Role.AGENT]
    assert not permissions.ROLE_VERBS[Role.AUDITOR] | permissions.ROLE_VERBS[Role.ADMINISTRATOR]


@pytest.mark.parametrize("verb", list(Verb))
@pytest.mark.parametrize("role", [*Role, None])
def test_asking_and_checking_agree(role: Role | None, verb: Verb) -> None:
    actor = Actor(1, role, "x")
    if permissions.may(actor, verb):
        permissions.check_may(actor, verb)
    else:
        with pytest.raises(permissions.NotPermitted, match=r"\.$"):
            permissions.check_may(actor, verb)


def test_a_page_without_a_row_is_closed_to_all() -> None:
    assert not any(permissions.may_open(Actor(1, role, ""), "no-such-page") for role in Role)
    assert all(roles <= STAFF_ROLES for roles in permissions.PAGE_ROLES.values())
    assert not permissions.may_open(Actor(1, None, ""), "my-work")


def test_whoever_reviews_sees_neither_drafts_nor_people() -> None:
    for role in (Role.AUDITOR, Role.ADMINISTRATOR, None):
        assert not permissions.sees_drafts(role)
        assert not permissions.sees_personal_data(role)


def test_the_worker_is_no_person() -> None:
    assert worker("host").is_worker
    with pytest.raises(ValueError, match="no person"):
        worker("host").person_id  # noqa: B018


@pytest.mark.parametrize("verb", list(Verb))
@pytest.mark.parametrize("state", list(State))
def test_a_verb_is_possible_where_the_table_has_a_way(state: State, verb: Verb) -> None:
    if states.target(state, verb):
        verbs.check_state(state, verb)
    else:
        with pytest.raises(InWrongState, match=state.label):
            verbs.check_state(state, verb)


def test_whoever_worked_on_a_ticket_does_not_approve_it() -> None:
    verbs.check(standing(contributors=frozenset({1, 2})), Verb.APPROVE, actor_id=3)
    for actor_id in (1, 2, None):
        with pytest.raises(FourEyes):
            verbs.check(standing(contributors=frozenset({1, 2})), Verb.APPROVE, actor_id=actor_id)


def test_what_was_sent_is_not_cancelled() -> None:
    verbs.check(standing(state=State.RUNNING), Verb.CANCEL, actor_id=1)
    with pytest.raises(UnableTo, match="already sent"):
        verbs.check(standing(state=State.RUNNING, anything_sent=True), Verb.CANCEL, actor_id=1)


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        ({"outcome": Outcome.HIDDEN}, True),
        ({"outcome": Outcome.PARTIAL}, True),
        ({"outcome": Outcome.RESTORED}, False),
        ({"outcome": None}, False),
        ({"outcome": Outcome.HIDDEN, "kind": Kind.EXPORT}, False),
        (
            {
                "outcome": Outcome.PARTIAL,
                "plan": Plan(
                    kind=Kind.ERASE, user_ids=("u",), user=Mode.HARD, messages=Mode.HARD, conversations=Mode.HARD
                ),
            },
            False,
        ),
    ],
)
def test_only_hidden_users_are_restored(change: dict[str, Any], allowed: bool) -> None:
    ticket = standing(state=State.COMPLETED, **change)
    if allowed:
        verbs.check(ticket, Verb.RESTORE, actor_id=1)
    else:
        with pytest.raises(UnableTo):
            verbs.check(ticket, Verb.RESTORE, actor_id=1)


@pytest.mark.parametrize("typed", ["", "U_1", " u_1", "u_1 ", "u_2"])
def test_the_typed_id_must_be_the_very_same(typed: str) -> None:
    policies.check_confirmation("u_1", "u_1")
    with pytest.raises(UnableTo) as caught:
        policies.check_confirmation(typed, "u_1")
    assert caught.value.field == "confirm_user_id"


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_a_reason_has_words(text: str) -> None:
    with pytest.raises(UnableTo) as caught:
        policies.check_reason(text)
    assert caught.value.field == "note"


def test_an_approval_is_of_the_plan_and_the_ticket_that_were_shown() -> None:
    policies.check_shown("abc", 3, current_digest="abc", current_revision=3)
    with pytest.raises(UnableTo, match="plan changed since"):
        policies.check_shown("abc", 3, current_digest="abd", current_revision=3)
    with pytest.raises(UnableTo, match="ticket changed since"):
        policies.check_shown("abc", 3, current_digest="abc", current_revision=4)


@pytest.mark.parametrize(("digest", "revision"), [("", 3), ("abc", None), ("", None)])
def test_an_approval_that_names_nothing_that_was_shown_is_none(digest: str, revision: int | None) -> None:
    with pytest.raises(NotShown):
        policies.check_shown(digest, revision, current_digest="abc", current_revision=3)
