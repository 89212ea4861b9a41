"""A Stream inside the process that does exactly as it is told: who is there, what it accepts, and how it fails."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum

from requests_app.stream.errors import (
    KeyRefused,
    NotFound,
    RateLimited,
    Rejected,
    StreamError,
    Unavailable,
    UnknownOutcome,
)
from requests_app.stream.limits import RateLimit
from requests_app.stream.wire import Accepted, AppInfo, ChannelTally, Count, RemoteUser, TaskReport, TaskState
from tests.faults.chaos.history import Presence

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Trouble(Enum):
    """How a call that changes something goes wrong."""

    ANSWER_LOST = "answer lost after the effect"
    CALL_LOST = "call lost before any effect"
    OUT_OF_REACH = "out of reach"
    TOO_MANY = "too many calls"
    REFUSED = "refused for good"
    KEY_REFUSED = "key refused"


class TaskFate(Enum):
    """How tasks end."""

    DONE = "completed"
    RUNNING = "running"
    FAILED = "failed"
    FORGOTTEN = "forgotten"


@dataclass
class Taken:
    """A call that was accepted."""

    operation: str
    user_ids: tuple[str, ...]
    body: dict[str, object]
    task_id: str
    fate: TaskFate | None = None


@dataclass
class ScriptedStream:
    """Deletes take effect when they are accepted, as Stream's do for every query."""

    users: dict[str, datetime] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    feeds: set[str] = field(default_factory=set)
    hard: set[str] = field(default_factory=set)
    taken: list[Taken] = field(default_factory=list)
    troubles: deque[Trouble] = field(default_factory=deque)
    fate: TaskFate = TaskFate.DONE
    refusals: int = 0
    is_down: bool = False
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def add(self, name: str) -> None:
        """A user with something in the feeds."""
        self.users[name] = LONG_AGO
        self.known.add(name)
        self.feeds.add(name)

    def presence(self, name: str) -> Presence:
        """Whether the user is shown."""
        if name in self.users:
            return Presence.SHOWN
        if name not in self.known:
            return Presence.NEVER
        return Presence.GONE if name in self.hard else Presence.HIDDEN

    def _read(self) -> None:
        if self.is_down:
            raise Unavailable("Stream is out of reach.")

    def _take(self, operation: str, user_ids: Sequence[str], body: Mapping[str, object]) -> Accepted:
        self._read()
        trouble = self.troubles.popleft() if self.troubles else None
        early = self._early(trouble)
        if early:
            raise early
        task_id = f"task-{next(self._numbers)}"
        self.taken.append(Taken(operation, tuple(user_ids), dict(body), task_id))
        self._effect(operation, user_ids, body)
        if trouble is Trouble.ANSWER_LOST:
            raise UnknownOutcome("No answer came.")
        return Accepted(task_id)

    def _early(self, trouble: Trouble | None) -> StreamError | None:
        """What goes wrong before anything happens."""
        self.refusals += trouble is Trouble.REFUSED
        match trouble:
            case Trouble.CALL_LOST:
                return UnknownOutcome("No answer came.")
            case Trouble.OUT_OF_REACH:
                return Unavailable("Stream is out of reach.")
            case Trouble.TOO_MANY:
                return RateLimited("Too many calls.", retry_after=7.0)
            case Trouble.REFUSED:
                return Rejected("Stream refused this call.", status=400)
            case Trouble.KEY_REFUSED:
                return KeyRefused("Stream refuses the key.", status=401)
        return None

    def _effect(self, operation: str, user_ids: Sequence[str], body: Mapping[str, object]) -> None:
        if operation == "DeleteFeedUserData":
            self.feeds.difference_update(user_ids)
        if operation == "DeleteUsers":
            for name in user_ids:
                self.users.pop(name, None)
            self.hard.update(user_ids if body.get("user") == "hard" else ())

    # What the client offers

    def export_feeds_data(self, user_id: str) -> Accepted:
        """A task."""
        return self._take("ExportFeedUserData", [user_id], {})

    def export_users(self, user_ids: Sequence[str]) -> Accepted:
        """A task."""
        return self._take("ExportUsers", user_ids, {})

    def delete_feeds_data(self, user_id: str, *, hard: bool) -> Accepted:
        """A task."""
        return self._take("DeleteFeedUserData", [user_id], {"hard_delete": hard})

    def delete_users(self, user_ids: Sequence[str], fields: Mapping[str, str | bool]) -> Accepted:
        """A task; the users vanish at once."""
        return self._take("DeleteUsers", user_ids, fields)

    def get_task(self, task_id: str) -> TaskReport:
        """How far it is. What a task was once seen to end with it keeps."""
        self._read()
        task = next(one for one in self.taken if one.task_id == task_id)
        task.fate = task.fate or (None if self.fate is TaskFate.RUNNING else self.fate)
        match task.fate:
            case None:
                return TaskReport(task_id, "running", TaskState.GOING)
            case TaskFate.FORGOTTEN:
                raise NotFound("Stream knows no such task.", status=404)
            case TaskFate.FAILED:
                return TaskReport(task_id, "failed", TaskState.FAILED, error="on purpose")
        return TaskReport(task_id, "completed", TaskState.COMPLETED, url="http://127.0.0.1:9/file")

    def query_users(self, user_ids: Sequence[str]) -> tuple[RemoteUser, ...]:
        """Those that are there."""
        self._read()
        return tuple(RemoteUser(name, created_at=self.users[name]) for name in user_ids if name in self.users)

    def get_app(self) -> AppInfo:
        """The app."""
        self._read()
        return AppInfo("1", "scripted", "tests")

    def get_rate_limits(self) -> Mapping[str, RateLimit]:
        """None."""
        return {}

    get_feeds_rate_limits = get_rate_limits

    def count_feeds(self, user_id: str) -> Count:
        """One while there is something."""
        self._read()
        return Count(int(user_id in self.feeds))

    def count_activities(self, user_id: str, *, include_soft_deleted: bool = False) -> Count:
        """None."""
        return Count(0)

    def count_comments(self, user_id: str) -> Count:
        """None."""
        return Count(0)

    count_messages = count_calls_of_two = count_comments

    def tally_channels(self, user_id: str) -> ChannelTally:
        """None."""
        return ChannelTally(Count(0), Count(0), Count(0))
