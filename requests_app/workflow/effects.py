"""A plan in plain words: what happens, what stays behind, what cannot be undone, and the exact requests.

Whoever decides reads these sentences first (law: what each choice means for the person). Imports no Django.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from requests_app.enums import Kind, Mode, Operation
from requests_app.stream.operations import CALLS, METHOD, VERSION
from requests_app.workflow import plan as plans
from requests_app.workflow.plan import Plan


@dataclass(frozen=True)
class Effect:
    """What happens to one kind of data."""

    data: str
    icon: str
    mode: str
    danger: bool
    sentence: str


_UNSURE = "Left out of the request. Stream's documents disagree on whether it then stays as it is."
_ROWS = (
    ("user", "User", "user"),
    ("messages", "Messages", "messages"),
    ("conversations", "Conversations", "message"),
    ("calls", "Calls", "phone"),
    ("feeds_data", "Feeds data", "rss"),
)
_SENTENCES = {
    ("user", Mode.KEEP): "The account stays as it is.",
    ("user", Mode.SOFT): "Marked as deleted and hidden. Stream keeps all of it; it can be restored.",
    ("user", Mode.PRUNING): "Marked as deleted and emptied: name, picture and custom data go, a shell stays.",
    ("user", Mode.HARD): "Profile and account are removed completely.",
    ("messages", Mode.SOFT): "Marked as deleted. Stream keeps the text and still exports it.",
    ("messages", Mode.PRUNING): "Emptied: text, reactions and flags go, empty messages stay in place.",
    ("messages", Mode.HARD): "Every message they wrote is removed, with everything attached to it.",
    ("conversations", Mode.SOFT): "Channels of two people are marked as deleted; their messages are kept.",
    (
        "conversations",
        Mode.HARD,
    ): "Channels of two people are removed with all messages, also those of the other person.",
    ("calls", Mode.SOFT): "Calls of two people are marked as deleted. Group calls stay.",
    ("calls", Mode.HARD): "Calls of two people are removed with their data. Group calls stay.",
    ("feeds_data", Mode.KEEP): "Feeds, activities, comments, reactions, bookmarks and collections stay.",
    ("feeds_data", Mode.SOFT): "Feeds, activities, comments, follows and bookmarks are hidden. Stream keeps them.",
    (
        "feeds_data",
        Mode.HARD,
    ): "Feeds, follows, activities, comments, reactions, bookmarks and collections are removed.",
}


def effects(plan: Plan) -> tuple[Effect, ...]:
    """A row for each kind of data: what happens to it, and honestly what does not."""
    return tuple(_export_effects(plan) if plan.kind is Kind.EXPORT else _erase_effects(plan))


def _export_effects(plan: Plan) -> Iterator[Effect]:
    if plan.export_feeds_data:
        yield Effect(
            "Feeds data",
            "rss",
            "copy",
            False,
            "Feeds, follows, activities, comments, reactions, bookmarks and collections, one file per account.",
        )
    if plan.export_user_data:
        yield Effect(
            "User data",
            "user",
            "copy",
            False,
            "Profile, messages, reactions, calls and custom data; at most 10,000 messages for each account.",
        )


def _erase_effects(plan: Plan) -> Iterator[Effect]:
    if plan.copy_first:
        yield Effect(
            "Copy first", "file-export", "copy", False, "Everything is exported before the first delete is sent."
        )
    for name, label, icon in _ROWS:
        mode: Mode = getattr(plan, name)
        sentence = _SENTENCES.get((name, mode))
        if sentence is None:
            sentence = _UNSURE if plan.user is not Mode.KEEP else "Stays as it is."
        yield Effect(label, icon, mode.value, mode in {Mode.HARD, Mode.PRUNING}, sentence)
    if plan.files:
        yield Effect("Files", "database", "hard", True, "Every image and attachment they uploaded is removed.")


def stays_behind(plan: Plan) -> tuple[str, ...]:
    """What is still at Stream afterwards, in plain sentences."""
    return tuple(_staying(plan)) if plan.kind is Kind.ERASE else ("Everything: an export changes nothing on Stream.",)


def _staying(plan: Plan) -> Iterator[str]:
    if plan.user is Mode.KEEP:
        yield "The account itself with its messages, conversations and calls: only feeds data is deleted."
    else:
        yield "Group channels and group calls, and what others wrote in them."
        yield "Places where others quoted or mentioned the person."
        if not plan.files:
            yield "Files and images the person uploaded: their deletion was not chosen."
    if plan.user is not Mode.KEEP and plan.feeds_data is Mode.KEEP:
        yield "All feeds data: deleting the user does not touch it."
    if Mode.SOFT in {getattr(plan, name) for name in plans.MODES}:
        yield "Everything that is soft-deleted: Stream hides it and keeps it."
    if Mode.PRUNING in {plan.user, plan.messages}:
        yield "Emptied shells of what is pruned, with ids and times."
    if plan.user is Mode.HARD and not plan.new_channel_owner_id:
        yield "Channels they own, under an owner id that Stream makes up."


def cannot_be_undone(plan: Plan) -> tuple[str, ...]:
    """What nobody can bring back once it is sent."""
    return tuple(_lasting(plan)) if plan.kind is Kind.ERASE else ()


def _lasting(plan: Plan) -> Iterator[str]:
    if plan.user is Mode.HARD:
        yield "A hard-deleted user cannot be restored, and the user id can never be used again."
    elif plan.user is Mode.PRUNING:
        yield "What pruning empties does not come back."
    elif plan.user is Mode.SOFT:
        yield "A restore brings back the user's own record alone, no messages and no memberships."
    if plan.messages in {Mode.PRUNING, Mode.HARD} or plan.conversations is Mode.HARD or plan.calls is Mode.HARD:
        yield "Messages, conversations and calls that are removed do not come back."
    if plan.feeds_data is not Mode.KEEP:
        yield "Deleting feeds data is irreversible, also when it is soft."
    if plan.files:
        yield "Deleted files do not come back."


def headline(plan: Plan) -> tuple[str, str]:
    """The words above the plan: a strong sentence and one that explains it."""
    if plan.kind is Kind.EXPORT:
        return "This makes a copy.", "Stream collects the data into files; nothing is changed or deleted."
    if plans.is_soft_only(plan):
        return (
            "This hides, it does not erase.",
            "Stream keeps all that is soft-deleted. This plan alone does not fulfil a request for erasure.",
        )
    return "This cannot be undone.", " ".join(cannot_be_undone(plan)[:2])


def summary(plan: Plan) -> tuple[tuple[str, str, bool], ...]:
    """Short tags for lists: mode, kinds of data, and whether it is drastic."""
    if plan.kind is Kind.EXPORT:
        kinds = [
            label
            for name, label in (("export_feeds_data", "feeds"), ("export_user_data", "user"))
            if getattr(plan, name)
        ]
        return (("", ", ".join(kinds), False),)
    by_mode: dict[Mode, list[str]] = {}
    for name, label, _ in _ROWS:
        mode: Mode = getattr(plan, name)
        if mode is not Mode.KEEP:
            by_mode.setdefault(mode, []).append(label.lower())
    order = (Mode.HARD, Mode.PRUNING, Mode.SOFT)
    return tuple((mode.value, ", ".join(by_mode[mode]), mode is Mode.HARD) for mode in order if mode in by_mode)


def requests_of(plan: Plan) -> tuple[tuple[str, str], ...]:
    """The exact requests: method with path, and body. Deletes of users are shown as they travel, in full calls."""
    shown: list[tuple[str, str]] = []
    deletes: list[str] = []
    for call in plans.calls(plan):
        if call.operation is Operation.DELETE_USERS:
            deletes += call.user_ids
        else:
            shown.append(_request(call.operation, call.user_ids, call.fields))
    most = CALLS[Operation.DELETE_USERS].most_ids
    for start in range(0, len(deletes), most):
        shown.append(_request(Operation.DELETE_USERS, deletes[start : start + most], plans.delete_fields(plan)))
    return tuple(shown)


def _request(operation: Operation, user_ids: Sequence[str], fields: Mapping[str, str | bool]) -> tuple[str, str]:
    call = CALLS[operation]
    body = call.body(user_ids, fields)
    return f"{METHOD} {VERSION}{call.path_for(user_ids)}", _pretty(body) if body else ""


def _pretty(body: Mapping[str, object]) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False)
