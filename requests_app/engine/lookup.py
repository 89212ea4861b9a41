"""A look at Stream for somebody who writes a request down: reads only, few of them, and soon given up.

It keeps out of the engine's way: no call while sending is paused, while the breaker is open, or where the budget of
reads runs low. Whoever is not answered is told so and goes on; the last guard is the engine's own look before each
delete (`precheck.py`). Names come from Stream and go to the page alone: never into a row, a log or a URL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from requests_app import gateway
from requests_app.engine import budgets
from requests_app.models import AppHealth, Budget, Pause, StreamApp
from requests_app.models.sealed import UnreadableSecret
from requests_app.stream.client import MAX_USERS, StreamClient
from requests_app.stream.credentials import Timeouts
from requests_app.stream.errors import RateLimited, StreamError
from requests_app.stream.limits import RateLimit
from requests_app.stream.wire import RemoteUser
from requests_app.workflow.plan import OWNERS, Plan, user_id_problem
from requests_app.workflow.sightings import NOT_ASKED, Sighting

T = TypeVar("T")
ENDPOINT = "QueryUsers"
# Seconds: somebody waits in front of the page.
PATIENCE = Timeouts(connect=1.0, read=2.0, total=3.0)
# The engine reads by the same budget: people leave it this share of the calls.
RESERVE = 0.25
# From so many characters on, users are suggested whose id or name begins with them.
SUGGEST_FROM = 2
SUGGESTED = 5
PAUSED = "Sending to this Stream app is paused, so the portal does not look the user ids up."
SILENT = "The Stream app does not answer at the moment, so the portal does not look the user ids up."
SPENT = "Stream's rate limit is nearly spent, so the portal does not look the user ids up now."
FAILED = "Stream did not answer in time, so nothing is known about the user ids yet."
GO_ON = "You can write the request down all the same; the portal looks again before anything is deleted."


@dataclass(frozen=True)
class Look:
    """What Stream showed. `trouble` says why it could not be asked; then `users` is empty and means nothing."""

    users: tuple[RemoteUser, ...] = ()
    suggestions: tuple[RemoteUser, ...] = ()
    trouble: str = ""

    @property
    def asked(self) -> bool:
        """Whether Stream answered."""
        return not self.trouble

    def sighting(self) -> Sighting:
        """The same without names, for the workflow."""
        if not self.asked:
            return NOT_ASKED
        return Sighting(asked=True, created_at={user.id: user.created_at for user in self.users})


def look_up(app: StreamApp, user_ids: Iterable[str], *, now: datetime, unfinished: str = "") -> Look:
    """Read the users from Stream, a hundred with each call; where `unfinished` is none of them, what it may become.

    Never raises for what Stream does: the `trouble` of the answer is a sentence for the page.
    """
    wanted = list(dict.fromkeys(user_id for user_id in user_ids if not user_id_problem(user_id)))

    def read(client: StreamClient) -> Look:
        users: list[RemoteUser] = []
        for start in range(0, len(wanted), MAX_USERS):
            users += client.query_users(wanted[start : start + MAX_USERS])
        shown = tuple(user for user in users if user.deleted_at is None)
        known = {user.id for user in shown}
        return Look(shown, _suggestions(client, unfinished) if unfinished not in known else ())

    if not wanted and not unfinished:
        return Look()
    return _ask(app, read, now=now)


def look_at(app: StreamApp, plan: Plan, *, now: datetime) -> Sighting:
    """The accounts and the new owners of a plan, as Stream shows them now."""
    owners = [owner for name in OWNERS if (owner := getattr(plan, name))]
    return look_up(app, (*plan.user_ids, *owners), now=now).sighting()


def _suggestions(client: StreamClient, typed: str) -> tuple[RemoteUser, ...]:
    if len(typed) < SUGGEST_FROM or user_id_problem(typed):
        return ()
    found = client.search_users(typed, SUGGESTED)
    if len(found) < SUGGESTED:
        found += client.search_users(typed, SUGGESTED, by="name")
    return tuple({user.id: user for user in found if user.id != typed}.values())[:SUGGESTED]


def _ask(app: StreamApp, read: Callable[[StreamClient], Look], *, now: datetime) -> Look:
    trouble = _closed(app, now)
    if trouble:
        return Look(trouble=trouble)
    learnt: dict[str, RateLimit] = {}
    try:
        client = gateway.client_for(app, on_limit=learnt.__setitem__, timeouts=PATIENCE)
        return read(client)
    except RateLimited as error:
        budgets.block(app, ENDPOINT, now=now, seconds=error.retry_after)
        return Look(trouble=SPENT)
    except (StreamError, UnreadableSecret):
        # Not counted against the app: this look has less patience than the engine.
        return Look(trouble=FAILED)
    finally:
        budgets.store(app.pk, learnt, now=now)


def _closed(app: StreamApp, now: datetime) -> str:
    """Why Stream is not asked now, or an empty text."""
    if app.pk in Pause.objects.paused_apps():
        return PAUSED
    if AppHealth.objects.left_alone().filter(stream_app=app).exists():
        return SILENT
    budget = Budget.objects.filter(stream_app=app, endpoint=ENDPOINT).first()
    return SPENT if budget and _runs_low(budget, now) else ""


def _runs_low(budget: Budget, now: datetime) -> bool:
    if budget.blocked_until and budget.blocked_until > now:
        return True
    if budget.remaining is None or budget.reset_at is None or budget.reset_at <= now:
        return False
    return budget.remaining <= RESERVE * (budget.limit or 0)


def look_at_all(tickets: Sequence[tuple[StreamApp, Plan]], *, now: datetime, calls: int) -> list[Sighting]:
    """The same for several plans of any apps with at most about so many calls; the rest counts as not asked."""
    wanted: dict[int, dict[str, None]] = {}
    apps: dict[int, StreamApp] = {}
    for app, plan in tickets:
        apps[app.pk] = app
        ids = (*plan.user_ids, *(getattr(plan, name) for name in OWNERS))
        wanted.setdefault(app.pk, {}).update(dict.fromkeys(user_id for user_id in ids if user_id))
    seen: dict[int, tuple[set[str], Sighting]] = {}
    for app_id, named in wanted.items():
        asked = list(named)[: calls * MAX_USERS]
        calls -= -(-len(asked) // MAX_USERS)
        seen[app_id] = (set(asked), look_up(apps[app_id], asked, now=now).sighting() if asked else NOT_ASKED)
    return [_of(plan, *seen[app.pk]) for app, plan in tickets]


def _of(plan: Plan, asked: set[str], sighting: Sighting) -> Sighting:
    ids = {*plan.user_ids, *(owner for name in OWNERS if (owner := getattr(plan, name)))}
    return sighting if ids <= asked else NOT_ASKED
