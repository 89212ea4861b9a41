"""What a pass has to do, learnt in one query, so that a pass with nothing due costs no more than that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from django.db.models import Case, DateTimeField, Exists, Min, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Greatest

from requests_app.engine import claims
from requests_app.engine.compiled_query import Compiled
from requests_app.enums import StepState
from requests_app.models import AppHealth, Pause, Step, StreamApp, StreamTask, Ticket

_PHASES = ("begin", "send", "reconcile", "look", "poll", "adopt")
_UNANSWERED = (StepState.SENDING.value, StepState.UNKNOWN.value)


@dataclass(frozen=True)
class Agenda:
    """Which phases have at least one row that is due, of whatever app, and which apps are to be left alone.

    Nothing is sent to paused apps, and those with an open breaker are not even read.
    """

    begin: bool = False
    send: bool = False
    reconcile: bool = False
    look: bool = False
    poll: bool = False
    adopt: bool = False
    paused: frozenset[int] = frozenset()
    closed: frozenset[int] = frozenset()


def read(now: datetime) -> Agenda:
    """What is due at `now`, for all apps. Each step hangs on an app: where there is none, nothing is due."""
    apps = _QUESTION.values(now)
    if not apps:
        return Agenda()
    known: dict[str, Any] = {phase: bool(apps[0][phase]) for phase in _PHASES}
    known |= {reason: frozenset(app["pk"] for app in apps if app[reason]) for reason in ("paused", "closed")}
    return Agenda(**known)


def question(now: datetime) -> QuerySet[StreamApp, Any]:
    """The query behind it: what is due stands in the row of each app alike, and beside it how the app is."""
    pauses = Pause.objects.open().filter(Q(stream_app=OuterRef("pk")) | Q(stream_app__isnull=True))
    return StreamApp.objects.order_by().values(
        "pk",
        paused=Exists(pauses),
        closed=Case(When(health__open_until__isnull=False, then=True), default=False),
        begin=Exists(Ticket.objects.to_begin(now)),
        send=Exists(claims.due_to_send(now)),
        reconcile=Exists(claims.due_to_reconcile(now)),
        look=Exists(claims.due_to_look_at(now)),
        poll=Exists(claims.due_to_poll(now)),
        adopt=Exists(claims.abandoned(now)),
    )


_QUESTION = Compiled(question)


def next_due(now: datetime, *, until: datetime) -> datetime | None:
    """The earliest moment at which somebody may take a row up, or None where there is none until then.

    That is `now` or earlier for what is due already. A leased row is free once its lease ended, a row of an app that is
    left alone once the app is probed. Steps of tickets that are stopped, cancelled or paused, and those behind a step
    that has not ended, are nothing to wait for: they stay as they are for as long as that lasts.
    """
    begins = Coalesce("not_before", Value(now), output_field=DateTimeField())
    to_begin = Ticket.objects.to_begin(until).order_by().aggregate(at=Min(begins))["at"]
    moments: list[datetime] = [to_begin] if to_begin else []
    sendable = claims.planned_until(until).exclude(ticket__stream_app__in=Pause.objects.paused_apps())
    unanswered = Step.objects.filter(state__in=_UNANSWERED, next_at__lte=until)
    probed_at = dict(AppHealth.objects.filter(open_until__isnull=False).values_list("stream_app_id", "open_until"))
    for app_id, at in chain(
        _free_from(sendable, "next_at", app="ticket__stream_app"),
        _free_from(unanswered, "next_at", app="ticket__stream_app"),
        _free_from(claims.to_look_at_until(until), "look_again_at", app="ticket__stream_app"),
        _free_from(StreamTask.objects.filter(next_poll_at__lte=until), "next_poll_at", app="stream_app"),
    ):
        moments.append(max(at, probed_at.get(app_id) or at))
    earliest = min(moments, default=None)
    return earliest if earliest is not None and earliest <= until else None


def _free_from(rows: QuerySet[Any], column: str, *, app: str) -> list[tuple[int, datetime]]:
    """For each app the earliest moment at which one of its rows is due and held by nobody."""
    free = Min(Greatest(column, Coalesce("lease_until", column)))
    return [(one[app], one["free"]) for one in rows.order_by().values(app).annotate(free=free)]
