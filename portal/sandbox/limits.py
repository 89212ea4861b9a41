"""Rate limits: a window of one minute for each endpoint, told in the headers of every answer."""

from __future__ import annotations

from collections.abc import Iterable

from portal.sandbox import clock
from portal.sandbox.errors import ApiError
from portal.sandbox.store import Store

WINDOW = 60
DEFAULT = 1000
KNOWN = {
    "DeleteUsers": 6,
    "UpdateUsers": 300,
    "UpdateUsersPartial": 300,
    "DeactivateUsers": 60,
    "ReactivateUsers": 60,
    "GetApp": 10_000,
    "QueryChannels": 10_000,
    "GetTask": 10_000,
}
# Asked for by a call of their own; all the others belong to the common table.
FEEDS = (
    "ExportFeedUserData",
    "DeleteFeedUserData",
    "QueryFeeds",
    "QueryActivities",
    "QueryComments",
    "QueryBookmarks",
    "QueryBookmarkFolders",
    "QueryCollections",
    "QueryFollows",
)
COMMON = (*KNOWN, "ExportUsers", "QueryUsers", "RestoreUsers", "Search", "QueryCalls")


class Limits:
    """Counts calls; 0 as a limit means that none applies."""

    def __init__(self, store: Store, changed: dict[str, int] | None = None) -> None:
        self._store = store
        self._limits = {**KNOWN, **(changed or {})}

    def limit(self, endpoint: str) -> int:
        """Calls in a minute."""
        return self._limits.get(endpoint, DEFAULT) or 1_000_000

    def headers(self, endpoint: str) -> dict[str, str]:
        """What the answer says of the endpoint's budget."""
        window = int(clock.now()) // WINDOW
        left = max(0, self.limit(endpoint) - self._spent(endpoint, window))
        return {
            "X-RateLimit-Limit": str(self.limit(endpoint)),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": str((window + 1) * WINDOW),
        }

    def take(self, endpoint: str) -> None:
        """Count a call; refuses it with 429 where the window is used up."""
        window = int(clock.now()) // WINDOW
        if self._spent(endpoint, window) >= self.limit(endpoint):
            wait = (window + 1) * WINDOW - clock.now()
            raise ApiError(429, 9, "Too many requests", {"Retry-After": str(max(1, round(wait)))})
        self._store.run(
            "INSERT INTO spent VALUES (?, ?, 1) ON CONFLICT (endpoint, window) DO UPDATE SET calls = calls + 1",
            endpoint,
            window,
        )

    def _spent(self, endpoint: str, window: int) -> int:
        found = self._store.row("SELECT calls FROM spent WHERE endpoint = ? AND window = ?", endpoint, window)
        return int(found["calls"]) if found else 0

    def table(self, endpoints: Iterable[str]) -> dict[str, dict[str, int]]:
        """What GetRateLimits shows of these endpoints."""
        shown = {}
        for endpoint in endpoints:
            told = self.headers(endpoint)
            shown[endpoint] = {
                "limit": int(told["X-RateLimit-Limit"]),
                "remaining": int(told["X-RateLimit-Remaining"]),
                "reset": int(told["X-RateLimit-Reset"]),
            }
        return shown
