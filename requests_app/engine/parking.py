"""One row that the portal cannot handle never keeps the others waiting.

What is handled together and ends in an error that nobody foresaw is handled once more, each row by itself. The row that
fails alone is parked: a person looks at it, and the rest goes on. An outage of the database is no such error: it is
waited for. Nothing that may have been sent is called unsent: its outcome is unknown, and Stream is read for it; only
where that fails again and again does a person look.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction

from requests_app import outages
from requests_app.audit.actor import Actor
from requests_app.engine.outgoing import Returned
from requests_app.engine.timing import SETTLE, backoff
from requests_app.enums import AttemptOutcome, State, StepState
from requests_app.models import Attempt, Step, StreamTask, Ticket
from requests_app.steps import write
from requests_app.steps.lifecycle import StepEvent
from requests_app.steps.write import Change
from requests_app.workflow import outcomes
from requests_app.workflow.transition import Conflict

# So many errors with one step whose call was made, before a person looks.
ERRORS = 3
NOT_SENT = "The portal met an error of its own before this was sent, so nothing was sent. A person must look."
SENT = (
    "The portal met an error of its own with what became of this call, which was sent or may have been. "
    "A person must look, on Stream as well."
)
TICKET = "The portal met an error of its own with this ticket. A person must look."

logger = logging.getLogger("portal.engine")
T = TypeVar("T")


def is_fault(error: Exception) -> bool:
    """Whether the error is the portal's own: no outage of the database, and no change by somebody else meanwhile."""
    return outages.outage_of(error) is None and not isinstance(error, Conflict)


def each(
    handle: Callable[[Sequence[T]], object],
    rows: Sequence[T],
    park: Callable[[T], None],
    *,
    split: Callable[[T], Sequence[T]] = lambda row: [row],
) -> None:
    """Handle the rows together; where that ends in a fault, each by itself, and park those that fail alone.

    `split` parts what travelled together. Outages are raised.
    """
    try:
        handle(rows)
    except Exception as error:
        if not is_fault(error):
            raise
        parts = [part for row in rows for part in split(row)]
        _log(error, alone=len(parts) == 1)
    else:
        return
    if len(parts) == 1:
        _park(park, parts[0])
    for part in parts if len(parts) > 1 else ():
        each(handle, [part], park)


def guarded(work: Callable[[], int]) -> int:
    """One phase of a pass; a fault of it is logged, and the other phases go on. What it claimed comes free again."""
    try:
        return work()
    except Exception as error:
        if not is_fault(error):
            raise
        _log(error, alone=False)
        return 0


def _log(error: Exception, *, alone: bool) -> None:
    """Only the type and the place: the words of an error may hold personal data or secrets."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_globals.get('__name__', '')}:{trace.tb_lineno}" if trace else "?"
    then = "It is parked for a person." if alone else "The rows are handled one by one."
    logger.error("The engine met %s at %s. %s", type(error).__name__, place, then)


def _park(park: Callable[[T], None], row: T) -> None:
    try:
        park(row)
    except Exception as error:
        # Its lease ends, and then it is tried again.
        if not is_fault(error):
            raise
        logger.error("A row could not be parked: %s.", type(error).__name__)


def parts_of(one: Returned[Any, Any]) -> list[Returned[Any, Any]]:
    """A read that was made for several steps, step by step; a call and a task stay whole."""
    if isinstance(one.subject, list):
        return [Returned([step], one.reply) for step in one.subject]
    return [one]


def park_subject(subject: Any, *, now: datetime) -> list[int]:
    """Park what an answer was about: a task, the steps of a read, or a parcel with its attempt; returns the tickets."""
    if isinstance(subject, StreamTask):
        return park_task(subject, now=now)
    return park_steps(subject if isinstance(subject, list) else subject[0].steps, now=now)


def park_steps(steps: Sequence[Step], *, now: datetime) -> list[int]:
    """Park claimed steps that are still held under their claims; returns their tickets."""
    tokens = {step.pk: step.lease_token for step in steps}
    with transaction.atomic():
        # As they stand: whoever met the error may not know what was committed.
        rows = Step.objects.select_for_update().filter(pk__in=tokens).order_by("pk")
        held = [row for row in rows if row.lease_token == tokens[row.pk]]
        changes = [change for change in (_change(row, now=now) for row in held) if change]
        written = write.write_held(changes, now=now)
        unanswered = [one.step.pk for one in changes if one.event is StepEvent.ERROR_WHILE_SENDING]
        Attempt.objects.filter(steps__in=unanswered, outcome=AttemptOutcome.OPEN.value).update(
            outcome=AttemptOutcome.UNKNOWN.value, answered_at=now, detail=SENT
        )
    return [one.step.ticket_id for one in changes if one.step.pk in written]


def _change(step: Step, *, now: datetime) -> Change | None:
    """What an error makes of a step, by what may have become of its call; None where nothing is held for it."""
    errors = int(step.evidence.get("errors", 0)) + 1
    counted = {"evidence": {**step.evidence, "errors": errors}}
    again = now + backoff(5 + errors)
    match StepState(step.state):
        case StepState.PLANNED:
            return Change(step, StepEvent.ERROR_BEFORE_SENDING, {"detail": NOT_SENT})
        case StepState.SENDING:
            unknown = {"next_at": now + SETTLE, "detail": SENT, **counted}
            return Change(step, StepEvent.ERROR_WHILE_SENDING, unknown)
        case StepState.UNKNOWN if errors < ERRORS:
            return Change(step, StepEvent.CHECK_FAILED, {"next_at": again, **counted})
        case StepState.DONE if step.read_back_at:
            # A day later: the ticket may be closed by now.
            return Change(step, StepEvent.SECOND_LOOK_FAILED)
        case StepState.DONE if errors < ERRORS:
            return Change(step, StepEvent.LOOK_FAILED, {"look_again_at": again, **counted})
        case StepState.UNKNOWN | StepState.DONE:
            return _parked(step)
    return None


def _parked(step: Step) -> Change:
    return Change(step, StepEvent.PARKED, {"detail": SENT})


def or_parked(step: Step, compute: Callable[[], Change]) -> Change:
    """What is computed, or a step that is parked: of all steps of one task, this one alone."""
    try:
        return compute()
    except Exception as error:
        if not is_fault(error):
            raise
        _log(error, alone=True)
        return _parked(step)


def park_task(task: StreamTask, *, now: datetime) -> list[int]:
    """Ask about the task again later, and after a second error in a row no more; returns the tickets that stop."""
    with transaction.atomic():
        row = StreamTask.objects.select_for_update().filter(pk=task.pk, lease_token=task.lease_token).first()
        if row is None:
            return []
        row.lease_token, row.lease_until, row.polled_at = row.lease_token + 1, None, now
        again = row.error != SENT
        row.next_poll_at = now + backoff(6) if again else None
        row.finished_at = None if again else now
        row.error = SENT
        row.save(update_fields=["lease_token", "lease_until", "polled_at", "next_poll_at", "finished_at", "error"])
        if again:
            return []
        steps = Step.objects.filter(stream_task=row, state=StepState.ON_STREAM.value)
        tickets = list(steps.values_list("ticket_id", flat=True))
        write.write_each(steps, StepEvent.PARKED, now=now, detail=SENT)
    return tickets


def park_ticket(ticket_id: int, *, actor: Actor, now: datetime) -> None:
    """Stop a ticket that cannot be begun or settled."""
    with transaction.atomic():
        taken = Ticket.objects.select_for_update().filter(
            pk=ticket_id, state__in=[State.APPROVED.value, State.RUNNING.value]
        )
        for ticket in taken:
            outcomes.stop(ticket, actor=actor, now=now, reason=TICKET)
