"""What Stream still shows of a user after a delete or a restore, as far as the call was to change it.

A user is hidden as soon as Stream accepts the delete, so that the user is gone proves the call and not the erasure:
what the call was to remove is looked for kind by kind. Stream tells no totals, so a number that hits a bound means "at
least"; a kind that Stream does not list for a deleted user is named as not counted and never taken for gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from requests_app.enums import Operation
from requests_app.models import Step
from requests_app.stream.client import StreamClient
from requests_app.stream.errors import KeyRefused, Rejected
from requests_app.stream.wire import Count

Evidence = Mapping[str, object]
Counter = Callable[[StreamClient, str], Count | None]
# What a delete of users removes from view, by the field of its body that asks for it. Files cannot be listed at all.
OF_USERS: Mapping[str, tuple[str, Counter]] = MappingProxyType(
    {
        "messages": ("messages", lambda client, user_id: client.count_messages(user_id)),
        "conversations": ("channels_of_two", lambda client, user_id: client.tally_channels(user_id).of_two),
        "calls": ("calls_of_two", lambda client, user_id: client.count_calls_of_two(user_id)),
    }
)
# What a delete of feeds data removes from view. Soft-deleted activities are counted apart: a hard delete leaves none.
OF_FEEDS: Mapping[str, Callable[[StreamClient, str], Count]] = MappingProxyType(
    {
        "feeds": lambda client, user_id: client.count_feeds(user_id),
        "activities": lambda client, user_id: client.count_activities(user_id),
        "comments": lambda client, user_id: client.count_comments(user_id),
        "bookmarks": lambda client, user_id: client.count_bookmarks(user_id),
        "bookmark_folders": lambda client, user_id: client.count_bookmark_folders(user_id),
        "collections": lambda client, user_id: client.count_collections(user_id),
    }
)
HIDDEN_FEEDS = "activities_hidden"
NOT_COUNTED = "not_counted"


def look(client: StreamClient, steps: Sequence[Step]) -> dict[int, Evidence]:
    """What Stream shows for the steps' users, by step. Raises `StreamError` where Stream could not be read."""
    present = {
        user.id for user in client.query_users(sorted({s.user_ids[0] for s in steps})) if user.deleted_at is None
    }
    return {step.pk: _evidence(client, step, step.user_ids[0] in present) for step in steps}


def remains(step: Step, seen: Evidence) -> bool:
    """Whether something is still visible that the step was to remove, or still hidden that it was to restore."""
    if step.operation == Operation.RESTORE_USERS:
        return seen["user"] == "absent"
    if step.operation == Operation.DELETE_USERS:
        return seen["user"] == "present" or any(seen.get(name) for name, _ in OF_USERS.values())
    return any(seen.get(name) for name in (*OF_FEEDS, *([HIDDEN_FEEDS] if removes_all(step) else [])))


def removes_all(step: Step) -> bool:
    """Whether the step deletes feeds data for good, also what a soft delete has hidden before."""
    return step.operation == Operation.DELETE_FEEDS_DATA and bool(step.fields.get("hard_delete"))


def has_feeds_data(client: StreamClient, user_id: str, *, also_hidden: bool = False) -> bool:
    """Whether Stream still shows anything of the user's feeds; asks no further than the first that it does."""
    if any(count(client, user_id).number for count in OF_FEEDS.values()):
        return True
    return also_hidden and bool(client.count_activities(user_id, include_soft_deleted=True).number)


def _evidence(client: StreamClient, step: Step, present: bool) -> Evidence:
    user_id = step.user_ids[0]
    seen: dict[str, object] = {"user": "present" if present else "absent"}
    if step.operation == Operation.DELETE_FEEDS_DATA:
        seen |= {name: count(client, user_id).number for name, count in OF_FEEDS.items()}
        seen[HIDDEN_FEEDS] = client.count_activities(user_id, include_soft_deleted=True).number
    if step.operation == Operation.DELETE_USERS and not present:
        seen |= _of_user(client, step, user_id)
    return seen


def _of_user(client: StreamClient, step: Step, user_id: str) -> Evidence:
    seen: dict[str, object] = {}
    not_counted = []
    for field, (name, counter) in OF_USERS.items():
        if field not in step.fields:
            continue
        number = _number(client, counter, user_id)
        if number is None:
            not_counted.append(name)
        else:
            seen[name] = number
    return seen | ({NOT_COUNTED: not_counted} if not_counted else {})


def _number(client: StreamClient, counter: Counter, user_id: str) -> int | None:
    """How many there are, at least; None where Stream does not say for this user."""
    try:
        found = counter(client, user_id)
    except KeyRefused:
        raise
    except Rejected:
        return None
    return found.number if found else None
