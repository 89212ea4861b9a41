"""Stream is read while somebody decides: what does it show of the accounts, and how much of each kind?

Reads only, one page a kind, a few calls an account for the first ten of them, and no longer than people wait. What
hits a bound is told as "at least", what was not answered as "not known". Stream lists no reactions by user, so those
cannot be counted at all (Stream API, queries).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from datetime import datetime
from functools import partial
from time import monotonic

from requests_app import gateway
from requests_app.audit.actor import Actor
from requests_app.engine import budgets
from requests_app.enums import Kind
from requests_app.models import AppHealth, Budget, Preview, StreamApp, Ticket
from requests_app.models.sealed import UnreadableSecret
from requests_app.stream.client import StreamClient
from requests_app.stream.credentials import Timeouts
from requests_app.stream.errors import StreamError
from requests_app.stream.limits import RateLimit
from requests_app.stream.wire import ChannelTally, Count, RemoteUser
from requests_app.workflow import plan as plans
from requests_app.workflow import previews
from requests_app.workflow.plan import Plan
from requests_app.workflow.previews import AccountSeen, Sight

Counter = Callable[[str], Count | ChannelTally]
Told = Mapping[tuple[str, str], Count | ChannelTally]

# Accounts that are counted; of the others only whether Stream shows them.
IN_FULL = 10
THREADS = 8
# Seconds: one call, and all of them together.
PATIENCE = Timeouts(connect=2.0, read=4.0, total=5.0)
ALTOGETHER = 10.0
SILENT = "The Stream app does not answer at the moment, so it was not asked."
FAILED = "Stream did not answer in time."
UNFIT = "The Stream app cannot be called with what it is configured with."
CHANNELS = ("channels", "channels_of_two", "channels_created")


def make(ticket: Ticket, *, actor: Actor, now: datetime) -> Preview:
    """Look at Stream and keep what it shows. Never raises for what Stream does; raises as a verb where refused."""
    previews.check_may_look(ticket, actor=actor, now=now)
    return previews.keep(ticket, look(ticket.stream_app, plans.from_json(ticket.plan), now=now), actor=actor, now=now)


def look(app: StreamApp, plan: Plan, *, now: datetime) -> Sight:
    """What Stream shows of the plan's accounts now."""
    if AppHealth.objects.left_alone().filter(stream_app=app).exists():
        return Sight(trouble=SILENT)
    learnt: dict[str, RateLimit] = {}
    spent = _spent(app, now)
    try:
        client = gateway.client_for(
            app,
            on_limit=learnt.__setitem__,
            wait=lambda endpoint: spent.get(endpoint, 0.0) - monotonic(),
            timeouts=PATIENCE,
            pages=1,
        )
        return _look(client, plan)
    except UnreadableSecret:
        return Sight(trouble=UNFIT)
    except StreamError as error:
        # A short look that fails says nothing about the app that the engine would have to heed.
        return Sight(trouble=f"{FAILED} {error}")
    finally:
        budgets.store(app.pk, learnt, now=now)


def _spent(app: StreamApp, now: datetime) -> dict[str, float]:
    """Endpoints whose budget is used up, and until when by the monotonic clock."""
    until = {row.endpoint: row.spent_until(now) for row in Budget.objects.spent(now).filter(stream_app=app)}
    return {endpoint: monotonic() + (at - now).total_seconds() for endpoint, at in until.items() if at}


def _look(client: StreamClient, plan: Plan) -> Sight:
    shown = {user.id: user for user in client.query_users(plan.user_ids) if user.deleted_at is None}
    told = _count(client, plan)
    kinds = tuple(_counters(client, plan))
    accounts = [
        _account(user_id, shown.get(user_id), kinds if place < IN_FULL else (), told)
        for place, user_id in enumerate(plan.user_ids)
    ]
    return Sight(tuple(accounts))


def _counters(client: StreamClient, plan: Plan) -> dict[str, Counter]:
    """The kinds of data that can be counted and that the plan is about: an erasure is told about all of them."""
    chat: dict[str, Counter] = {
        "channels": client.tally_channels,
        "messages": client.count_messages,
        "calls": client.count_calls,
    }
    feeds: dict[str, Counter] = {
        "feeds": client.count_feeds,
        "activities": client.count_activities,
        "comments": client.count_comments,
        "bookmarks": client.count_bookmarks,
    }
    erase = plan.kind is Kind.ERASE
    return {
        **(chat if erase or plan.export_user_data else {}),
        **(feeds if erase or plan.export_feeds_data else {}),
    }


def _count(client: StreamClient, plan: Plan) -> Told:
    """Count side by side; what is not there when the time is over is left out."""
    calls = {
        (user_id, kind): partial(counter, user_id)
        for user_id in plan.user_ids[:IN_FULL]
        for kind, counter in _counters(client, plan).items()
    }
    pool = ThreadPoolExecutor(THREADS)
    try:
        # Each thread in a copy of the context, so that its log lines carry the id of the request.
        running = {place: pool.submit(copy_context().run, call) for place, call in calls.items()}
        wait(running.values(), timeout=ALTOGETHER)
        return {place: found for place, future in running.items() if (found := _result(future)) is not None}
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _result(future: Future[Count | ChannelTally]) -> Count | ChannelTally | None:
    if not future.done() or isinstance(future.exception(), StreamError):
        return None
    return future.result()


def _account(user_id: str, user: RemoteUser | None, kinds: tuple[str, ...], told: Told) -> AccountSeen:
    counts: dict[str, Count | None] = {}
    for kind in kinds:
        found = told.get((user_id, kind))
        if kind != "channels":
            counts[kind] = found if isinstance(found, Count) else None
            continue
        tally = found if isinstance(found, ChannelTally) else None
        parts = (tally.all, tally.of_two, tally.created) if tally else (None, None, None)
        counts.update(zip(CHANNELS, parts, strict=True))
    if user is None:
        return AccountSeen(exists=False, counts=counts)
    return AccountSeen(True, user.created_at, user.deactivated_at is not None, counts, user.name)
