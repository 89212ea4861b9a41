"""Rate limits as Stream's headers tell them (Stream API, section 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

# Seconds. Whatever Stream or a proxy says, nobody waits longer before looking again.
MAX_WAIT = 900.0
DEFAULT_WAIT = 10.0
# More digits than any of these numbers has.
_DIGITS = 30
# Higher numbers are no limits, and fit into no column.
MAX_CALLS = 2_000_000_000


@dataclass(frozen=True)
class RateLimit:
    """One endpoint's budget: calls in the window, calls left, and when the window starts again."""

    limit: int
    remaining: int
    reset_at: datetime

    def capped(self, now: datetime) -> RateLimit:
        """The same, starting again within `MAX_WAIT` seconds: a time further off is a wrong clock or a wrong unit.

        The budget is then tried again, and Stream's answer to that call tells anew.
        """
        most = timedelta(seconds=MAX_WAIT)
        return replace(self, reset_at=min(max(self.reset_at, now - most), now + most))


def _first_number(value: str | None) -> int | None:
    """The first of comma-joined numbers: proxies double headers."""
    try:
        return int((value or "").split(",")[0].strip()[:_DIGITS])
    except ValueError:
        return None


def _moment(seconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def from_headers(headers: Mapping[str, str]) -> RateLimit | None:
    """The budget that an answer tells of, or None where the three headers are not all there and numbers.

    A limit of no calls at all is none: nothing would ever be tried again.
    """
    limit = _first_number(headers.get("X-RateLimit-Limit"))
    remaining = _first_number(headers.get("X-RateLimit-Remaining"))
    reset = _first_number(headers.get("X-RateLimit-Reset"))
    reset_at = _moment(reset) if reset is not None else None
    if limit is None or limit < 1 or remaining is None or reset_at is None:
        return None
    return RateLimit(min(limit, MAX_CALLS), min(max(0, remaining), MAX_CALLS), reset_at)


def from_table(body: Mapping[str, object]) -> Mapping[str, RateLimit]:
    """The budgets that GetRateLimits tells of, by endpoint; what is not whole is left out."""
    table = body.get("server_side")
    found: dict[str, RateLimit] = {}
    for endpoint, told in (table if isinstance(table, dict) else {}).items():
        limit, remaining, reset = (_whole(told, name) for name in ("limit", "remaining", "reset"))
        reset_at = _moment(reset) if reset is not None else None
        if limit and remaining is not None and reset_at is not None:
            found[endpoint[:60]] = RateLimit(limit, remaining, reset_at)
    return found


def _whole(told: object, name: str) -> int | None:
    """A number of calls, or None where there is none that could be one."""
    value = told.get(name) if isinstance(told, dict) else None
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return min(max(0, value), MAX_CALLS) if name != "reset" else value


def wait_seconds(headers: Mapping[str, str], *, now: float) -> float:
    """How long to wait after a 429: `Retry-After` (seconds or date), else the reset time, else a default. Capped."""
    wait = _retry_after(headers.get("Retry-After"), now=now)
    if wait is None:
        budget = from_headers(headers)
        wait = budget.reset_at.timestamp() - now if budget else DEFAULT_WAIT
    return min(MAX_WAIT, max(1.0, wait))


def _retry_after(value: str | None, *, now: float) -> float | None:
    if not value:
        return None
    seconds = _first_number(value)
    if seconds is not None:
        return float(seconds)
    try:
        date = parsedate_to_datetime(value)
        # "-0000" is read as a time without a zone; HTTP knows only GMT.
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
    except (TypeError, ValueError, OverflowError):
        return None
