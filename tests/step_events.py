"""Steps of a ticket brought on by events of their lifecycle, as the engine's phases report them."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any

from django.utils import timezone

from requests_app.engine.timing import SECOND_LOOK
from requests_app.enums import EXPORT_OPERATIONS, AttemptOutcome, Operation, Outcome
from requests_app.models import Attempt, Step, StreamTask, Ticket
from requests_app.steps import write
from requests_app.steps.lifecycle import StepEvent
from requests_app.steps.write import Change
from requests_app.workflow import erased
from requests_app.workflow.plan import from_json

_numbers = itertools.count(1)


def happen(step: Step, *events: tuple[StepEvent, dict[str, Any]], at: datetime) -> None:
    """Let a step go through events of its lifecycle, with what each of them gives."""
    for event, given in events:
        assert write.write_unleased([Change(step, event, given)], now=at)
        step.refresh_from_db()


def take(step: Step, *, at: datetime, status: str = "completed") -> None:
    """Let Stream take the call of a step, and say of its task how it ended."""
    app = step.ticket.stream_app
    task = StreamTask.objects.create(
        stream_app=app,
        task_id=f"task-{next(_numbers)}",
        operation=step.operation,
        status=status,
        accepted_at=at,
        finished_at=at,
    )
    attempt = Attempt.objects.create(
        stream_app=app,
        operation=step.operation,
        body_digest="",
        account_count=1,
        intended_at=at,
        answered_at=at,
        outcome=AttemptOutcome.ACCEPTED.value,
    )
    step.attempts.add(attempt)
    happen(step, (StepEvent.INTENDED, {"lease_until": at}), (StepEvent.ACCEPTED, {"stream_task": task}), at=at)


def finish(step: Step, *, at: datetime | None = None) -> None:
    """Let Stream carry a step out; of a delete it shows nothing any more, and is looked at again a day later."""
    now, outcome = at or timezone.now(), {"outcome": _reached_by(step).value}
    take(step, at=now)
    if step.operation in EXPORT_OPERATIONS:
        happen(step, (StepEvent.TASK_DONE, outcome), at=now)
        return
    seen = {"evidence": seen_after(step), "look_again_at": now + SECOND_LOOK}
    happen(step, (StepEvent.DELETE_DONE, outcome), (StepEvent.SEEN_GONE, seen), at=now)


def finish_unread(step: Step) -> None:
    """Let Stream carry a delete out, and not let itself be read for what is left."""
    now, outcome = timezone.now(), {"outcome": _reached_by(step).value}
    take(step, at=now)
    unread = {"evidence": {"unreadable": True, "looked_at": "2026-03-10T12:00:00.000000Z"}}
    unread["look_again_at"] = now + SECOND_LOOK
    happen(step, (StepEvent.DELETE_DONE, outcome), (StepEvent.UNREADABLE, unread), at=now)


def look_again(ticket: Ticket) -> None:
    """Let the second look at each delete of a completed ticket show nothing either: it is over."""
    for step in ticket.steps.filter(look_again_at__isnull=False):
        evidence = step.evidence | {"second": {**seen_after(step), "remains": ""}}
        happen(step, (StepEvent.SEEN_AGAIN, {"evidence": evidence}), at=step.look_again_at)


def fail(step: Step, *, at: datetime | None = None, says: str = "quota") -> None:
    """Let Stream take a step's call and fail at it, for the reason that it says."""
    now = at or timezone.now()
    take(step, at=now, status="failed")
    happen(step, (StepEvent.TASK_FAILED, {"detail": f"Stream could not carry this out: {says}."}), at=now)


def hold_back(step: Step, *, at: datetime | None = None) -> None:
    """Let the look before the call show what a person must judge, so that nothing is sent."""
    given = {"detail": "The new owner does not exist on Stream.", "evidence": {"user": "present"}}
    happen(step, (StepEvent.HELD_BY_LOOK, given), at=at or timezone.now())


def find_nobody(step: Step, *, at: datetime | None = None) -> None:
    """Let the look before the call show nobody, so that nothing is sent."""
    given = {"detail": "Stream shows no user by this id, so nothing was sent.", "evidence": {"user": "absent"}}
    happen(step, (StepEvent.NOTHING_SEEN, given), at=at or timezone.now())


def _reached_by(step: Step) -> Outcome:
    operation = Operation(step.operation)
    if operation in EXPORT_OPERATIONS:
        return Outcome.EXPORTED
    return erased.of_step(from_json(step.ticket.plan), operation)


def seen_after(step: Step) -> dict[str, Any]:
    """What a look after a delete writes down where nothing is left."""
    gone: dict[str, Any] = {"user": "absent", "looked_at": "2026-03-10T12:00:00.000000Z"}
    if step.operation == Operation.DELETE_USERS:
        return gone | {"messages": 0, "channels_of_two": 0, "calls_of_two": 0}
    if step.operation == Operation.DELETE_FEEDS_DATA:
        counted = ("feeds", "activities", "comments", "bookmarks", "bookmark_folders", "collections")
        return gone | dict.fromkeys((*counted, "activities_hidden"), 0)
    return {}
