"""Every span of time the engine knows, in one place. Seconds unless a name says otherwise."""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone

# Longer than the longest call twice over, so that a live worker never loses a lease to a slow answer.
LEASE = timedelta(seconds=max(60.0, 2 * settings.STREAM_TOTAL_SECONDS + 10))
# A call that changes something is begun this long before its lease ends at the latest: the longest call, and some more.
LAST_CALL = timedelta(seconds=settings.STREAM_TOTAL_SECONDS + 5)
# Seconds that deletes of users wait for company before their call goes out.
LINGER = 0.5
# How long after an unanswered call Stream is read: a late effect must have become visible by then.
SETTLE = timedelta(seconds=45)
# Unanswered exports are simply asked for again, a little later.
ASK_AGAIN = timedelta(seconds=5)
# How often an operation is sent before a person must look.
MAX_ATTEMPTS = 3
# The breaker: so many failures in a row, then silence for so long before one probe.
BREAKER_FAILURES = 5
BREAKER_SILENCE = timedelta(seconds=30)
# So long nobody is asked to look where Stream only does not answer: it is waited for.
UNAVAILABLE = timedelta(minutes=15)
# After so long people take over: they mend the app and retry, or give up.
STRANDED = timedelta(days=1)
# Stream counts calls by the minute (Stream API, section 5); its limits change with the plan, so they are asked for.
WINDOW = timedelta(minutes=1)
LIMITS_READ_EVERY = timedelta(hours=1)
# Few tasks at a time are asked about after this many seconds, then after twice as long, up to the pace of all others.
FIRST_POLL = 0.1
FEW_TASKS = 20
# A task is young for two minutes: then it is asked about every three seconds at least.
YOUNG = timedelta(minutes=2)
YOUNG_POLL_MAX = 3.0
POLL_MAX = 300.0
# After a delete: look at once, a few times more where Stream still shows something, and again a day later.
LOOKS = 5
SECOND_LOOK = timedelta(days=1)


def database_now() -> datetime:
    """The database's clock: one for all workers, however wrong their own clocks are."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
        return moment


def backoff(setbacks: int) -> timedelta:
    """1, 2, 4 … seconds up to five minutes, give or take a fifth."""
    return timedelta(seconds=min(POLL_MAX, 2.0 ** min(setbacks, 10)) * random.uniform(0.8, 1.2))  # noqa: S311


def until_next_poll(age: timedelta, *, together: int) -> timedelta:
    """When to ask again about a task of this age, of so many asked about together: minutes when it is old.

    Few fresh ones after 0.1 s, 0.2 s and so on, for somebody waits. Many each second or slower, in steps of a half, so
    that their rows change alike and the calls that Stream allows last.
    """
    seconds = max(1.0, age.total_seconds() / 4)
    limit = YOUNG_POLL_MAX if age < YOUNG else POLL_MAX
    paced = min(limit, 1.5 ** int(math.log(seconds, 1.5)))
    fresh = age.total_seconds() + FIRST_POLL
    return timedelta(seconds=min(paced, fresh) if together <= FEW_TASKS else paced)
