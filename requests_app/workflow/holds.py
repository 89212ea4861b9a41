"""Legal holds: while one is open, nothing of that account is erased.

A hold blocks when an erasure is submitted and approved, and once more in the transaction of the intent: a ticket that
runs already stops for a person before its next delete. Exports go on.
"""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.models import LegalHold, StreamApp
from requests_app.workflow import plan as plans
from requests_app.workflow import policies
from requests_app.workflow.access import check_may
from requests_app.workflow.rights import Right


def place(app: StreamApp, user_id: str, *, actor: Actor, now: datetime, reason: str) -> LegalHold:
    """Keep the account from being erased. Raises `UnableTo` where it is on hold already or the id is no user id."""
    _check(app.pk, actor, reason, now=now)
    problem = plans.user_id_problem(user_id)
    if problem:
        raise policies.UnableTo(problem, field="user_id")
    try:
        with transaction.atomic():
            hold = LegalHold.objects.create(
                stream_app=app, user_id=user_id, reason=reason.strip(), placed_by_id=actor.person_id, placed_at=now
            )
            _record(AuditAction.HOLD_PLACED, hold, actor=actor, now=now, reason=reason)
    except IntegrityError:
        raise policies.UnableTo("This user id is on hold already.", field="user_id") from None
    return hold


def lift(hold: LegalHold, *, actor: Actor, now: datetime, reason: str) -> LegalHold:
    """Let the account be erased again. Raises `UnableTo` where somebody lifted the hold before."""
    _check(hold.stream_app_id, actor, reason, now=now)
    with transaction.atomic():
        found = LegalHold.objects.select_for_update().open().filter(pk=hold.pk).first()
        if found is None:
            raise policies.UnableTo("This hold was lifted already.")
        found.lifted_by_id, found.lifted_at, found.lift_reason = actor.person_id, now, reason.strip()
        found.save(update_fields=["lifted_by", "lifted_at", "lift_reason"])
        _record(AuditAction.HOLD_LIFTED, found, actor=actor, now=now, reason=reason)
    return found


def _check(app_id: int, actor: Actor, reason: str, *, now: datetime) -> None:
    check_may(Right.HOLD, actor=actor, now=now, app_id=app_id)
    if not reason.strip():
        raise policies.UnableTo("Write the reason: it stands with the hold and in the audit log.", field="note")


def _record(action: AuditAction, hold: LegalHold, *, actor: Actor, now: datetime, reason: str) -> None:
    log.record(
        action,
        actor=actor,
        now=now,
        subjects=[log.subject(hold.stream_app_id, hold.user_id)],
        facts={"app": hold.stream_app_id, "hold": hold.pk},
        texts={"reason": reason.strip()},
    )
