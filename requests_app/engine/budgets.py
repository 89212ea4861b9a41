"""Rate budgets: how many calls of which kind an app may still make, in the database and so shared by every worker.

Learnt from the headers of every answer, and from GetRateLimits now and then. A call that Stream would refuse for its
number does not go out: deletes and exports take theirs from the shared count, reads look whether any are left.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from requests_app.engine import breaker
from requests_app.engine.context import Context
from requests_app.engine.timing import LIMITS_READ_EVERY, WINDOW
from requests_app.models import AppHealth, Budget, StreamApp
from requests_app.stream.errors import RateLimited, StreamError
from requests_app.stream.limits import RateLimit

TOO_MANY = 429


def take_some(app: StreamApp, endpoint: str, wanted: int, *, now: datetime) -> tuple[int, datetime | None]:
    """Take up to `wanted` calls from the budget; returns how many may go out, and when the others may be tried.

    Two workers never spend the same call: the count goes down where there are enough, or else under the row's lock. A
    window that is over begins anew with the known limit, before any answer says so.
    """
    may_be_called = Q(blocked_until__isnull=True) | Q(blocked_until__lte=now)
    open_window = Budget.objects.filter(may_be_called, stream_app=app, endpoint=endpoint, reset_at__gt=now)
    if open_window.filter(remaining__gte=wanted).update(remaining=F("remaining") - wanted):
        return wanted, None
    with transaction.atomic():
        budget = Budget.objects.select_for_update().filter(stream_app=app, endpoint=endpoint).first()
        if budget is None:
            return wanted, None
        if budget.blocked_until and budget.blocked_until > now:
            return 0, budget.blocked_until
        if budget.remaining is None or budget.reset_at is None:
            return wanted, None
        left, reset_at = budget.remaining, budget.reset_at
        if reset_at <= now:
            if budget.limit is None:
                return wanted, None
            left, reset_at = budget.limit, now + WINDOW
        granted = min(wanted, max(0, left))
        if granted:
            Budget.objects.filter(pk=budget.pk).update(remaining=left - granted, reset_at=reset_at)
        return granted, None if granted == wanted else reset_at


def block(app: StreamApp, endpoint: str, *, now: datetime, seconds: float) -> datetime:
    """Stream answered 429: nobody calls this endpoint before the time that is returned."""
    until = now + timedelta(seconds=seconds)
    Budget.objects.update_or_create(
        stream_app=app, endpoint=endpoint, defaults={"blocked_until": until, "remaining": 0, "reset_at": until}
    )
    return until


def block_refused(app: StreamApp, replies: Iterable[object], *, now: datetime) -> None:
    """Of what came back: nobody reads what Stream refused with 429 before the time that it named."""
    longest: dict[str, float] = {}
    for reply in replies:
        if isinstance(reply, RateLimited) and reply.status == TOO_MANY and reply.operation:
            longest[reply.operation] = max(longest.get(reply.operation, 0.0), reply.retry_after)
    for endpoint, seconds in longest.items():
        block(app, endpoint, now=now, seconds=seconds)


def look(context: Context) -> None:
    """Note which budgets are spent, for the reads of this pass: they are made where no row is looked at."""
    now = context.now()
    for budget in Budget.objects.spent(now):
        until = budget.spent_until(now)
        if until:
            context.spent[budget.stream_app_id, budget.endpoint] = time.monotonic() + (until - now).total_seconds()


def write_down(context: Context) -> None:
    """Store what the answers of this pass said; the last word for each endpoint. Kept where that fails."""
    heard = list(context.limits)
    if not heard:
        return
    by_app: dict[int, dict[str, RateLimit]] = defaultdict(dict)
    for app_id, endpoint, limit in heard:
        by_app[app_id][endpoint] = limit
    for app_id, limits in by_app.items():
        store(app_id, limits, now=context.now())
    for _ in heard:
        context.limits.popleft()


def store(app_id: int, told: Mapping[str, RateLimit], *, now: datetime) -> None:
    """Keep what Stream said of the endpoints of an app, by the names of the endpoints.

    A newer window replaces what is known; within one window only ever fewer calls are left. Other workers may have
    taken calls whose answers are still on their way: a higher number is older news. Nothing is stored that would keep
    an app waiting for longer than any wait lasts.
    """
    if not told:
        return
    capped = {endpoint: limit.capped(now) for endpoint, limit in told.items()}
    with transaction.atomic():
        known = Budget.objects.filter(stream_app_id=app_id, endpoint__in=capped).select_for_update().order_by("pk")
        rows = {budget.endpoint: budget for budget in known}
        changed = [budget for endpoint, budget in rows.items() if _takes_over(budget, capped[endpoint])]
        Budget.objects.bulk_update(changed, ["limit", "remaining", "reset_at"])
        # What another worker stores at the same moment is as good.
        Budget.objects.bulk_create(
            (
                Budget(
                    stream_app_id=app_id,
                    endpoint=endpoint,
                    limit=limit.limit,
                    remaining=limit.remaining,
                    reset_at=limit.reset_at,
                )
                for endpoint, limit in capped.items()
                if endpoint not in rows
            ),
            ignore_conflicts=True,
        )


def _takes_over(budget: Budget, told: RateLimit) -> bool:
    """Let the row say what Stream said; returns whether that is anything new."""
    newer = budget.reset_at is None or told.reset_at >= budget.reset_at + WINDOW / 2
    remaining = told.remaining if newer or budget.remaining is None else min(budget.remaining, told.remaining)
    before = (budget.limit, budget.remaining, budget.reset_at)
    budget.limit, budget.remaining, budget.reset_at = told.limit, remaining, told.reset_at
    return (budget.limit, budget.remaining, budget.reset_at) != before


def learn(apps: Iterable[StreamApp], context: Context) -> None:
    """Ask each app for all its limits, once in a while and by one worker; what fails is tried again later."""
    now = context.now()
    for app in apps:
        if app.pk in context.limits_asked or app.pk in context.agenda.limits_known:
            continue
        context.limits_asked.add(app.pk)
        due = Q(limits_read_at__isnull=True) | Q(limits_read_at__lt=now - LIMITS_READ_EVERY)
        AppHealth.objects.get_or_create(stream_app=app, defaults={"changed_at": now})
        if not AppHealth.objects.filter(due, stream_app=app).update(limits_read_at=now):
            continue
        answers = context.fetch([context.client(app).get_rate_limits, context.client(app).get_feeds_rate_limits])
        for answer in answers:
            if not isinstance(answer, StreamError):
                store(app.pk, answer, now=now)
        breaker.note(app, answers, now=now)
