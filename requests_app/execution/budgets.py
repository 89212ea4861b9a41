"""Rate budgets: how many calls of which kind an app may still make, in the database and so shared by every worker.

Learnt from the headers of every answer, and from GetRateLimits now and then. A call that Stream would refuse for its
number does not go out: deletes and exports take theirs from the shared count, reads look whether any are left.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from requests_app.execution.context import Context
from requests_app.execution.timing import LIMITS_READ_EVERY, WINDOW
from requests_app.models import AppHealth, Budget, StreamApp
from requests_app.stream.errors import StreamError
from requests_app.stream.limits import RateLimit

# More than this many tries at the same count are a crowd: then it is left to the next pass.
_TRIES = 5


def take(app: StreamApp, endpoint: str, *, now: datetime) -> datetime | None:
    """Take one call from the budget. Returns None where it may go out, else the time to wait for.

    The count is taken by a conditional update, so that two workers never spend the same call. A window that is over
    begins anew with the known limit, before any answer says so.
    """
    for _ in range(_TRIES):
        budget = Budget.objects.filter(stream_app=app, endpoint=endpoint).first()
        if budget is None:
            return None
        if budget.blocked_until and budget.blocked_until > now:
            return budget.blocked_until
        if budget.remaining is None or budget.reset_at is None:
            return None
        mine = Budget.objects.filter(pk=budget.pk, reset_at=budget.reset_at)
        if budget.reset_at <= now:
            if budget.limit is None:
                return None
            if mine.update(remaining=budget.limit - 1, reset_at=now + WINDOW):
                return None
        elif mine.filter(remaining__gt=0).update(remaining=F("remaining") - 1):
            return None
        elif budget.remaining <= 0:
            return budget.reset_at
    return now + timedelta(seconds=1)


def block(app: StreamApp, endpoint: str, *, now: datetime, seconds: float) -> datetime:
    """Stream answered 429: nobody calls this endpoint before the time that is returned."""
    until = now + timedelta(seconds=seconds)
    Budget.objects.update_or_create(
        stream_app=app, endpoint=endpoint, defaults={"blocked_until": until, "remaining": 0, "reset_at": until}
    )
    return until


def look(context: Context) -> None:
    """Note which budgets are spent, for the reads of this pass: they are made where no row is looked at."""
    now = context.now()
    spent = Budget.objects.filter(Q(blocked_until__gt=now) | Q(remaining__lte=0, reset_at__gt=now))
    for budget in spent:
        until = max(at for at in (budget.blocked_until, budget.reset_at) if at)
        context.spent[budget.stream_app_id, budget.endpoint] = time.monotonic() + (until - now).total_seconds()


def write_down(context: Context) -> None:
    """Store what the answers of this pass said; the last word for each endpoint."""
    last: dict[tuple[int, str], RateLimit] = {}
    while context.limits:
        app_id, endpoint, limit = context.limits.popleft()
        last[app_id, endpoint] = limit
    for (app_id, endpoint), limit in last.items():
        _store(app_id, endpoint, limit)


def _store(app_id: int, endpoint: str, told: RateLimit) -> None:
    """A newer window replaces what is known; within one window only ever fewer calls are left.

    Other workers may have taken calls whose answers are still on their way: a higher number is older news.
    """
    values = {"limit": told.limit, "remaining": told.remaining, "reset_at": told.reset_at}
    with transaction.atomic():
        budget, made = Budget.objects.select_for_update().get_or_create(
            stream_app_id=app_id, endpoint=endpoint, defaults=values
        )
        if made:
            return
        newer = budget.reset_at is None or told.reset_at >= budget.reset_at + WINDOW / 2
        if not newer and budget.remaining is not None:
            values["remaining"] = min(budget.remaining, told.remaining)
        Budget.objects.filter(pk=budget.pk).update(**values)


def learn(apps: Iterable[StreamApp], context: Context) -> None:
    """Ask each app for all its limits, once in a while and by one worker; what fails is tried again later."""
    now = context.now()
    for app in apps:
        health, _ = AppHealth.objects.get_or_create(stream_app=app, defaults={"changed_at": now})
        due = Q(limits_read_at__isnull=True) | Q(limits_read_at__lt=now - LIMITS_READ_EVERY)
        if not AppHealth.objects.filter(due, pk=health.pk).update(limits_read_at=now):
            continue
        for answer in context.fetch([context.client(app).get_rate_limits, context.client(app).get_feeds_rate_limits]):
            if not isinstance(answer, StreamError):
                for endpoint, limit in answer.items():
                    _store(app.pk, endpoint, limit)
