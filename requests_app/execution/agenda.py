"""What a pass has to do, learnt in one query, so that a pass with nothing due costs no more than that."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, QuerySet

from requests_app.enums import StepState
from requests_app.execution import claims
from requests_app.models import AppHealth, Pause, Step, StreamApp, StreamTask, Ticket

_UNANSWERED = (StepState.SENDING.value, StepState.UNKNOWN.value)


@dataclass(frozen=True)
class Agenda:
    """Which phases have at least one row that is due. Apps that are to be left alone are not told apart here."""

    begin: bool = False
    send: bool = False
    reconcile: bool = False
    look: bool = False
    poll: bool = False
    adopt: bool = False


def read(now: datetime) -> Agenda:
    """What is due at `now`, for all apps. Each step hangs on an app: where there is none, nothing is due."""
    found = list(question(now)[:1])
    return Agenda(**found[0]) if found else Agenda()


def question(now: datetime) -> QuerySet[StreamApp, Any]:
    """The query behind it: the same answer in the row of each app."""
    return StreamApp.objects.order_by().values(
        begin=Exists(Ticket.objects.to_begin(now)),
        send=Exists(claims.due_to_send(now)),
        reconcile=Exists(claims.due_to_reconcile(now)),
        look=Exists(claims.due_to_look_at(now)),
        poll=Exists(claims.due_to_poll(now)),
        adopt=Exists(claims.abandoned(now)),
    )


def anything_until(horizon: datetime) -> bool:
    """Whether a ticket waits to be begun, or a row that somebody may take up becomes due until then, leased or not.

    Steps of tickets that are stopped, cancelled or paused, and those behind a step that has not ended, are nothing to
    wait for: they stay as they are for as long as that lasts.
    """
    silent = set(AppHealth.objects.filter(open_until__gt=horizon).values_list("stream_app_id", flat=True))
    sendable = claims.planned_until(horizon).exclude(ticket__stream_app__in=silent | Pause.objects.paused_apps())
    unanswered = Step.objects.filter(state__in=_UNANSWERED, next_at__lte=horizon)
    waits = StreamApp.objects.filter(
        Exists(Ticket.objects.to_begin(horizon))
        | Exists(sendable)
        | Exists(unanswered.exclude(ticket__stream_app__in=silent))
        | Exists(Step.objects.filter(look_again_at__lte=horizon).exclude(ticket__stream_app__in=silent))
        | Exists(StreamTask.objects.filter(next_poll_at__lte=horizon).exclude(stream_app__in=silent))
    )
    return waits.exists()
