"""Stream's answers as frozen values, read leniently: what is missing or unknown never breaks the reading."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from types import MappingProxyType

MAX_TEXT = 500
# Members of what Stream calls a conversation.
PAIR = 2
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FRACTION = re.compile(r"\.(\d{1,9})\d*")
# What PostgreSQL refuses to store (NUL), and what no text can be written with (half of a surrogate pair).
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\ufffd"
# Stream's are UUIDs. Whatever stands in a path, a column and a log line is held to letters, digits and a few signs.
_TASK_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}")


class Unreadable(ValueError):
    """An answer lacks what it is for."""


class TaskState(Enum):
    """What a task's status means. Any word but the two final ones means: still going."""

    GOING = "going"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True)
class Accepted:
    """Stream took the call and works on it under this task id."""

    task_id: str


@dataclass(frozen=True)
class AppInfo:
    """Who an API key belongs to. The answer holds secrets as well: they are never kept."""

    id: str
    name: str
    organization: str


@dataclass(frozen=True)
class RemoteUser:
    """A user as Stream shows it."""

    id: str
    name: str = ""
    created_at: datetime | None = None
    deleted_at: datetime | None = None
    deactivated_at: datetime | None = None


@dataclass(frozen=True)
class Count:
    """How many were seen; `at_least` where the bound was hit before the end."""

    number: int
    at_least: bool = False


@dataclass(frozen=True)
class ChannelTally:
    """Channels of one user: all that were seen, those of exactly two members, and those that the user made."""

    all: Count
    of_two: Count
    created: Count


@dataclass(frozen=True)
class TaskReport:
    """How far a task is. `user_results` maps user ids to Stream's word for each, where it gave any."""

    task_id: str
    status: str
    state: TaskState
    user_results: Mapping[str, str] | None = None
    url: str | None = None
    error: str = ""


def storable(value: object) -> object:
    """What was read from JSON, with a replacement for each character that cannot be stored.

    Replaced, not left out: somebody's id must not become that of somebody else.
    """
    if isinstance(value, str):
        return _UNSTORABLE.sub(_REPLACEMENT, value)
    if isinstance(value, list):
        return [storable(item) for item in value]
    if isinstance(value, dict):
        return {str(storable(key)): storable(item) for key, item in value.items()}
    return value


def mapping(value: object) -> Mapping[str, object]:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> Sequence[object]:
    """The value where it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def text(value: object, limit: int = MAX_TEXT) -> str:
    """The value where it is a text, cut to `limit` characters; numbers as text; else empty."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value)[:limit]


def moment(value: object) -> datetime | None:
    """A time on the wire: integer nanoseconds since the epoch, or RFC 3339 (Stream API, section 3).

    Go's zero time and anything unreadable are no time.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        try:
            found = EPOCH + timedelta(microseconds=int(value) // 1000)
        except (OverflowError, ValueError):
            return None
        return found if found.year > 1 and value else None
    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(_FRACTION.sub(lambda match: f".{match[1][:6]:0<6}", value.strip()))
            found = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        except (OverflowError, ValueError):
            return None
        return found if found.year > 1 else None
    return None


def channel_tally(rows: Sequence[object], user_id: str, *, at_least: bool) -> ChannelTally:
    """Channels by what a deletion tells apart; `at_least` where there may be more than these."""
    channels = [mapping(mapping(row).get("channel")) for row in rows]
    pairs = sum(channel.get("member_count") == PAIR for channel in channels)
    created = sum(mapping(channel.get("created_by")).get("id") == user_id for channel in channels)
    return ChannelTally(Count(len(rows), at_least), Count(pairs, at_least), Count(created, at_least))


def calls_of_two(rows: Sequence[object], *, at_least: bool) -> Count | None:
    """Calls of exactly two members; None where Stream did not name the members of one."""
    sizes = []
    for row in rows:
        members = mapping(row).get("members")
        if not isinstance(members, list):
            return None
        sizes.append(len(members))
    return Count(sizes.count(PAIR), at_least)


def accepted(body: Mapping[str, object]) -> Accepted:
    """The task id of an accepted call; raises `Unreadable` where there is none that could be one."""
    task_id = body.get("task_id")
    if not is_task_id(task_id):
        raise Unreadable("no task id")
    return Accepted(str(task_id))


def is_task_id(value: object) -> bool:
    """Whether this is a plain token: anything else is never stored, and never part of a path."""
    return isinstance(value, str) and _TASK_ID.fullmatch(value) is not None


def app_info(body: Mapping[str, object]) -> AppInfo:
    """Id, name and organization of an app; raises `Unreadable` where the answer is about no app."""
    app = mapping(body.get("app"))
    if not app:
        raise Unreadable("no app")
    return AppInfo(text(app.get("id")), text(app.get("name")), text(app.get("organization")))


def users(body: Mapping[str, object]) -> tuple[RemoteUser, ...]:
    """The users of a query; raises `Unreadable` where the answer holds no list."""
    if not isinstance(body.get("users"), list):
        raise Unreadable("no users")
    found = (_user(mapping(item)) for item in sequence(body["users"]))
    return tuple(user for user in found if user.id)


def _user(item: Mapping[str, object]) -> RemoteUser:
    return RemoteUser(
        id=text(item.get("id"), 255),
        name=text(item.get("name"), 200),
        created_at=moment(item.get("created_at")),
        deleted_at=moment(item.get("deleted_at")),
        deactivated_at=moment(item.get("deactivated_at")),
    )


def feed_id(feed: object) -> str:
    """The full id of a feed (`group:id`); empty where the answer has none."""
    item = mapping(feed)
    return text(item.get("fid") or item.get("feed"), 600)


def distinct_follows(follows: Sequence[object]) -> int:
    """How many different follows these are: between two feeds of one user, a follow is found from both ends."""
    ends = [(feed_id(item.get("source_feed")), feed_id(item.get("target_feed"))) for item in map(mapping, follows)]
    readable = [pair for pair in ends if all(pair)]
    return len(set(readable)) + len(ends) - len(readable)


def task_report(body: Mapping[str, object], task_id: str) -> TaskReport:
    """How far a task is; raises `Unreadable` where the answer names no status."""
    status = text(body.get("status"), 40)
    if not status:
        raise Unreadable("no status")
    result = mapping(body.get("result"))
    state = {"completed": TaskState.COMPLETED, "failed": TaskState.FAILED}.get(status.lower(), TaskState.GOING)
    error = mapping(body.get("error"))
    words = text(error.get("description")) or text(error.get("type"))
    if state is TaskState.FAILED and not words:
        words = text(result.get("description"))
    return TaskReport(
        task_id=task_id,
        status=status,
        state=state,
        user_results=_user_results(result) if state is TaskState.COMPLETED else None,
        url=text(result.get("url"), 8000) or None,
        error=words,
    )


def _user_results(result: Mapping[str, object]) -> Mapping[str, str] | None:
    """Stream's word for each user; None where the result has no such form."""
    words = {key: text(mapping(value).get("status"), 100) for key, value in result.items() if isinstance(value, dict)}
    named = {key: word for key, word in words.items() if word}
    return MappingProxyType(named) if named else None
