"""One sweep at a time stays on to watch young tasks; all others do one round and leave.

Nothing depends on it: without the baton every sweep would merely wait for the same tasks. It is a lease on a
heartbeat row, so a killed holder loses it by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from requests_app.engine.timing import database_now
from requests_app.models import Heartbeat

NAME = "baton"
# As long as a sweep of the queue can last.
HELD_FOR = timedelta(seconds=50)
_FREE = datetime(2000, 1, 1, tzinfo=UTC)


@contextmanager
def held() -> Iterator[bool]:
    """Whether this sweep got the baton; gives it back at the end."""
    now = database_now()
    Heartbeat.objects.get_or_create(name=NAME, defaults={"beat_at": _FREE})
    until = now + HELD_FOR
    mine = Heartbeat.objects.filter(name=NAME, beat_at__lt=now).update(beat_at=until) == 1
    try:
        yield mine
    finally:
        if mine:
            Heartbeat.objects.filter(name=NAME, beat_at=until).update(beat_at=_FREE)
