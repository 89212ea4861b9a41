"""What was reached for each kind of data of an account, and the one word that this earns. Imports no Django.

A row says what the plan asked for, what Stream answered, what was seen afterwards and what that amounts to. The word of
an account, and that of its ticket, come from these rows alone (Art. 5(2) GDPR, accountability): soft hides and keeps,
pruning empties and leaves a shell, keep is not sent at all (Stream API, section 6).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from requests_app.enums import (
    Answer,
    Asked,
    DataKind,
    Kind,
    Mode,
    Operation,
    Outcome,
    Reached,
    Seen,
    StepState,
)
from requests_app.workflow.plan import Plan

# In the order of the table: the user, what hangs on the user, feeds data, and what Stream does not list.
ERASED_KINDS = (
    DataKind.ACCOUNT,
    DataKind.MESSAGES,
    DataKind.CONVERSATIONS,
    DataKind.CALLS,
    DataKind.FEEDS_DATA,
    DataKind.FILES,
)
_EXPORTS = MappingProxyType(
    {DataKind.FEEDS_COPY: Operation.EXPORT_FEEDS_DATA, DataKind.USER_COPY: Operation.EXPORT_USERS}
)
# The numbers of a look at Stream that tell of a kind (engine/phases/remaining.py).
_COUNTS: Mapping[DataKind, tuple[str, ...]] = MappingProxyType(
    {
        DataKind.MESSAGES: ("messages",),
        DataKind.CONVERSATIONS: ("channels_of_two",),
        DataKind.CALLS: ("calls_of_two",),
        DataKind.FEEDS_DATA: ("feeds", "activities", "comments"),
    }
)
# Those that looks of earlier versions did not count.
_MORE_COUNTS: Mapping[DataKind, tuple[str, ...]] = MappingProxyType(
    {DataKind.FEEDS_DATA: ("bookmarks", "bookmark_folders", "collections")}
)
_HIDDEN_FEEDS = "activities_hidden"
# What one of the tries did is not known: the last one, or one before the refusal.
_NO_END = frozenset({Answer.UNANSWERED, Answer.REFUSED_AT_LAST})
_CONTENT_GONE = frozenset({Reached.REMOVED, Reached.EMPTIED})
_MOVING = frozenset({StepState.SENDING, StepState.UNKNOWN, StepState.ON_STREAM})
_BY_MODE = MappingProxyType(
    {
        Asked.SOFT: (Seen.HIDDEN, Reached.HIDDEN),
        Asked.PRUNING: (Seen.GONE, Reached.EMPTIED),
        Asked.HARD: (Seen.GONE, Reached.REMOVED),
    }
)


@dataclass(frozen=True, kw_only=True)
class Call:
    """One step of an account, as far as it tells what was reached.

    `taken`: Stream took a call of it at some time, or may have. `ended_well`, `ended_badly`: how Stream ended the last
    one, neither where that is not known. `evidence` is that of the step; `looked_at` in it says that it is of after
    the call.
    """

    operation: Operation
    state: StepState
    outcome: Outcome | None = None
    taken: bool = False
    ended_well: bool = False
    ended_badly: bool = False
    evidence: Mapping[str, object] = field(default_factory=dict)

    @property
    def looked(self) -> bool:
        """Whether Stream was read, or should have been, after the call."""
        return self.taken and "looked_at" in self.evidence


@dataclass(frozen=True)
class Row:
    """One kind of data of one account. `at_least` is how many were counted, where some were."""

    kind: DataKind
    asked: Asked
    answer: Answer
    seen: Seen
    reached: Reached
    at_least: int | None = None

    @property
    def has_nobody(self) -> bool:
        """Whether nothing was sent for it, since Stream showed nobody by the id."""
        return self.answer is Answer.NOBODY


def rows(plan: Plan, calls: Sequence[Call]) -> tuple[Row, ...]:
    """The table of one account from its own calls; those of other accounts have no say in it."""
    last = {call.operation: call for call in calls}
    if plan.kind is Kind.EXPORT:
        wanted = [kind for kind in _EXPORTS if getattr(plan, kind.value)]
        return tuple(_copied(kind, last.get(_EXPORTS[kind])) for kind in wanted)
    copies = [_copied(kind, last.get(operation)) for kind, operation in _EXPORTS.items() if plan.copy_first]
    made = [_erased(kind, asked_of(plan, kind), last.get(operation_of(kind))) for kind in ERASED_KINDS]
    if Operation.RESTORE_USERS in last:
        made[0] = _restored(made[0], last[Operation.RESTORE_USERS])
    return (*copies, *made)


def as_planned(plan: Plan) -> tuple[Row, ...]:
    """The table of an account of an erasure where all that the plan names is carried out and seen."""
    found = [Row(kind, Asked.COPY, Answer.ENDED, Seen.FILE, Reached.EXPORTED) for kind in _EXPORTS if plan.copy_first]
    for kind in ERASED_KINDS:
        asked = asked_of(plan, kind)
        seen, reached = _BY_MODE.get(asked, (Seen.NOT_LOOKED_FOR, Reached.KEPT))
        if kind is DataKind.FILES and asked is not Asked.NOT_ASKED:
            seen = Seen.NOT_COUNTED
        found.append(Row(kind, asked, Answer.NOT_ASKED if reached is Reached.KEPT else Answer.ENDED, seen, reached))
    return tuple(found)


def asked_of(plan: Plan, kind: DataKind) -> Asked:
    """What a plan of erasure asks for of a kind of data."""
    if kind is DataKind.FILES:
        return Asked.HARD if plan.files else Asked.NOT_ASKED
    mode: Mode = getattr(plan, kind.value)
    return Asked.NOT_ASKED if mode is Mode.KEEP else Asked(mode.value)


def of_operation(table: Iterable[Row], operation: Operation) -> tuple[Row, ...]:
    """The rows that one call was to bring about."""
    return tuple(row for row in table if operation_of(row.kind) is operation and row.asked is not Asked.NOT_ASKED)


def operation_of(kind: DataKind) -> Operation:
    """The call that a kind of data is asked for with."""
    if kind in _EXPORTS:
        return _EXPORTS[kind]
    return Operation.DELETE_FEEDS_DATA if kind is DataKind.FEEDS_DATA else Operation.DELETE_USERS


def _answer(call: Call | None) -> Answer:
    """What Stream said in the end."""
    if call is None:
        return Answer.NOT_SENT
    if call.outcome is Outcome.NOTHING_FOUND:
        return Answer.NOBODY
    if call.ended_badly:
        return Answer.FAILED
    if call.ended_well and call.state not in _MOVING:
        # Completed, but not for this user: only a look afterwards could tell otherwise.
        return Answer.FAILED if call.state is StepState.FAILED and not call.looked else Answer.ENDED
    if call.outcome is Outcome.REFUSED_BY_STREAM:
        return Answer.REFUSED_AT_LAST if call.taken else Answer.REFUSED
    return Answer.UNANSWERED if call.taken else Answer.NOT_SENT


def _copied(kind: DataKind, call: Call | None) -> Row:
    answer = _answer(call)
    if answer is Answer.NOBODY:
        return Row(kind, Asked.COPY, answer, Seen.NOTHING, Reached.NOTHING_THERE)
    if call is not None and call.state is StepState.DONE:
        return Row(kind, Asked.COPY, Answer.ENDED, Seen.FILE, Reached.EXPORTED)
    return Row(kind, Asked.COPY, answer, Seen.NOT_LOOKED_FOR, Reached.NOT_REACHED)


def _erased(kind: DataKind, asked: Asked, call: Call | None) -> Row:
    if asked is Asked.NOT_ASKED:
        return Row(kind, asked, Answer.NOT_ASKED, Seen.NOT_LOOKED_FOR, Reached.KEPT)
    answer = _answer(call)
    if answer is Answer.NOBODY:
        if kind in {DataKind.ACCOUNT, DataKind.FEEDS_DATA}:
            return Row(kind, asked, answer, Seen.NOTHING, Reached.NOTHING_THERE)
        # Nobody counts what may hang on a user whom Stream does not show: it may be there.
        return Row(kind, asked, answer, Seen.NOT_LOOKED_FOR, Reached.NOT_REACHED)
    if call is None or not call.looked:
        end = Reached.NOT_VERIFIED if answer in {*_NO_END, Answer.ENDED} else Reached.NOT_REACHED
        return Row(kind, asked, answer, Seen.NOT_LOOKED_FOR, end)
    seen, reached, number = _look(kind, asked, call)
    if answer in _NO_END and reached in _CONTENT_GONE and operation_of(kind) is Operation.DELETE_USERS:
        # Stream hides a user with the call: that nothing is shown proves the call, and not what became of it.
        reached = Reached.NOT_VERIFIED
    return Row(kind, asked, answer, seen, reached, number)


def _look(kind: DataKind, asked: Asked, call: Call) -> tuple[Seen, Reached, int | None]:
    """What was seen of a kind after the last call, and what that amounts to."""
    evidence = call.evidence
    if kind is DataKind.FILES:
        said_so = call.ended_well and call.state is StepState.DONE
        return Seen.NOT_COUNTED, Reached.REMOVED if said_so else Reached.NOT_VERIFIED, None
    if evidence.get("unreadable"):
        return Seen.UNREADABLE, Reached.NOT_VERIFIED, None
    if kind is DataKind.ACCOUNT:
        if "user" not in evidence:
            return Seen.NOT_LOOKED_FOR, Reached.NOT_VERIFIED, None
        if evidence["user"] == "present":
            return Seen.STILL_THERE, Reached.NOT_REACHED, None
        return (*_BY_MODE[asked], None)
    return _counted(kind, asked, evidence)


def _counted(kind: DataKind, asked: Asked, evidence: Mapping[str, object]) -> tuple[Seen, Reached, int | None]:
    names = _COUNTS[kind]
    not_counted = evidence.get("not_counted")
    if isinstance(not_counted, list) and set(names) & set(not_counted):
        return Seen.NOT_COUNTED, Reached.NOT_VERIFIED, None
    if not set(names) <= set(evidence):
        return Seen.NOT_LOOKED_FOR, Reached.NOT_VERIFIED, None
    left = sum(_number(evidence, name) for name in (*names, *_MORE_COUNTS.get(kind, ())))
    if left:
        return Seen.STILL_THERE, Reached.NOT_REACHED, left
    hidden = _number(evidence, _HIDDEN_FEEDS) if kind is DataKind.FEEDS_DATA else 0
    if hidden:
        return Seen.HIDDEN, Reached.NOT_REACHED if asked is Asked.HARD else Reached.HIDDEN, hidden
    return (*_BY_MODE[asked], None)


def shown(kind: DataKind, evidence: Mapping[str, object]) -> bool | None:
    """Whether a look at Stream still showed something of a kind; None where it does not tell."""
    if kind is DataKind.ACCOUNT:
        return evidence["user"] == "present" if "user" in evidence else None
    names = _COUNTS.get(kind, ())
    if not names or not set(names) <= set(evidence):
        return None
    return any(_number(evidence, name) for name in (*names, *_MORE_COUNTS.get(kind, ())))


def _number(evidence: Mapping[str, object], name: str) -> int:
    number = evidence.get(name, 0)
    return number if isinstance(number, int) else 0


def _restored(row: Row, call: Call) -> Row:
    """The user's row once they were asked back."""
    answer = _answer(call)
    if call.state is StepState.DONE:
        if call.evidence.get("user") == "present":
            return Row(row.kind, Asked.RESTORE, answer, Seen.SHOWN, Reached.RESTORED)
        return Row(row.kind, Asked.RESTORE, answer, Seen.UNREADABLE, Reached.NOT_VERIFIED)
    seen = Seen.HIDDEN if call.evidence.get("user") == "absent" else Seen.NOT_LOOKED_FOR
    return Row(row.kind, Asked.RESTORE, answer, seen, Reached.NOT_REACHED)


# What a call that Stream took may have done, though nobody knows of it.
_MAY_HAVE_ACTED = frozenset({*_NO_END, Answer.FAILED, Answer.ENDED})
_NOTHING_DONE = frozenset({Reached.NOT_REACHED, Reached.NOTHING_THERE})


def word(table: Sequence[Row]) -> Outcome:
    """The word that the rows of one account earn; that of an erasure without the copies that it makes first."""
    copied = any(row.reached is Reached.EXPORTED for row in table)
    table = [row for row in table if row.asked is not Asked.COPY] or table
    asked = [row for row in table if row.asked is not Asked.NOT_ASKED]
    reached = {row.reached for row in asked}
    if Reached.RESTORED in reached:
        return Outcome.RESTORED
    if any(row.asked is Asked.RESTORE and row.reached is Reached.NOT_REACHED for row in asked):
        return Outcome.PARTIAL
    if all(row.has_nobody for row in asked):
        # Where Stream made a copy it knows the id, even if it shows no user by it.
        return Outcome.NOT_VERIFIED if copied else Outcome.NOTHING_FOUND
    if all(row.asked is Asked.COPY for row in asked):
        return _word_of_export(asked)
    missed = [row for row in asked if (row.reached is Reached.NOT_REACHED and not row.has_nobody) or _has_no_end(row)]
    if missed:
        untouched = reached <= _NOTHING_DONE and not any(row.answer in _MAY_HAVE_ACTED for row in missed)
        return _nothing_done(missed) if untouched else Outcome.PARTIAL
    return _word_of_erasure(table, asked)


def _has_no_end(row: Row) -> bool:
    """Whether Stream may still be at work on it, or may have been: nobody looked."""
    return row.answer in _NO_END and row.seen is Seen.NOT_LOOKED_FOR and row.asked is not Asked.RESTORE


def _nothing_done(missed: Sequence[Row]) -> Outcome:
    refused = {row.answer for row in missed} <= {Answer.REFUSED, Answer.REFUSED_AT_LAST}
    return Outcome.REFUSED_BY_STREAM if refused else Outcome.FAILED


def _word_of_export(asked: Sequence[Row]) -> Outcome:
    missed = [row for row in asked if row.reached is Reached.NOT_REACHED]
    if not missed:
        return Outcome.EXPORTED
    done = any(row.reached is Reached.EXPORTED for row in asked)
    return Outcome.PARTIAL if done else _nothing_done(missed)


def _word_of_erasure(table: Sequence[Row], asked: Sequence[Row]) -> Outcome:
    """The word where all that was asked for was sent, and Stream finished it."""
    # What may hang on a user whom Stream never showed was not looked for: that is not seen to be empty.
    unseen = any(row.has_nobody and row.seen is Seen.NOT_LOOKED_FOR for row in asked)
    reached = {row.reached for row in table}
    if unseen or Reached.NOT_VERIFIED in reached:
        return Outcome.NOT_VERIFIED
    if Reached.HIDDEN in reached and not reached & {Reached.REMOVED, Reached.EMPTIED}:
        return Outcome.HIDDEN
    if reached & {Reached.HIDDEN, Reached.KEPT}:
        return Outcome.ERASED_IN_PART
    return Outcome.EMPTIED if Reached.EMPTIED in reached else Outcome.ERASED


def combine(outcomes: Iterable[Outcome]) -> Outcome:
    """One word for several accounts: theirs where they agree. Who was not found was not erased either."""
    seen = set(outcomes)
    if len(seen) == 1:
        return seen.pop()
    nothing = {Outcome.FAILED, Outcome.REFUSED_BY_STREAM, Outcome.NOTHING_FOUND}
    return Outcome.FAILED if seen <= nothing else Outcome.PARTIAL


def counts(tables: Iterable[Iterable[Row]]) -> dict[str, dict[str, int]]:
    """How many accounts came to what, kind by kind, without any id: for the log."""
    found: dict[str, Counter[str]] = {}
    for table in tables:
        for row in table:
            found.setdefault(row.kind.value, Counter())[row.reached.value] += 1
    return {kind: dict(sorted(ends.items())) for kind, ends in sorted(found.items())}


_IN_WORDS: Mapping[Reached, str] = MappingProxyType(
    {
        Reached.EXPORTED: "Made first",
        Reached.REMOVED: "Removed",
        Reached.EMPTIED: "Emptied, shells stay",
        Reached.HIDDEN: "Hidden, kept by Stream",
        Reached.KEPT: "Left out of the plan",
        Reached.NOTHING_THERE: "Nothing there",
        Reached.NOT_VERIFIED: "Not verified",
        Reached.NOT_REACHED: "Not reached",
    }
)
# Of users who were asked back.
_BACK_IN_WORDS: Mapping[Reached, str] = MappingProxyType(
    {
        Reached.RESTORED: "Brought back",
        Reached.NOT_VERIFIED: "Asked back, not seen again",
        Reached.NOT_REACHED: "Not brought back",
    }
)


def in_words(tables: Sequence[Sequence[Row]]) -> str:
    """The kinds of data by what was reached; where the accounts differ, for how many of them."""
    said = (*_IN_WORDS.values(), *_BACK_IN_WORDS.values())
    return " ".join(f"{words}: {', '.join(kinds)}." for words in said if (kinds := [*_kinds(tables, words)]))


def _words(row: Row) -> str:
    return (_BACK_IN_WORDS if row.asked is Asked.RESTORE else _IN_WORDS)[row.reached]


def _kinds(tables: Sequence[Sequence[Row]], words: str) -> Iterator[str]:
    said: dict[DataKind, list[str]] = {}
    for table in tables:
        for row in table:
            said.setdefault(row.kind, []).append(_words(row))
    for kind, each in said.items():
        number = each.count(words)
        if number:
            yield kind.label if number == len(each) else f"{kind.label} ({number} of {len(each)} accounts)"
