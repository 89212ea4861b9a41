"""Which method and path is which operation, and who answers it."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

from portal.sandbox.call import Call, Reply
from portal.sandbox.handlers import app, chat, feeds, users, video

Handler = Callable[[Call], Reply]
_BASE = "/api/v2"

_TABLE: tuple[tuple[str, str, str, Handler], ...] = (
    ("POST", "/feeds/users/{user_id}/export", "ExportFeedUserData", feeds.export),
    ("POST", "/feeds/users/{user_id}/delete", "DeleteFeedUserData", feeds.delete),
    ("POST", "/users/delete", "DeleteUsers", users.delete),
    ("POST", "/users/restore", "RestoreUsers", users.restore),
    ("GET", "/tasks/{task_id}", "GetTask", app.get_task),
    ("POST", "/export/users", "ExportUsers", users.export_many),
    ("GET", "/users", "QueryUsers", users.query),
    ("POST", "/users", "UpdateUsers", users.upsert),
    ("PATCH", "/users", "UpdateUsersPartial", users.update_partial),
    ("POST", "/users/deactivate", "DeactivateUsers", users.deactivate_many),
    ("POST", "/users/reactivate", "ReactivateUsers", users.reactivate_many),
    ("POST", "/users/{user_id}/deactivate", "DeactivateUser", users.deactivate),
    ("POST", "/users/{user_id}/reactivate", "ReactivateUser", users.reactivate),
    ("GET", "/app", "GetApp", app.get_app),
    ("GET", "/rate_limits", "GetRateLimits", app.rate_limits),
    ("GET", "/feeds/feeds/rate_limits", "GetFeedsRateLimits", app.feeds_rate_limits),
    ("POST", "/feeds/feeds/query", "QueryFeeds", feeds.listing("feed", "feeds", "created_by_id")),
    (
        "POST",
        "/feeds/activities/query",
        "QueryActivities",
        feeds.listing(
            "activity",
            "activities",
            "user_id",
            "include_private_activities",
            "include_expired_activities",
            "include_soft_deleted_activities",
        ),
    ),
    ("POST", "/feeds/comments/query", "QueryComments", feeds.listing("comment", "comments", "user_id")),
    ("POST", "/feeds/bookmarks/query", "QueryBookmarks", feeds.listing("bookmark", "bookmarks", "user_id")),
    (
        "POST",
        "/feeds/bookmark_folders/query",
        "QueryBookmarkFolders",
        feeds.listing("bookmark_folder", "bookmark_folders", "user_id"),
    ),
    ("POST", "/feeds/collections/query", "QueryCollections", feeds.listing("collection", "collections", "user_id")),
    ("POST", "/feeds/follows/query", "QueryFollows", feeds.follows),
    ("POST", "/chat/channels", "QueryChannels", chat.channels),
    ("GET", "/chat/search", "Search", chat.search),
    ("POST", "/video/calls", "QueryCalls", video.calls),
)


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(_BASE + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))


ROUTES = tuple((method, _pattern(path), operation, handler) for method, path, operation, handler in _TABLE)


def find(method: str, raw_path: str) -> tuple[str, Handler, dict[str, str]] | None:
    """The operation of a request; its path is still percent-encoded, so that ids may hold slashes."""
    for route_method, pattern, operation, handler in ROUTES:
        match = pattern.fullmatch(raw_path) if route_method == method else None
        if match:
            return operation, handler, {name: unquote(value) for name, value in match.groupdict().items()}
    return None
