"""The plan: which combinations hold, what exactly they send, and the digest that an approval is bound to."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import pytest

from requests_app.enums import Kind, Mode, Operation
from requests_app.workflow import effects
from requests_app.workflow import plan as plans
from requests_app.workflow.plan import InvalidPlan, Plan

KEEP, SOFT, PRUNING, HARD = Mode.KEEP, Mode.SOFT, Mode.PRUNING, Mode.HARD
FORM_FIELDS = {field.name for field in fields(Plan)}


def erase(*user_ids: str, **choices: Any) -> Plan:
    return Plan(kind=Kind.ERASE, user_ids=user_ids or ("u_1",), **choices)


def hard(*user_ids: str, **choices: Any) -> Plan:
    return erase(*user_ids, **({"user": HARD, "messages": HARD, "conversations": HARD} | choices))


def export(*user_ids: str, **choices: Any) -> Plan:
    return Plan(kind=Kind.EXPORT, user_ids=user_ids or ("u_1",), **({"export_user_data": True} | choices))


def every_erasure() -> Iterator[Plan]:
    """All modes of everything, with and without files, and each kind of owner."""
    four, three = (KEEP, SOFT, PRUNING, HARD), (KEEP, SOFT, HARD)
    for user, messages, feeds, conversations, calls in itertools.product(four, four, three, three, three):
        for files, channel_owner, call_owner in itertools.product(
            (False, True), ("", "svc", "u_1"), ("", "svc", "u_1")
        ):
            yield erase(
                user=user,
                messages=messages,
                feeds_data=feeds,
                conversations=conversations,
                calls=calls,
                files=files,
                new_channel_owner_id=channel_owner,
                new_call_owner_id=call_owner,
            )


def holds(plan: Plan) -> bool:
    """The rules once more, written apart from the code."""
    if plan.user is KEEP:
        nothing_else = {plan.messages, plan.conversations, plan.calls} == {KEEP} and not plan.files
        return nothing_else and plan.feeds_data is not KEEP and not plan.new_channel_owner_id + plan.new_call_owner_id
    if plan.user is HARD and (plan.messages is not HARD or plan.conversations is not HARD):
        return False
    owners = {plan.new_channel_owner_id, plan.new_call_owner_id} - {""}
    return not owners or (plan.user is HARD and "u_1" not in owners)


def expected_body(plan: Plan) -> dict[str, Any]:
    body: dict[str, Any] = {"user": plan.user.value}
    for name in ("messages", "conversations", "calls"):
        if getattr(plan, name) is not KEEP:
            body[name] = getattr(plan, name).value
    if plan.files:
        body["files"] = True
    for name in ("new_channel_owner_id", "new_call_owner_id"):
        if getattr(plan, name):
            body[name] = getattr(plan, name)
    return body


def test_every_combination_holds_or_breaks_as_the_rules_say_and_sends_nothing_else() -> None:
    seen = sound = 0
    for plan in every_erasure():
        seen += 1
        found = plans.problems(plan)
        assert bool(found) is not holds(plan), plan
        if found:
            with pytest.raises(InvalidPlan):
                plans.calls(plan)
            continue
        sound += 1
        sent = {call.operation: dict(call.fields) for call in plans.calls(plan)}
        feeds = (
            {} if plan.feeds_data is KEEP else {Operation.DELETE_FEEDS_DATA: {"hard_delete": plan.feeds_data is HARD}}
        )
        user = {} if plan.user is KEEP else {Operation.DELETE_USERS: expected_body(plan)}
        assert sent == feeds | user, plan
        assert "keep" not in str(sent)
    assert seen == 4 * 4 * 3 * 3 * 3 * 2 * 9
    assert 0 < sound < seen


def test_every_sound_combination_is_told_in_words() -> None:
    for plan in filter(holds, every_erasure()):
        rows = {effect.data for effect in effects.effects(plan)}
        assert {"User", "Messages", "Conversations", "Calls", "Feeds data"} <= rows
        assert ("Files" in rows) is plan.files
        assert effects.stays_behind(plan)
        assert all(effect.sentence.endswith(".") for effect in effects.effects(plan))
        strong, _ = effects.headline(plan)
        assert (strong == "This hides, it does not erase.") is plans.is_soft_only(plan)


def test_keeping_the_user_never_calls_delete_users() -> None:
    operations = [call.operation for call in plans.calls(erase(feeds_data=HARD))]

    assert operations == [Operation.DELETE_FEEDS_DATA]


@pytest.mark.parametrize(
    ("plan", "field", "words"),
    [
        (erase(), "user", "Nothing would be deleted"),
        (hard(messages=SOFT), "messages", "hard messages, too"),
        (hard(conversations=KEEP), "conversations", "hard conversations, too"),
        (erase(feeds_data=SOFT, calls=HARD), "calls", "only with the user"),
        (erase(feeds_data=SOFT, files=True), "files", "only with the user"),
        (erase(user=SOFT, new_channel_owner_id="svc"), "new_channel_owner_id", "hard-deleted"),
        (hard(new_call_owner_id="u_1"), "new_call_owner_id", "Name somebody else"),
        (hard(new_channel_owner_id=".."), "new_channel_owner_id", "cannot be user ids"),
        (erase(user=SOFT, conversations=PRUNING), "conversations", "no mode"),
        (erase(user=SOFT, export_user_data=True), "export_user_data", "copy first"),
        (export(export_user_data=False), "export_feeds_data", "Choose what to export"),
        (export(user=HARD), "user", "deletes nothing"),
        (export(copy_first=True), "copy_first", "deletes nothing"),
        (export(new_channel_owner_id="svc"), "new_channel_owner_id", "deletes nothing"),
        (replace(hard(), user_ids=()), "user_ids", "at least one"),
        (hard(*(f"u{number}" for number in range(101))), "user_ids", "at most 100 user ids; these are 101"),
        (hard("a", "b", "a"), "user_ids", "once"),
        (hard("a", ""), "user_ids", "Line 2: A user id is missing"),
        (hard("."), "user_ids", "cannot be user ids"),
        (hard("x" * 256), "user_ids", "at most 255"),
        (hard(" a"), "user_ids", "begin or end with a blank"),
        (hard("a\u0000b"), "user_ids", "control characters"),
        (hard("a\u2028b"), "user_ids", "control characters"),
    ],
)
def test_each_rule_says_at_its_field_what_to_do(plan: Plan, field: str, words: str) -> None:
    found = [problem for problem in plans.problems(plan) if problem.field == field and words in problem.text]

    assert found
    assert all(problem.field in FORM_FIELDS and problem.text.endswith(".") for problem in plans.problems(plan))


@pytest.mark.parametrize("user_id", ["a", "a b/..@x.y+é", "x" * 255, "…", "日本"])
def test_ids_of_any_script_hold(user_id: str) -> None:
    assert plans.problems(hard(user_id)) == ()


def test_a_copy_is_made_before_anything_is_deleted() -> None:
    ranks = {call.operation: call.rank for call in plans.calls(hard(feeds_data=HARD, copy_first=True))}

    assert ranks[Operation.EXPORT_FEEDS_DATA] == ranks[Operation.EXPORT_USERS]
    assert ranks[Operation.EXPORT_USERS] < ranks[Operation.DELETE_FEEDS_DATA] < ranks[Operation.DELETE_USERS]


def test_an_export_of_many_accounts_travels_in_groups_of_25() -> None:
    ids = [f"u{number}" for number in range(60)]
    sent = plans.calls(export(*ids, export_feeds_data=True))

    groups = [call.user_ids for call in sent if call.operation is Operation.EXPORT_USERS]
    singles = [call.user_ids for call in sent if call.operation is Operation.EXPORT_FEEDS_DATA]
    assert [len(group) for group in groups] == [25, 25, 10]
    assert [user_id for group in groups for user_id in group] == ids
    assert [user_id for (user_id,) in singles] == ids


def test_the_digest_is_that_of_the_canonical_form() -> None:
    plan = hard("é", files=True, new_channel_owner_id="svc")

    assert plans.canonical(plan).decode() == (
        '{"calls":"keep","conversations":"hard","copy_first":false,"export_feeds_data":false,'
        '"export_user_data":false,"feeds_data":"keep","files":true,"kind":"erase","messages":"hard",'
        '"new_call_owner_id":"","new_channel_owner_id":"svc","user":"hard","user_ids":["é"],"v":1}'
    )
    assert plans.digest(plan) == hashlib.sha256(plans.canonical(plan)).hexdigest()


def test_the_digest_covers_every_field() -> None:
    plan = hard()
    changed = [
        replace(plan, kind=Kind.EXPORT),
        replace(plan, user_ids=("u_2",)),
        replace(plan, user_ids=("u_1", "u_2")),
        *(replace(plan, **{name: SOFT}) for name in plans.MODES),
        *(replace(plan, **{name: True}) for name in ("export_feeds_data", "export_user_data", "files", "copy_first")),
        *(replace(plan, **{name: "svc"}) for name in plans.OWNERS),
    ]

    assert len({plans.digest(each) for each in (plan, *changed)}) == len(changed) + 1
    assert len(changed) == len(fields(Plan)) + 1


@pytest.mark.parametrize("plan", [hard("a", "b", files=True), export("é", export_feeds_data=True), erase(user=SOFT)])
def test_a_stored_plan_comes_back_the_same(plan: Plan) -> None:
    assert plans.from_json(plans.to_json(plan)) == plan


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"user": "harder"},
        {"user_ids": "u_1"},
        {"user_ids": [1]},
        {"files": "yes"},
        {"new_channel_owner_id": None},
        {"extra": 1},
        {"kind": "move"},
    ],
)
def test_it_reads_nothing_that_it_would_not_have_stored(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        plans.from_json(plans.to_json(hard()) | change)


def test_the_requests_are_shown_as_they_are_sent() -> None:
    shown = effects.requests_of(hard("a b/c", "u_2", feeds_data=SOFT))

    assert [line for line, _ in shown] == [
        "POST /api/v2/feeds/users/a%20b%2Fc/delete",
        "POST /api/v2/feeds/users/u_2/delete",
        "POST /api/v2/users/delete",
    ]
    assert '"hard_delete": false' in shown[0][1]
    assert '"user_ids": [\n    "a b/c",\n    "u_2"\n  ]' in shown[2][1]
    assert "calls" not in shown[2][1]


@pytest.mark.parametrize("plan", [erase(user=SOFT), erase(feeds_data=SOFT), hard(), erase(user=PRUNING)])
def test_every_erasure_says_what_cannot_be_undone(plan: Plan) -> None:
    assert effects.cannot_be_undone(plan)


def test_a_list_shows_the_most_drastic_mode_first() -> None:
    tags = effects.summary(erase(user=PRUNING, messages=SOFT, feeds_data=HARD))

    assert [(mode, drastic) for mode, _, drastic in tags] == [("hard", True), ("pruning", False), ("soft", False)]
