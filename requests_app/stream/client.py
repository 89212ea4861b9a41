"""The client: one method for each call of Stream's API that the portal makes.

Every call gives a typed result or raises one of the typed errors (errors.py). Nothing is sent that was not given:
a mode that is "keep" is a field left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from typing import TypeVar

from requests_app.enums import Operation
from requests_app.stream import limits, wire
from requests_app.stream.credentials import Credentials, Timeouts
from requests_app.stream.errors import RateLimited, UnknownOutcome
from requests_app.stream.ids import path_segment
from requests_app.stream.limits import RateLimit
from requests_app.stream.links import ExportStream, open_link
from requests_app.stream.operations import CALLS, METHOD, NO_FIELDS, Fields
from requests_app.stream.refusals import json_object, refusal
from requests_app.stream.transport import Transport
from requests_app.stream.wire import Accepted, AppInfo, ChannelTally, Count, RemoteUser, TaskReport

T = TypeVar("T")
# Users that one look takes.
MAX_USERS = 100
PAGE = 100
MAX_PAGES = 5


class StreamClient:
    """Calls of one Stream app. Safe to share between threads."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        timeouts: Timeouts | None = None,
        on_limit: Callable[[str, RateLimit], None] | None = None,
        wait: Callable[[str], float] | None = None,
        pages: int = MAX_PAGES,
    ) -> None:
        self._timeouts = timeouts or Timeouts()
        self.transport = Transport(credentials, self._timeouts)
        self._on_limit = on_limit
        self._wait = wait
        # How many pages a count reads at most.
        self._max_pages = pages

    # The five calls of the GDPR page, and the export of all products

    def export_feeds_data(self, user_id: str) -> Accepted:
        """Start the export of one user's feeds data. Sent without any body."""
        return self._ask_for(Operation.EXPORT_FEEDS_DATA, [user_id], wire.accepted)

    def delete_feeds_data(self, user_id: str, *, hard: bool) -> Accepted:
        """Start the deletion of one user's feeds data. Irreversible, soft or hard."""
        return self._ask_for(Operation.DELETE_FEEDS_DATA, [user_id], wire.accepted, {"hard_delete": hard})

    def delete_users(self, user_ids: Sequence[str], fields: Fields) -> Accepted:
        """Start the deletion of 1 to 100 users with equal modes. Only the given fields are sent."""
        return self._ask_for(Operation.DELETE_USERS, user_ids, wire.accepted, fields)

    def restore_users(self, user_ids: Sequence[str]) -> None:
        """Bring back the records of 1 to 100 soft-deleted users. Carried out at once, without a task."""
        self._ask_for(Operation.RESTORE_USERS, user_ids, lambda _: None)

    def export_users(self, user_ids: Sequence[str]) -> Accepted:
        """Start the export of 1 to 25 users into one file: never of two data subjects at once."""
        return self._ask_for(Operation.EXPORT_USERS, user_ids, wire.accepted)

    def _ask_for(
        self,
        operation: Operation,
        user_ids: Sequence[str],
        parse: Callable[[Mapping[str, object]], T],
        fields: Fields = NO_FIELDS,
    ) -> T:
        call = CALLS[operation]
        body, path = call.body(user_ids, fields), call.path_for(user_ids)
        return self._call(call.endpoint, METHOD, path, parse, body=body, changes=True, masked=user_ids)

    def get_task(self, task_id: str) -> TaskReport:
        """How far a task is; for a finished export with a fresh link of 24 hours.

        Raises `ValueError` where this cannot be a task id.
        """
        if not wire.is_task_id(task_id):
            raise ValueError("This cannot be an id of a task on Stream.")
        path = f"/tasks/{path_segment(task_id)}"
        return self._call("GetTask", "GET", path, lambda body: wire.task_report(body, task_id))

    # Reading

    def get_app(self) -> AppInfo:
        """Whose key this is: the call that tests a connection."""
        return self._call("GetApp", "GET", "/app", wire.app_info)

    def get_rate_limits(self) -> Mapping[str, RateLimit]:
        """The budgets of all endpoints that are no feeds."""
        query = {"server_side": "true"}
        return self._call("GetRateLimits", "GET", "/rate_limits", limits.from_table, query=query)

    def get_feeds_rate_limits(self) -> Mapping[str, RateLimit]:
        """The budgets of the feeds endpoints."""
        query = {"server_side": "true"}
        return self._call("GetFeedsRateLimits", "GET", "/feeds/feeds/rate_limits", limits.from_table, query=query)

    def query_users(self, user_ids: Sequence[str]) -> tuple[RemoteUser, ...]:
        """Those of 1 to 100 users that Stream shows. Deleted users are not among them."""
        return self._users({"id": {"$in": _ids(user_ids, MAX_USERS)}}, len(user_ids), masked=user_ids)

    def search_users(self, prefix: str, limit: int = 10, *, by: str = "id") -> tuple[RemoteUser, ...]:
        """Users whose id (or `name`) begins with the text, for look-ups while typing."""
        if by not in {"id", "name"}:
            raise ValueError("users are looked up by id or by name")
        return self._users({by: {"$autocomplete": prefix}}, limit, masked=[prefix])

    def _users(self, conditions: object, limit: int, *, masked: Sequence[str]) -> tuple[RemoteUser, ...]:
        payload = {"filter_conditions": conditions, "limit": limit, "include_deactivated_users": True}
        query = {"payload": json.dumps(payload, separators=(",", ":"), ensure_ascii=False)}
        return self._call("QueryUsers", "GET", "/users", wire.users, query=query, masked=masked)

    def count_feeds(self, user_id: str) -> Count:
        """Feeds that the user owns."""
        return self._count("QueryFeeds", "/feeds/feeds/query", "feeds", {"filter": {"created_by_id": user_id}}, user_id)

    def count_activities(self, user_id: str, *, include_soft_deleted: bool = False) -> Count:
        """Activities of the user; with the soft-deleted ones where asked for."""
        body: dict[str, object] = {
            "filter": {"user_id": user_id},
            "include_private_activities": True,
            "include_expired_activities": True,
        }
        if include_soft_deleted:
            body["include_soft_deleted_activities"] = True
        return self._count("QueryActivities", "/feeds/activities/query", "activities", body, user_id)

    def count_comments(self, user_id: str) -> Count:
        """Comments of the user."""
        return self._count(
            "QueryComments", "/feeds/comments/query", "comments", {"filter": {"user_id": user_id}}, user_id
        )

    def count_bookmarks(self, user_id: str) -> Count:
        """Bookmarks of the user."""
        return self._count(
            "QueryBookmarks", "/feeds/bookmarks/query", "bookmarks", {"filter": {"user_id": user_id}}, user_id
        )

    def count_bookmark_folders(self, user_id: str) -> Count:
        """Bookmark folders of the user."""
        path = "/feeds/bookmark_folders/query"
        return self._count("QueryBookmarkFolders", path, "bookmark_folders", {"filter": {"user_id": user_id}}, user_id)

    def count_collections(self, user_id: str) -> Count:
        """Collections of the user."""
        path = "/feeds/collections/query"
        return self._count("QueryCollections", path, "collections", {"filter": {"user_id": user_id}}, user_id)

    def count_follows(self, user_id: str) -> Count:
        """Follows from and to the user's feeds: Stream lists follows by feed only, so the feeds are asked for first."""
        body = {"filter": {"created_by_id": user_id}, "limit": PAGE}
        feeds = self._call("QueryFeeds", "POST", "/feeds/feeds/query", _list("feeds"), body=body, masked=[user_id])
        fids = [fid for feed in feeds if (fid := wire.feed_id(feed))]
        items: list[object] = []
        at_least = len(feeds) == PAGE
        for end in ("source_fid", "target_fid") if fids else ():
            body = {"filter": {end: {"$in": fids}}}
            found, more = self._pages("QueryFollows", "/feeds/follows/query", "follows", body, user_id)
            items += found
            at_least = at_least or more
        return Count(wire.distinct_follows(items), at_least=at_least)

    def count_calls(self, user_id: str) -> Count:
        """Calls that the user is a member of."""
        body = {"filter_conditions": {"members": {"$in": [user_id]}}}
        return self._count("QueryCalls", "/video/calls", "calls", body, user_id)

    def count_calls_of_two(self, user_id: str) -> Count | None:
        """Calls of the user and one other member; None where Stream does not tell who is in them."""
        body = {"filter_conditions": {"members": {"$in": [user_id]}}}
        rows, more = self._pages("QueryCalls", "/video/calls", "calls", body, user_id)
        return wire.calls_of_two(rows, at_least=more)

    def count_channels(self, user_id: str) -> Count:
        """Channels that the user is a member of."""
        number = 0
        for page in range(self._max_pages):
            body = {
                "filter_conditions": {"members": {"$in": [user_id]}},
                "state": False,
                "limit": PAGE,
                "offset": page * PAGE,
            }
            found = self._call(
                "QueryChannels", "POST", "/chat/channels", _list("channels"), body=body, masked=[user_id]
            )
            number += len(found)
            if len(found) < PAGE:
                return Count(number)
        return Count(number, at_least=True)

    def tally_channels(self, user_id: str) -> ChannelTally:
        """The first hundred channels that the user is a member of, by what the deletion modes tell apart."""
        body = {"filter_conditions": {"members": {"$in": [user_id]}}, "state": False, "limit": PAGE, "offset": 0}
        found = self._call("QueryChannels", "POST", "/chat/channels", _list("channels"), body=body, masked=[user_id])
        return wire.channel_tally(found, user_id, at_least=len(found) == PAGE)

    def count_messages(self, user_id: str) -> Count:
        """Messages of the user in the channels that they are a member of; a hundred at most are seen."""
        payload = {
            "filter_conditions": {"members": {"$in": [user_id]}},
            "message_filter_conditions": {"user_id": user_id},
            "limit": PAGE,
        }
        query = {"payload": json.dumps(payload, separators=(",", ":"), ensure_ascii=False)}
        found, more = self._call("Search", "GET", "/chat/search", _page("results"), query=query, masked=[user_id])
        return Count(len(found), at_least=bool(more) or len(found) == PAGE)

    def _count(self, operation: str, path: str, key: str, body: Mapping[str, object], user_id: str) -> Count:
        items, more = self._pages(operation, path, key, body, user_id)
        return Count(len(items), at_least=more)

    def _pages(
        self, operation: str, path: str, key: str, body: Mapping[str, object], user_id: str
    ) -> tuple[list[object], bool]:
        """Page through a query up to the bound, and whether there is more: Stream tells no totals."""
        items: list[object] = []
        cursor = ""
        for _ in range(self._max_pages):
            asked = {**body, "limit": PAGE, **({"next": cursor} if cursor else {})}
            found, cursor = self._call(operation, "POST", path, _page(key), body=asked, masked=[user_id])
            items += found
            if not cursor:
                break
        return items, bool(cursor)

    # Export files

    def open_export(self, url: str) -> AbstractContextManager[ExportStream]:
        """Stream the file behind an export link; neither key nor token goes along (see links.py)."""
        return open_link(url, base_url=self.transport.credentials.base_url, timeouts=self._timeouts)

    def _call(
        self,
        operation: str,
        method: str,
        path: str,
        parse: Callable[[Mapping[str, object]], T],
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        changes: bool = False,
        masked: Iterable[str] = (),
    ) -> T:
        seconds = self._wait(operation) if self._wait and not changes else 0.0
        if seconds > 0:
            raise RateLimited(
                f"Stream's rate limit is spent; the portal tries again in {seconds:.0f} s.",
                retry_after=seconds,
                operation=operation,
                # Nothing was asked: these are the portal's own words.
                status=None,
            )
        answer = self.transport.exchange(operation, method, path, query=query, body=body, changes=changes)
        limit = limits.from_headers(answer.headers)
        if limit and self._on_limit:
            self._on_limit(operation, limit)
        if answer.status not in {200, 201}:
            raise refusal(operation, answer, tuple(masked))
        with suppress(ValueError):
            return parse(json_object(answer.body))
        raise UnknownOutcome(
            "Stream's answer could not be read, so the outcome is not known yet.",
            operation=operation,
            status=answer.status,
        )


def _ids(user_ids: Sequence[str], most: int) -> list[str]:
    if not 1 <= len(user_ids) <= most or len(set(user_ids)) != len(user_ids):
        raise ValueError(f"This call takes 1 to {most} different user ids.")
    for user_id in user_ids:
        path_segment(user_id)
    return list(user_ids)


def _list(key: str) -> Callable[[Mapping[str, object]], Sequence[object]]:
    def parse(body: Mapping[str, object]) -> Sequence[object]:
        if not isinstance(body.get(key), list):
            raise wire.Unreadable(key)
        return wire.sequence(body[key])

    return parse


def _page(key: str) -> Callable[[Mapping[str, object]], tuple[Sequence[object], str]]:
    def parse(body: Mapping[str, object]) -> tuple[Sequence[object], str]:
        return _list(key)(body), wire.text(body.get("next"), 2000)

    return parse
