"""The table of what was reached: each cell by what was seen, and one word that the rows alone earn."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from requests_app.enums import Answer, Asked, DataKind, Kind, Mode, Operation, Outcome, Reached, Seen, StepState
from requests_app.workflow import erased, reached
from requests_app.workflow.plan import MODES, Plan, calls, parts, problems
from requests_app.workflow.reached import Call, Row

LOOKED = {"looked_at": "2026-03-10T12:00:00Z"}
GONE: dict[Operation, dict[str, Any]] = {
    Operation.DELETE_USERS: {"user": "absent", "messages": 0, "channels_of_two": 0, "calls_of_two": 0, **LOOKED},
    Operation.DELETE_FEEDS_DATA: {
        "user": "absent",
        "feeds": 0,
        "activities": 0,
        "activities_hidden": 0,
        "comments": 0,
        **LOOKED,
    },
}
HARD = dict.fromkeys(MODES, Mode.HARD)


def plan(**changes: Any) -> Plan:
    return Plan(kind=Kind.ERASE, user_ids=("a",), **(HARD | {"files": True} | changes))


def done(operation: Operation, **changes: Any) -> Call:
    values: dict[str, Any] = {"state": StepState.DONE, "taken": True, "ended_well": True}
    return Call(operation=operation, **(values | {"evidence": GONE.get(operation, {})} | changes))


def of(made: Plan, **changes: Any) -> dict[DataKind, Row]:
    """The table where the delete of the user differs."""
    table = reached.rows(made, [done(Operation.DELETE_FEEDS_DATA), done(Operation.DELETE_USERS, **changes)])
    return {row.kind: row for row in table}


def word(table: dict[DataKind, Row]) -> Outcome:
    return reached.word(list(table.values()))


erasures = st.builds(
    plan,
    **{name: st.sampled_from(modes) for name, modes in MODES.items()},
    files=st.booleans(),
    copy_first=st.booleans(),
).filter(lambda made: not problems(made))
numbers = st.integers(0, 2)
evidences = st.one_of(
    st.just({}),
    st.just({"unreadable": True, **LOOKED}),
    st.fixed_dictionaries(
        {"user": st.sampled_from(["absent", "present"]), "looked_at": st.just("x")},
        optional={
            **dict.fromkeys(("messages", "channels_of_two", "calls_of_two"), numbers),
            **dict.fromkeys(("feeds", "activities", "activities_hidden", "comments"), numbers),
            "not_counted": st.lists(st.sampled_from(["messages", "channels_of_two", "calls_of_two"]), max_size=2),
        },
    ),
)


def some_calls(made: Plan) -> st.SearchStrategy[list[Call]]:
    """Any end of each step that the plan amounts to."""
    return st.tuples(
        *(
            st.builds(
                Call,
                operation=st.just(operation),
                state=st.sampled_from(StepState),
                outcome=st.sampled_from([None, Outcome.NOTHING_FOUND, Outcome.FAILED, Outcome.REFUSED_BY_STREAM]),
                taken=st.booleans(),
                ended_well=st.booleans(),
                ended_badly=st.booleans(),
                evidence=evidences,
            )
            for operation in dict.fromkeys(call.operation for call in calls(made))
        )
    ).map(list)


@settings(deadline=None)
@given(made=erasures)
def test_a_plan_that_is_carried_out_and_seen_reads_as_planned(made: Plan) -> None:
    its = [done(operation) for operation in dict.fromkeys(call.operation for call in calls(made))]

    table = reached.rows(made, its)

    assert table == reached.as_planned(made)
    named = {row.kind.value for row in table if row.asked not in {Asked.NOT_ASKED, Asked.COPY}}
    assert named == set(parts(made))
    modes = {getattr(made, name) for name in MODES}
    assert (reached.word(table) is Outcome.ERASED) == (modes == {Mode.HARD} and made.files)
    assert (reached.word(table) is Outcome.HIDDEN) == (modes <= {Mode.SOFT, Mode.KEEP} and not made.files)


@settings(deadline=None)
@given(data=st.data(), made=erasures)
def test_erased_is_earned_by_every_row(data: st.DataObject, made: Plan) -> None:
    its = data.draw(some_calls(made))

    table = reached.rows(made, its)

    if reached.word(table) is Outcome.ERASED:
        by = {call.operation: call for call in its}
        for row in [row for row in table if row.asked is not Asked.COPY]:
            call = by[reached.operation_of(row.kind)]
            assert row.asked is Asked.HARD
            assert row.reached is Reached.REMOVED or (row.reached, row.seen) == (Reached.NOTHING_THERE, Seen.NOTHING)
            if row.reached is Reached.REMOVED:
                assert call.looked
                assert not reached.shown(row.kind, call.evidence)
                assert row.kind is not DataKind.FILES or call.ended_well
    if reached.word(table) is Outcome.FAILED:
        deletes = [call for call in its if call.operation in GONE]
        assert not any(call.taken and call.outcome is not Outcome.NOTHING_FOUND for call in deletes)


@settings(deadline=None)
@given(made=erasures, data=st.data())
def test_every_table_has_a_word_and_every_kind_a_row(made: Plan, data: st.DataObject) -> None:
    table = reached.rows(made, data.draw(some_calls(made)))

    copies = [DataKind.FEEDS_COPY, DataKind.USER_COPY] if made.copy_first else []
    assert [row.kind for row in table] == [*copies, *reached.ERASED_KINDS]
    assert {row.kind for row in table if row.reached is Reached.KEPT} == {
        row.kind for row in table if row.asked is Asked.NOT_ASKED
    }
    assert reached.word(table) in Outcome


@pytest.mark.parametrize(
    ("changes", "kind", "seen", "end", "outcome"),
    [
        ({}, DataKind.FILES, Seen.NOT_COUNTED, Reached.REMOVED, Outcome.ERASED),
        ({"ended_well": False}, DataKind.FILES, Seen.NOT_COUNTED, Reached.NOT_VERIFIED, Outcome.NOT_VERIFIED),
        (
            {"evidence": {"unreadable": True, **LOOKED}},
            DataKind.MESSAGES,
            Seen.UNREADABLE,
            Reached.NOT_VERIFIED,
            Outcome.NOT_VERIFIED,
        ),
        (
            {"state": StepState.FAILED, "evidence": GONE[Operation.DELETE_USERS] | {"messages": 3}},
            DataKind.MESSAGES,
            Seen.STILL_THERE,
            Reached.NOT_REACHED,
            Outcome.PARTIAL,
        ),
        (
            {"state": StepState.FAILED, "evidence": GONE[Operation.DELETE_USERS] | {"messages": 3}},
            DataKind.CALLS,
            Seen.GONE,
            Reached.REMOVED,
            Outcome.PARTIAL,
        ),
        (
            {"state": StepState.FAILED, "ended_well": False, "ended_badly": True, "evidence": {}},
            DataKind.ACCOUNT,
            Seen.NOT_LOOKED_FOR,
            Reached.NOT_REACHED,
            Outcome.PARTIAL,
        ),
        (
            {"state": StepState.ON_STREAM, "ended_well": False, "evidence": {}},
            DataKind.ACCOUNT,
            Seen.NOT_LOOKED_FOR,
            Reached.NOT_VERIFIED,
            Outcome.PARTIAL,
        ),
        # What a look before the call showed is no evidence of what the call did.
        (
            {"state": StepState.FAILED, "ended_well": False, "evidence": {"user": "absent"}},
            DataKind.ACCOUNT,
            Seen.NOT_LOOKED_FOR,
            Reached.NOT_VERIFIED,
            Outcome.PARTIAL,
        ),
    ],
)
def test_a_row_says_what_was_seen(
    changes: dict[str, Any], kind: DataKind, seen: Seen, end: Reached, outcome: Outcome
) -> None:
    table = of(plan(), **changes)

    assert (table[kind].seen, table[kind].reached) == (seen, end)
    assert word(table) is outcome


def test_what_is_still_there_is_counted_as_at_least() -> None:
    table = of(plan(), state=StepState.FAILED, evidence=GONE[Operation.DELETE_USERS] | {"messages": 3})

    assert table[DataKind.MESSAGES].at_least == 3


def test_hard_deleted_feeds_data_that_is_only_hidden_is_not_removed() -> None:
    feeds = done(Operation.DELETE_FEEDS_DATA, evidence=GONE[Operation.DELETE_FEEDS_DATA] | {"activities_hidden": 2})

    table = reached.rows(plan(), [feeds, done(Operation.DELETE_USERS)])

    row = next(row for row in table if row.kind is DataKind.FEEDS_DATA)
    assert (row.asked, row.seen, row.reached, row.at_least) == (Asked.HARD, Seen.HIDDEN, Reached.NOT_REACHED, 2)
    assert reached.word(table) is Outcome.PARTIAL


def test_nothing_sent_is_failed_and_nothing_shown_is_nothing_found() -> None:
    unsent = [Call(operation=one, state=StepState.DROPPED) for one in GONE]
    nobody = [Call(operation=one, state=StepState.DONE, outcome=Outcome.NOTHING_FOUND) for one in GONE]
    refused = [Call(operation=one, state=StepState.FAILED, outcome=Outcome.REFUSED_BY_STREAM) for one in GONE]

    assert reached.word(reached.rows(plan(), unsent)) is Outcome.FAILED
    assert reached.word(reached.rows(plan(), nobody)) is Outcome.NOTHING_FOUND
    assert reached.word(reached.rows(plan(), refused)) is Outcome.REFUSED_BY_STREAM
    assert reached.word(reached.rows(plan(), [nobody[0], unsent[1]])) is Outcome.FAILED


def test_what_hangs_on_a_user_whom_stream_never_showed_was_not_seen_to_be_empty() -> None:
    nobody = Call(operation=Operation.DELETE_USERS, state=StepState.DONE, outcome=Outcome.NOTHING_FOUND)

    table = reached.rows(plan(), [done(Operation.DELETE_FEEDS_DATA), nobody])

    assert reached.word(table) is Outcome.NOT_VERIFIED


def test_a_restore_makes_the_users_row_and_no_other() -> None:
    soft = plan(**dict.fromkeys(MODES, Mode.SOFT), files=False)
    deletes = [done(one) for one in GONE]
    back = done(Operation.RESTORE_USERS, evidence={"user": "present", **LOOKED})
    unread = done(Operation.RESTORE_USERS, evidence={"unreadable": True, **LOOKED})
    failed = Call(operation=Operation.RESTORE_USERS, state=StepState.DROPPED)

    table = reached.rows(soft, [*deletes, back])

    assert [row.reached for row in table[:2]] == [Reached.RESTORED, Reached.HIDDEN]
    assert reached.word(table) is Outcome.RESTORED
    assert reached.word(reached.rows(soft, [*deletes, unread])) is Outcome.NOT_VERIFIED
    assert reached.word(reached.rows(soft, [*deletes, failed])) is Outcome.PARTIAL


@pytest.mark.parametrize(
    ("feeds", "user", "outcome"),
    [
        ("done", "done", Outcome.EXPORTED),
        ("done", "nobody", Outcome.EXPORTED),
        ("nobody", "nobody", Outcome.NOTHING_FOUND),
        ("done", "failed", Outcome.PARTIAL),
        ("failed", "failed", Outcome.FAILED),
    ],
)
def test_an_export_has_its_own_rows(feeds: str, user: str, outcome: Outcome) -> None:
    made = Plan(kind=Kind.EXPORT, user_ids=("a",), export_feeds_data=True, export_user_data=True)
    ends: dict[str, dict[str, Any]] = {
        "done": {"outcome": Outcome.EXPORTED},
        "nobody": {"outcome": Outcome.NOTHING_FOUND},
        "failed": {"state": StepState.FAILED, "ended_well": False, "ended_badly": True},
    }

    table = reached.rows(
        made, [done(Operation.EXPORT_FEEDS_DATA, **ends[feeds]), done(Operation.EXPORT_USERS, **ends[user])]
    )

    assert [row.kind for row in table] == [DataKind.FEEDS_COPY, DataKind.USER_COPY]
    assert reached.word(table) is outcome


@pytest.mark.parametrize(
    ("accounts", "outcome"),
    [
        ([Outcome.ERASED, Outcome.ERASED], Outcome.ERASED),
        ([Outcome.ERASED, Outcome.NOTHING_FOUND], Outcome.PARTIAL),
        ([Outcome.FAILED, Outcome.NOTHING_FOUND], Outcome.FAILED),
        ([Outcome.HIDDEN, Outcome.FAILED], Outcome.PARTIAL),
    ],
)
def test_a_tickets_word_is_its_accounts(accounts: list[Outcome], outcome: Outcome) -> None:
    assert reached.combine(accounts) is outcome


def test_the_log_is_told_counts_and_no_ids() -> None:
    table = reached.rows(plan(), [done(one) for one in GONE])

    assert reached.counts([table, table])["messages"] == {"removed": 2}


@settings(deadline=None)
@given(made=erasures)
def test_one_call_is_told_by_the_rows_that_it_is_to_bring_about(made: Plan) -> None:
    for operation in {call.operation for call in calls(made)}:
        modes = {row.asked for row in reached.of_operation(reached.as_planned(made), operation)}
        assert (erased.of_step(made, operation) is Outcome.ERASED) == (modes == {Asked.HARD})
        assert (erased.of_step(made, operation) is Outcome.HIDDEN) == (modes == {Asked.SOFT})
        assert Answer.NOT_SENT not in {row.answer for row in reached.as_planned(made)}


def test_a_copy_that_an_erasure_makes_first_has_a_row_and_no_say_in_its_word() -> None:
    wanted = plan(copy_first=True)
    deletes = [done(one) for one in GONE]
    made = reached.rows(wanted, [done(Operation.EXPORT_FEEDS_DATA), done(Operation.EXPORT_USERS), *deletes])
    lost = reached.rows(wanted, [done(Operation.EXPORT_USERS, state=StepState.FAILED, ended_badly=True)])

    assert [(row.asked, row.reached) for row in made[:2]] == [(Asked.COPY, Reached.EXPORTED)] * 2
    assert reached.word(made) is Outcome.ERASED
    assert reached.in_words([made]).startswith("Made first: copy of feeds data, copy of user data. Removed: the user")
    assert [row.answer for row in lost[:2]] == [Answer.NOT_SENT, Answer.FAILED]
    assert reached.word(lost) is Outcome.FAILED


@pytest.mark.parametrize(("taken", "outcome"), [(True, Outcome.PARTIAL), (False, Outcome.REFUSED_BY_STREAM)])
def test_what_stream_refused_in_the_end_may_have_acted_before(taken: bool, outcome: Outcome) -> None:
    """An earlier try of it stayed without an answer: nobody may say that nothing was deleted."""
    refused = {"state": StepState.FAILED, "outcome": Outcome.REFUSED_BY_STREAM, "ended_well": False, "evidence": {}}

    table = reached.rows(plan(), [done(operation, taken=taken, **refused) for operation in GONE])

    assert {row.answer for row in table} == {Answer.REFUSED_AT_LAST if taken else Answer.REFUSED}
    assert reached.word(table) is outcome


@pytest.mark.parametrize("taken", [True, False])
def test_an_export_that_stream_refused_is_refused_whatever_was_tried_before(taken: bool) -> None:
    wanted = Plan(kind=Kind.EXPORT, user_ids=("a",), export_user_data=True)
    refused = {"state": StepState.FAILED, "outcome": Outcome.REFUSED_BY_STREAM, "ended_well": False}

    table = reached.rows(wanted, [done(Operation.EXPORT_USERS, taken=taken, **refused)])

    assert reached.word(table) is Outcome.REFUSED_BY_STREAM
