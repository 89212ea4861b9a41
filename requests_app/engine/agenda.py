"""What a pass has to do, learnt in one query, so that a pass with nothing due costs no more than that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, DateTimeField, Exists, Min, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Greatest

from requests_app.compiled_query import Compiled, moment_of
from requests_app.engine import claims
from requests_app.engine.timing import LIMITS_READ_EVERY
from requests_app.enums import StepState
from requests_app.models import Pause, Step, StreamApp, StreamTask, Ticket

REASONS = ("paused", "closed", "troubled", "limits_known")
_PHASES = ("begin", "send", "reconcile", "look", "poll", "adopt")
_UNANSWERED = (StepState.SENDING.value, StepState.UNKNOWN.value)


@dataclass(frozen=True)
class Agenda:
    """Which phases have at least one row that is due, of whatever app, and which apps are to be left alone.

    Nothing is sent to paused apps, and those with an open breaker are not even read. Of the troubled ones the breaker
    counts failures, and of those whose limits are known Stream was asked for them lately.
    """

    begin: bool = False
    send: bool = False
    reconcile: bool = False
    look: bool = False
    poll: bool = False
    adopt: bool = False
    paused: frozenset[int] = frozenset()
    closed: frozenset[int] = frozenset()
    troubled: frozenset[int] = frozenset()
    limits_known: frozenset[int] = frozenset()


def read(now: datetime) -> Agenda:
    """What is due at `now`, for all apps. Each step hangs on an app: where there is none, nothing is due."""
    apps = _QUESTION.values(now, now - LIMITS_READ_EVERY)
    if not apps:
        return Agenda()
    known: dict[str, Any] = {phase: bool(apps[0][phase]) for phase in _PHASES}
    known |= {reason: frozenset(app["pk"] for app in apps if app[reason]) for reason in REASONS}
    return Agenda(**known)


def question(now: datetime, lately: datetime) -> QuerySet[StreamApp, Any]:
    """The query behind it: what is due stands in the row of each app alike, and beside it how the app is.

    Limits that were read after `lately` are known.
    """
    in_trouble = Q(health__open_until__isnull=False) | Q(health__failures__gt=0)
    return StreamApp.objects.order_by().values(
        "pk",
        paused=Exists(Pause.objects.of_app(OuterRef("pk"))),
        closed=Case(When(health__open_until__isnull=False, then=True), default=False),
        troubled=Case(When(in_trouble, then=True), default=False),
        limits_known=Case(When(health__limits_read_at__gte=lately, then=True), default=False),
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
    moments = [moment_of(row["at"]) for row in _WAITING.values(now, until)]
    earliest = min((at for at in moments if at is not None), default=None)
    return earliest if earliest is not None and earliest <= until else None


def _waiting(now: datetime, until: datetime) -> QuerySet[Any, Any]:
    """The query behind it: for each kind of row the earliest moment, or none."""
    paused = Pause.objects.of_app(OuterRef("ticket__stream_app"))
    sendable = claims.planned_until(until).filter(~Exists(paused))
    unanswered = Step.objects.filter(state__in=_UNANSWERED, next_at__lte=until)
    tasks = StreamTask.objects.filter(next_poll_at__lte=until)
    begins = Coalesce("not_before", Value(now), output_field=DateTimeField())
    return _earliest(Ticket.objects.to_begin(until), begins).union(
        _earliest(sendable, _free_from("next_at", app="ticket__stream_app")),
        _earliest(unanswered, _free_from("next_at", app="ticket__stream_app")),
        _earliest(claims.to_look_at_until(until), _free_from("look_again_at", app="ticket__stream_app")),
        _earliest(tasks, _free_from("next_poll_at", app="stream_app")),
        all=True,
    )


def _earliest(rows: QuerySet[Any], moment: Any) -> QuerySet[Any, Any]:
    """The earliest of the moments of all rows, as one row."""
    earliest: QuerySet[Any, Any] = rows.order_by().values(every_row=Value(1)).annotate(at=Min(moment)).values("at")
    return earliest


def _free_from(column: str, *, app: str) -> Greatest:
    """When a row is due, held by nobody, and its app not left alone any more."""
    return Greatest(column, Coalesce("lease_until", column), Coalesce(f"{app}__health__open_until", column))


_WAITING = Compiled(_waiting)
