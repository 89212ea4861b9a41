"""The portal's client and Stream's official one behind the same few methods, so that one table drives both.

The official client is proprietary: it is no part of this project and of none of its requirements. Where it happens to
be installed (`make conformance` says how) the table runs through it too.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from requests_app.stream.errors import RateLimited, Rejected
from requests_app.stream.wire import Accepted
from tests.contract.by_hand import fetch
from tests.sandbox_server import StandIn

Fields = dict[str, Any]
LISTS = ("feeds", "activities", "comments", "bookmarks", "bookmark_folders", "collections", "channels", "calls")


@dataclass(frozen=True)
class Ended:
    """How a task ended: its status, a word for each user, and whether there is a file that can be fetched."""

    status: str
    users: tuple[tuple[str, str], ...] = ()
    file: bool = False


@dataclass(frozen=True)
class Refused:
    """A refusal, by HTTP status and Stream's code."""

    status: int | None
    code: int | None


class Client(Protocol):
    """What the table asks of a client. Each method answers with plain values."""

    def export_feeds_data(self, user_id: str) -> Ended: ...
    def delete_feeds_data(self, user_id: str, hard: bool) -> Ended: ...
    def delete_users(self, user_ids: Sequence[str], fields: Fields) -> Ended: ...
    def export_users(self, user_ids: Sequence[str]) -> Ended: ...
    def restore_users(self, user_ids: Sequence[str]) -> str: ...
    def task(self, task_id: str) -> Ended: ...
    def app(self) -> tuple[str, str]: ...
    def users(self, user_ids: Sequence[str]) -> list[tuple[str, str]]: ...
    def count(self, what: str, user_id: str, **extra: Any) -> int: ...
    def follows(self, fid: str) -> int: ...
    def messages(self, user_id: str) -> int: ...
    def channel_tally(self, user_id: str) -> tuple[int, int, int]: ...
    def limits(self, endpoint: str, *, feeds: bool) -> tuple[int, int]: ...
    def close(self) -> None: ...


def _opens(url: str | None) -> bool:
    return bool(url) and fetch("GET", url or "").status_code == 200


class PortalClient:
    """The portal's own client."""

    refusals: tuple[type[Exception], ...] = (Rejected, RateLimited)

    def __init__(self, stand_in: StandIn) -> None:
        self._client = stand_in.client()

    def _ended(self, accepted: Accepted) -> Ended:
        return self.task(accepted.task_id)

    def export_feeds_data(self, user_id: str) -> Ended:
        return self._ended(self._client.export_feeds_data(user_id))

    def delete_feeds_data(self, user_id: str, hard: bool) -> Ended:
        return self._ended(self._client.delete_feeds_data(user_id, hard=hard))

    def delete_users(self, user_ids: Sequence[str], fields: Fields) -> Ended:
        return self._ended(self._client.delete_users(user_ids, fields))

    def export_users(self, user_ids: Sequence[str]) -> Ended:
        return self._ended(self._client.export_users(user_ids))

    def restore_users(self, user_ids: Sequence[str]) -> str:
        self._client.restore_users(user_ids)
        return "restored"

    def task(self, task_id: str) -> Ended:
        report = self._client.get_task(task_id)
        return Ended(report.status, tuple(sorted((report.user_results or {}).items())), _opens(report.url))

    def app(self) -> tuple[str, str]:
        app = self._client.get_app()
        return app.name, app.organization

    def users(self, user_ids: Sequence[str]) -> list[tuple[str, str]]:
        return sorted((user.id, user.name) for user in self._client.query_users(user_ids))

    def count(self, what: str, user_id: str, **extra: Any) -> int:
        count: Callable[..., Any] = getattr(self._client, f"count_{what}")
        return int(count(user_id, **extra).number)

    def follows(self, fid: str) -> int:
        return self._client.count_follows(fid.partition(":")[2]).number

    def messages(self, user_id: str) -> int:
        return self._client.count_messages(user_id).number

    def channel_tally(self, user_id: str) -> tuple[int, int, int]:
        tally = self._client.tally_channels(user_id)
        return tally.all.number, tally.of_two.number, tally.created.number

    def limits(self, endpoint: str, *, feeds: bool) -> tuple[int, int]:
        table = self._client.get_feeds_rate_limits() if feeds else self._client.get_rate_limits()
        return table[endpoint].limit, table[endpoint].remaining

    def close(self) -> None:
        """Nothing: its connections go with the test."""


class OfficialClient:
    """Stream's own client, as far as the table needs it."""

    def __init__(self, stand_in: StandIn) -> None:
        module = importlib.import_module("getstream")
        self._models = importlib.import_module("getstream.models")
        self.refusals: tuple[type[Exception], ...] = (
            importlib.import_module("getstream.exceptions").StreamApiException,
        )
        self._client: Any = module.Stream(api_key=stand_in.key, api_secret=stand_in.secret, base_url=stand_in.base_url)

    def _ended(self, answer: Any) -> Ended:
        return self.task(answer.data.task_id)

    def export_feeds_data(self, user_id: str) -> Ended:
        return self._ended(self._client.feeds.export_feed_user_data(user_id=user_id))

    def delete_feeds_data(self, user_id: str, hard: bool) -> Ended:
        return self._ended(self._client.feeds.delete_feed_user_data(user_id=user_id, hard_delete=hard))

    def delete_users(self, user_ids: Sequence[str], fields: Fields) -> Ended:
        return self._ended(self._client.delete_users(user_ids=list(user_ids), **fields))

    def export_users(self, user_ids: Sequence[str]) -> Ended:
        return self._ended(self._client.export_users(user_ids=list(user_ids)))

    def restore_users(self, user_ids: Sequence[str]) -> str:
        self._client.restore_users(user_ids=list(user_ids))
        return "restored"

    def task(self, task_id: str) -> Ended:
        data = self._client.get_task(task_id).data
        result: Fields = data.result or {}
        users = {name: told["status"] for name, told in result.items() if isinstance(told, dict)}
        return Ended(data.status, tuple(sorted(users.items())), _opens(result.get("url")))

    def app(self) -> tuple[str, str]:
        app = self._client.get_app().data.app
        return app.name, app.organization

    def users(self, user_ids: Sequence[str]) -> list[tuple[str, str]]:
        payload = self._models.QueryUsersPayload(filter_conditions={"id": {"$in": list(user_ids)}})
        return sorted((user.id, user.name) for user in self._client.query_users(payload).data.users)

    def count(self, what: str, user_id: str, **extra: Any) -> int:
        if what in {"channels", "calls"}:
            part = self._client.chat if what == "channels" else self._client.video
            answer = getattr(part, f"query_{what}")(filter_conditions={"members": {"$in": [user_id]}}, limit=100)
        else:
            owner = {"created_by_id" if what == "feeds" else "user_id": user_id}
            if what == "activities":
                hidden = {f"include_{name}": value for name, value in _hidden(extra).items()}
                answer = self._client.feeds.query_activities(filter=owner, limit=100, **hidden)
            else:
                answer = getattr(self._client.feeds, f"query_{what}")(filter=owner, limit=100)
        return len(getattr(answer.data, what))

    def follows(self, fid: str) -> int:
        ends = ("source_fid", "target_fid")
        answers = [self._client.feeds.query_follows(filter={end: {"$in": _own(fid)}}, limit=100) for end in ends]
        found = {(row.source_feed.feed, row.target_feed.feed) for answer in answers for row in answer.data.follows}
        return len(found)

    def messages(self, user_id: str) -> int:
        payload = self._models.SearchPayload(
            filter_conditions={"members": {"$in": [user_id]}},
            message_filter_conditions={"user_id": user_id},
            limit=100,
        )
        return len(self._client.chat.search(payload).data.results)

    def channel_tally(self, user_id: str) -> tuple[int, int, int]:
        members = {"members": {"$in": [user_id]}}
        rows = self._client.chat.query_channels(filter_conditions=members, state=False, limit=100).data.channels
        channels = [row.channel for row in rows]
        made = [channel for channel in channels if channel.created_by and channel.created_by.id == user_id]
        return len(channels), sum(channel.member_count == 2 for channel in channels), len(made)

    def limits(self, endpoint: str, *, feeds: bool) -> tuple[int, int]:
        ask = self._client.feeds.get_feeds_rate_limits if feeds else self._client.get_rate_limits
        told = ask(server_side=True).data.server_side[endpoint]
        return told.limit, told.remaining

    def close(self) -> None:
        """Its connections are shared by all of its parts."""
        self._client.close()


def _hidden(extra: Fields) -> Fields:
    shown = {"private_activities": True, "expired_activities": True}
    return {**shown, **({"soft_deleted_activities": True} if extra.get("include_soft_deleted") else {})}


def _own(fid: str) -> list[str]:
    user_id = fid.partition(":")[2]
    return [f"user:{user_id}", f"timeline:{user_id}"]


CLIENTS: dict[str, Callable[[StandIn], Any]] = {"portal": PortalClient}
if importlib.util.find_spec("getstream"):
    CLIENTS["official"] = OfficialClient
