"""Time as the API tells it."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> float:
    """Seconds since the epoch."""
    return time.time()


def nanoseconds(seconds: float) -> int:
    """A time on the wire: integer nanoseconds since the epoch."""
    return int(seconds * 1_000_000) * 1000


def rfc3339(seconds: float) -> str:
    """A time inside an export file."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
