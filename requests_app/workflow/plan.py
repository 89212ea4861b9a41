"""What is to be done for one data subject: an immutable value with its rules and its digest.

Every screen, form and job asks here; the rules stand nowhere else. `keep` is never sent: where the user is kept
there is no DeleteUsers call at all, because that call marks the user deleted even without its `user` field
(Stream API, DeleteUsers). Imports no Django.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

from requests_app.enums import Kind, Mode, Operation
from requests_app.stream.operations import CALLS

MAX_ACCOUNTS = 100
MAX_EXPORT_USERS = CALLS[Operation.EXPORT_USERS].most_ids
MAX_ID = 255
RANK_EXPORT, RANK_FEEDS, RANK_USER = 0, 1, 2

# Which modes Stream knows for which kind of data.
MODES: Mapping[str, tuple[Mode, ...]] = MappingProxyType(
    {
        "feeds_data": (Mode.KEEP, Mode.SOFT, Mode.HARD),
        "user": (Mode.KEEP, Mode.SOFT, Mode.PRUNING, Mode.HARD),
        "messages": (Mode.KEEP, Mode.SOFT, Mode.PRUNING, Mode.HARD),
        "conversations": (Mode.KEEP, Mode.SOFT, Mode.HARD),
        "calls": (Mode.KEEP, Mode.SOFT, Mode.HARD),
    }
)
OWNERS = ("new_channel_owner_id", "new_call_owner_id")
LABELS: Mapping[str, str] = MappingProxyType(
    {
        "feeds_data": "feeds data",
        "user": "the user",
        "messages": "messages",
        "conversations": "conversations",
        "calls": "calls",
        "files": "files",
        "new_channel_owner_id": "new channel owner",
        "new_call_owner_id": "new call owner",
        "copy_first": "copy first",
        "export_feeds_data": "feeds data",
        "export_user_data": "user data",
    }
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to export or erase for some accounts of one data subject."""

    kind: Kind
    user_ids: tuple[str, ...]
    export_feeds_data: bool = False
    export_user_data: bool = False
    feeds_data: Mode = Mode.KEEP
    user: Mode = Mode.KEEP
    messages: Mode = Mode.KEEP
    conversations: Mode = Mode.KEEP
    calls: Mode = Mode.KEEP
    files: bool = False
    new_channel_owner_id: str = ""
    new_call_owner_id: str = ""
    copy_first: bool = False


@dataclass(frozen=True)
class Problem:
    """One rule that a plan breaks: the form field and a sentence that says what to do."""

    field: str
    text: str


class InvalidPlan(ValueError):
    """A plan that breaks rules was about to be used."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(" ".join(problem.text for problem in problems))
        self.problems = problems


@dataclass(frozen=True, kw_only=True)
class PlannedCall:
    """One operation for some accounts. `fields` is the body beyond the ids; lower ranks go first."""

    rank: int
    operation: Operation
    user_ids: tuple[str, ...]
    fields: Mapping[str, str | bool]


def user_id_problem(user_id: str) -> str | None:
    """Why the text cannot be a Stream user id, or None."""
    if not user_id:
        return "A user id is missing."
    if user_id in {".", ".."}:
        return "“.” and “..” cannot be user ids."
    if len(user_id) > MAX_ID:
        return f"A user id has at most {MAX_ID} characters."
    if user_id != user_id.strip():
        return "A user id cannot begin or end with a blank."
    if any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in user_id):
        return "A user id cannot hold control characters."
    return None


def problems(plan: Plan) -> tuple[Problem, ...]:
    """Every rule that the plan breaks, in the order of the form."""
    found = list(_id_problems(plan))
    found += _export_problems(plan) if plan.kind is Kind.EXPORT else _erase_problems(plan)
    return tuple(found)


def check(plan: Plan) -> None:
    """Raise `InvalidPlan` where the plan breaks a rule."""
    found = problems(plan)
    if found:
        raise InvalidPlan(found)


def _id_problems(plan: Plan) -> Iterator[Problem]:
    if not plan.user_ids:
        yield Problem("user_ids", "Enter at least one Stream user id.")
    if len(plan.user_ids) > MAX_ACCOUNTS:
        yield Problem("user_ids", f"Enter at most {MAX_ACCOUNTS} user ids; these are {len(plan.user_ids)}.")
    for line, user_id in enumerate(plan.user_ids, start=1):
        problem = user_id_problem(user_id)
        if problem:
            yield Problem("user_ids", f"Line {line}: {problem}")
    if len(set(plan.user_ids)) != len(plan.user_ids):
        yield Problem("user_ids", "Each user id may stand here once. Remove the repeated ones.")


def _export_problems(plan: Plan) -> Iterator[Problem]:
    if not (plan.export_feeds_data or plan.export_user_data):
        yield Problem("export_feeds_data", "Choose what to export: feeds data, user data or both.")
    for name in (*MODES, "files", *OWNERS, "copy_first"):
        if getattr(plan, name) not in {Mode.KEEP, False, ""}:
            yield Problem(name, f"An export deletes nothing: leave “{LABELS[name]}” as it is.")


def _erase_problems(plan: Plan) -> Iterator[Problem]:
    for name in ("export_feeds_data", "export_user_data"):
        if getattr(plan, name):
            yield Problem(name, "To keep a copy of what is erased, choose “copy first” instead.")
    for name, allowed in MODES.items():
        if getattr(plan, name) not in allowed:
            yield Problem(name, f"Stream has no mode “{getattr(plan, name).label}” for {LABELS[name]}.")
    if all(getattr(plan, name) is Mode.KEEP for name in ("feeds_data", "user")):
        yield Problem("user", "Nothing would be deleted. Choose a mode for the user or for the feeds data.")
    if plan.user is Mode.KEEP:
        for name in ("messages", "conversations", "calls"):
            if getattr(plan, name) is not Mode.KEEP:
                yield Problem(
                    name, f"Stream deletes {LABELS[name]} only with the user. Choose a mode for the user, too."
                )
        if plan.files:
            yield Problem("files", "Stream deletes files only with the user. Choose a mode for the user, too.")
    if plan.user is Mode.HARD:
        for name in ("messages", "conversations"):
            if getattr(plan, name) is not Mode.HARD:
                yield Problem(name, f"A hard user delete needs hard {LABELS[name]}, too.")
    yield from _owner_problems(plan)


def _owner_problems(plan: Plan) -> Iterator[Problem]:
    for name in OWNERS:
        owner = getattr(plan, name)
        if not owner:
            continue
        problem = user_id_problem(owner)
        if plan.user is not Mode.HARD:
            yield Problem(name, f"A {LABELS[name]} is only for users that are hard-deleted. Leave this empty.")
        elif problem:
            yield Problem(name, problem)
        elif owner in plan.user_ids:
            yield Problem(name, f"The {LABELS[name]} is one of the users to be erased. Name somebody else.")


def calls(plan: Plan) -> tuple[PlannedCall, ...]:
    """Every call that the plan amounts to, in the order of their ranks. Nothing else is ever sent."""
    check(plan)
    made: list[PlannedCall] = []
    if plan.kind is Kind.EXPORT or plan.copy_first:
        made += _exports(plan)
    if plan.kind is Kind.ERASE:
        made += _deletes(plan)
    return tuple(made)


def _exports(plan: Plan) -> Iterator[PlannedCall]:
    everything = plan.kind is Kind.ERASE
    nothing: Mapping[str, str | bool] = MappingProxyType({})
    if everything or plan.export_feeds_data:
        for user_id in plan.user_ids:
            yield PlannedCall(
                rank=RANK_EXPORT, operation=Operation.EXPORT_FEEDS_DATA, user_ids=(user_id,), fields=nothing
            )
    if everything or plan.export_user_data:
        for start in range(0, len(plan.user_ids), MAX_EXPORT_USERS):
            group = plan.user_ids[start : start + MAX_EXPORT_USERS]
            yield PlannedCall(rank=RANK_EXPORT, operation=Operation.EXPORT_USERS, user_ids=group, fields=nothing)


def _deletes(plan: Plan) -> Iterator[PlannedCall]:
    if plan.feeds_data is not Mode.KEEP:
        body: Mapping[str, str | bool] = MappingProxyType({"hard_delete": plan.feeds_data is Mode.HARD})
        for user_id in plan.user_ids:
            yield PlannedCall(rank=RANK_FEEDS, operation=Operation.DELETE_FEEDS_DATA, user_ids=(user_id,), fields=body)
    if plan.user is not Mode.KEEP:
        body = MappingProxyType(delete_fields(plan))
        for user_id in plan.user_ids:
            yield PlannedCall(rank=RANK_USER, operation=Operation.DELETE_USERS, user_ids=(user_id,), fields=body)


def delete_fields(plan: Plan) -> dict[str, str | bool]:
    """The body of DeleteUsers beyond the ids: only what the plan names."""
    body: dict[str, str | bool] = {}
    for name in ("user", "messages", "conversations", "calls"):
        mode = getattr(plan, name)
        if mode is not Mode.KEEP:
            body[name] = mode.value
    if plan.files:
        body["files"] = True
    for name in OWNERS:
        if getattr(plan, name):
            body[name] = getattr(plan, name)
    return body


def parts(plan: Plan) -> tuple[str, ...]:
    """The parts that the plan asks for, by the names of its fields: each may be refused on its own."""
    if plan.kind is Kind.EXPORT:
        return tuple(name for name in ("export_feeds_data", "export_user_data") if getattr(plan, name))
    asked = tuple(name for name in MODES if getattr(plan, name) is not Mode.KEEP)
    return (*asked, "files") if plan.files else asked


def is_soft_only(plan: Plan) -> bool:
    """Whether an erase plan hides without erasing: everything it touches stays at Stream."""
    touched = {getattr(plan, name) for name in MODES} - {Mode.KEEP}
    return plan.kind is Kind.ERASE and touched == {Mode.SOFT} and not plan.files


def deletes_hard(plan: Plan) -> bool:
    """Whether anything is deleted in the mode that nothing brings back."""
    return any(getattr(plan, name) is Mode.HARD for name in MODES)


# Serial forms


def to_json(plan: Plan) -> dict[str, object]:
    """The plan as plain values, for storing."""
    found: dict[str, object] = {"v": 1}
    for field in fields(plan):
        value = getattr(plan, field.name)
        found[field.name] = list(value) if isinstance(value, tuple) else _plain(value)
    return found


def _plain(value: object) -> object:
    return value.value if isinstance(value, Kind | Mode) else value


def from_json(data: Mapping[str, object]) -> Plan:
    """The stored plan; raises `ValueError` for anything that `to_json` would not have written."""
    names = {field.name for field in fields(Plan)}
    if set(data) != names | {"v"} or data["v"] != 1:
        raise ValueError("this is not a stored plan")
    ids = data["user_ids"]
    if not isinstance(ids, list) or not all(isinstance(user_id, str) for user_id in ids):
        raise ValueError("user ids must be texts")
    values: dict[str, object] = {"kind": Kind(str(data["kind"])), "user_ids": tuple(ids)}
    for name in MODES:
        values[name] = Mode(str(data[name]))
    for name in ("export_feeds_data", "export_user_data", "files", "copy_first"):
        if not isinstance(data[name], bool):
            raise ValueError(f"{name} must be true or false")
        values[name] = data[name]
    for name in OWNERS:
        if not isinstance(data[name], str):
            raise ValueError(f"{name} must be a text")
        values[name] = data[name]
    return Plan(**values)  # type: ignore[arg-type]


def _canonical(data: object) -> bytes:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def canonical(plan: Plan) -> bytes:
    """Canonical JSON: sorted keys, no blanks, UTF-8, ids untouched."""
    return _canonical(to_json(plan))


def digest(plan: Plan) -> str:
    """SHA-256 of the canonical form: what an approval is bound to."""
    return hashlib.sha256(canonical(plan)).hexdigest()


def body_digest(operation: Operation, body: Mapping[str, object]) -> str:
    """SHA-256 over an operation and a body; without ids it tells which deletes may share a call."""
    return hashlib.sha256(_canonical({"operation": operation.value, "body": dict(body)})).hexdigest()
