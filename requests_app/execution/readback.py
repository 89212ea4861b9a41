"""After a delete: what does Stream still show for this user?

The first look decides whether the step stands; Stream may need a moment, so it is repeated a few times. A second
look a day later finds what came back. Each look is evidence on the step and an entry in the log.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

from django.db import transaction

from requests_app.audit import log
from requests_app.audit.chain import timestamp
from requests_app.enums import AuditAction, Operation, Outcome, StepState
from requests_app.execution import claims, health
from requests_app.execution.context import Context
from requests_app.execution.timing import LOOKS, SECOND_LOOK, backoff
from requests_app.models import Step
from requests_app.stream.client import StreamClient
from requests_app.stream.errors import ConfigurationError, StreamError


def read_back_due(context: Context) -> int:
    """Look at every finished delete that is due; returns how many were looked at."""
    steps = [step for step in claims.claim_to_look_at(now=context.now()) if _callable(step, context)]
    looks = context.fetch([partial(_look, context.client(step.ticket.stream_app), step) for step in steps])
    for step, seen in zip(steps, looks, strict=True):
        context.touched.add(step.ticket_id)
        if isinstance(seen, StreamError):
            _unreadable(step, seen, context)
        else:
            _heed(step, seen, context)
    return len(steps)


def _callable(step: Step, context: Context) -> bool:
    try:
        context.client(step.ticket.stream_app)
    except ConfigurationError as error:
        health.note_failure(step.ticket.stream_app, error, now=context.now())
        claims.write(step, look_again_at=context.now() + backoff(5))
        return False
    return True


def _look(client: StreamClient, step: Step) -> dict[str, object]:
    """What Stream shows for the step's user, as far as the operation was to remove it."""
    user_id = step.user_ids[0]
    present = any(user.deleted_at is None for user in client.query_users([user_id]))
    seen: dict[str, object] = {"user": "present" if present else "absent"}
    if step.operation == Operation.DELETE_FEEDS_DATA:
        seen["feeds"] = client.count_feeds(user_id).number
        seen["activities"] = client.count_activities(user_id).number
        seen["activities_hidden"] = client.count_activities(user_id, include_soft_deleted=True).number
        seen["comments"] = client.count_comments(user_id).number
    return seen


def remains(step: Step, seen: dict[str, object]) -> bool:
    """Whether something is still visible that the step was to remove."""
    if step.operation == Operation.DELETE_USERS:
        return seen["user"] == "present"
    return any(seen[what] for what in ("feeds", "activities", "comments"))


def _unreadable(step: Step, error: StreamError, context: Context) -> None:
    """Stream could not be read: try again, and after a few times go on without evidence and say so."""
    now = context.now()
    health.note_failure(step.ticket.stream_app, error, now=now)
    tries = int(step.evidence.get("tries", 0)) + 1
    if tries < LOOKS or step.read_back_at:
        again = now + backoff(tries + 1)
        claims.write(step, evidence={**step.evidence, "tries": tries}, look_again_at=again)
        return
    evidence = {"unreadable": True, "looked_at": timestamp(now)}
    _write_down(step, evidence, {"read_back_at": now, "look_again_at": now + SECOND_LOOK}, context, now=now)


def _heed(step: Step, seen: dict[str, object], context: Context) -> None:
    now = context.now()
    left = remains(step, seen)
    tries = int(step.evidence.get("tries", 0)) + 1
    seen = {**seen, "looked_at": timestamp(now)}
    if step.read_back_at:
        evidence = {**step.evidence, "second": {**seen, "remains": left}}
        _write_down(step, evidence, {"look_again_at": None}, context, now=now)
    elif not left:
        _write_down(step, seen, {"read_back_at": now, "look_again_at": now + SECOND_LOOK}, context, now=now)
    elif tries < LOOKS:
        claims.write(step, evidence={**seen, "tries": tries}, look_again_at=now + backoff(tries))
    else:
        failed = {
            "state": StepState.FAILED.value,
            "outcome": Outcome.FAILED.value,
            "detail": "Stream reported this as done, but still shows data of the user. Retry, or look on Stream.",
            "read_back_at": now,
            "look_again_at": None,
        }
        _write_down(step, seen, failed, context, now=now)


def _write_down(
    step: Step, evidence: dict[str, object], columns: dict[str, object], context: Context, *, now: datetime
) -> None:
    with transaction.atomic():
        if claims.write(step, evidence=evidence, **columns):
            log.record(
                AuditAction.READ_BACK,
                actor=context.actor,
                now=now,
                ticket=step.ticket,
                subjects=[log.subject(step.ticket.stream_app_id, user_id) for user_id in step.user_ids],
                facts={"step": step.pk, "operation": step.operation, "seen": evidence},
            )
