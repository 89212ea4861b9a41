"""A Stream inside the process, for what the engine itself costs: it answers at once or after a fixed time."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

from requests_app import gateway
from requests_app.stream.limits import RateLimit
from requests_app.stream.wire import Accepted, AppInfo, ChannelTally, Count, RemoteUser, TaskReport, TaskState

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class ScriptedStream:
    """Has every user until it is deleted. Tasks are done when asked about, or never where they are `endless`."""

    def __init__(self, *, latency: float = 0.0, endless: bool = False) -> None:
        self.calls: Counter[str] = Counter()
        self._latency = latency
        self._endless = endless
        self._gone: set[str] = set()
        self._tasks = itertools.count(1)

    def _called(self, operation: str) -> None:
        self.calls[operation] += 1
        if self._latency:
            time.sleep(self._latency)

    def _accept(self, operation: str) -> Accepted:
        self._called(operation)
        return Accepted(f"{id(self)}-{next(self._tasks)}")

    def delete_users(self, user_ids: Sequence[str], fields: Mapping[str, str | bool]) -> Accepted:
        """The users vanish at once."""
        self._gone.update(user_ids)
        return self._accept("DeleteUsers")

    def export_users(self, user_ids: Sequence[str]) -> Accepted:
        """A task."""
        return self._accept("ExportUsers")

    def get_task(self, task_id: str) -> TaskReport:
        """Done, with a file; or still running."""
        self._called("GetTask")
        if self._endless:
            return TaskReport(task_id, "running", TaskState.GOING)
        return TaskReport(task_id, "completed", TaskState.COMPLETED, url="http://127.0.0.1:9/file")

    def query_users(self, user_ids: Sequence[str]) -> tuple[RemoteUser, ...]:
        """Those that are not gone."""
        self._called("QueryUsers")
        return tuple(RemoteUser(user_id, created_at=LONG_AGO) for user_id in user_ids if user_id not in self._gone)

    def get_app(self) -> AppInfo:
        """An app."""
        self._called("GetApp")
        return AppInfo("1", "scripted", "benchmarks")

    def get_rate_limits(self) -> Mapping[str, RateLimit]:
        """No limits."""
        self._called("GetRateLimits")
        return {}

    def get_feeds_rate_limits(self) -> Mapping[str, RateLimit]:
        """No limits."""
        self._called("GetFeedsRateLimits")
        return {}

    def count_feeds(self, user_id: str) -> Count:
        """None."""
        self._called("QueryFeeds")
        return Count(0)

    count_activities = count_comments = count_feeds

    def count_messages(self, user_id: str) -> Count:
        """None."""
        self._called("Search")
        return Count(0)

    def count_calls_of_two(self, user_id: str) -> Count:
        """None."""
        self._called("QueryCalls")
        return Count(0)

    def tally_channels(self, user_id: str) -> ChannelTally:
        """None."""
        self._called("QueryChannels")
        return ChannelTally(Count(0), Count(0), Count(0))


@contextmanager
def spoken_to(stream: ScriptedStream) -> Iterator[ScriptedStream]:
    """Every client that the engine asks for is this one."""

    def client_for(*_: Any, **__: Any) -> ScriptedStream:
        return stream

    with patch.object(gateway, "client_for", client_for):
        yield stream
