"""An app that could not be called for a day: its tickets go to people, who mend it and retry, or give up.

While an app is in trouble its tickets wait, and nobody has to act. Where the key is gone for good that would never end,
and a ticket that runs can be neither retried nor given up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial

from django.db import transaction

from requests_app.audit.chain import timestamp
from requests_app.engine import parking
from requests_app.engine.context import Context
from requests_app.engine.timing import SECOND_LOOK, STRANDED
from requests_app.enums import State, StepState
from requests_app.models import AppHealth, Step, Ticket
from requests_app.steps import write
from requests_app.steps.lifecycle import StepEvent
from requests_app.steps.write import Change
from requests_app.workflow import outcomes

AT_ONCE = 100
NOT_KNOWN = (
    "The portal could not call this Stream app for a day, so what became of this call is not known. Mend the app and "
    "retry, or look on Stream and give up. What it met last: {reason}"
)
NOT_SENT = (
    "The portal could not call this Stream app for a day, so nothing more was sent. Mend the app and retry, or give "
    "up. What it met last: {reason}"
)


def hand_to_people(troubled: Iterable[AppHealth], context: Context) -> None:
    """Stop the tickets that have run for a day, of apps that could not be called for a day."""
    since = context.now() - STRANDED
    for health in troubled:
        if health.since is not None and health.since <= since:
            tickets = Ticket.objects.standing(State.RUNNING).filter(stream_app=health.stream_app_id)
            waiting = list(tickets.filter(begun_at__lte=since).order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
            stop = partial(_stop_each, health=health, context=context)
            parking.each(stop, waiting, partial(parking.park_ticket, actor=context.actor, now=context.now()))


def _stop_each(ticket_ids: Sequence[int], *, health: AppHealth, context: Context) -> None:
    for ticket_id in ticket_ids:
        with transaction.atomic():
            _stop(ticket_id, health, context)


def _stop(ticket_id: int, health: AppHealth, context: Context) -> None:
    """Nothing where somebody else moved the ticket, a call of it is on its way, or the app has answered meanwhile."""
    if not AppHealth.objects.left_alone().filter(pk=health.pk).exists():
        return
    ticket = Ticket.objects.select_for_update().filter(pk=ticket_id, state=State.RUNNING.value).first()
    steps = list(Step.objects.select_for_update().filter(ticket=ticket_id).order_by("pk"))
    if ticket is None or any(step.state == StepState.SENDING for step in steps):
        return
    now = context.now()
    changes = [change for step in steps for change in _end(step, health.reason, now=now)]
    write.write_unleased(changes, now=now)
    if any(change.event is StepEvent.PARKED for change in changes):
        # It stops with the sentence of that step, or completes with what could not be read, like any other.
        context.touched.add(ticket_id)
    elif any(step.state == StepState.PLANNED for step in steps):
        outcomes.stop(ticket, actor=context.actor, now=now, reason=NOT_SENT.format(reason=health.reason))
    else:
        context.touched.add(ticket_id)


def _end(step: Step, reason: str, *, now: datetime) -> list[Change]:
    """What is known of a step, as long as nobody can look."""
    if step.state in {StepState.UNKNOWN, StepState.ON_STREAM}:
        return [Change(step, StepEvent.PARKED, {"detail": NOT_KNOWN.format(reason=reason)[:500]})]
    if step.state == StepState.DONE and step.look_again_at is not None and step.read_back_at is None:
        evidence = {"unreadable": True, "looked_at": timestamp(now)}
        return [Change(step, StepEvent.UNREADABLE, {"evidence": evidence, "look_again_at": now + SECOND_LOOK})]
    return []
