"""The switch: stop sending to one Stream app or to all, and let it go on, each with a reason.

A pause holds back every call that changes something. Reading goes on: tasks are asked about, unanswered calls are
looked into, deletes are read back.
"""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from requests_app import queue
from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.models import Pause, StreamApp
from requests_app.workflow import policies
from requests_app.workflow.access import check_may
from requests_app.workflow.rights import Right

# The doorbell's number where no ticket rings it.
NO_TICKET = 0


def pause(app: StreamApp | None, *, actor: Actor, now: datetime, reason: str) -> Pause:
    """Stop sending to the app, or to all where there is none. Raises `UnableTo` where it is paused already."""
    _check(app, actor, reason, now=now)
    try:
        with transaction.atomic():
            return _pause(app, actor=actor, now=now, reason=reason)
    except IntegrityError:
        raise policies.UnableTo(f"Sending is paused already for {_scope(app)}.") from None


def ensure_paused(*, actor: Actor, now: datetime, reason: str) -> bool:
    """Stop sending to all apps unless it is stopped already; returns whether it was stopped now.

    For the portal's own worker, which no person may have to ask. In the caller's transaction.
    """
    if Pause.objects.open().of(None).exists():
        return False
    _pause(None, actor=actor, now=now, reason=reason)
    return True


def lift(app: StreamApp | None, *, actor: Actor, now: datetime, reason: str) -> Pause:
    """Let sending go on. Raises `UnableTo` where it is not paused."""
    _check(app, actor, reason, now=now)
    with transaction.atomic():
        found = Pause.objects.select_for_update(of=("self",)).open().of(app).first()
        if found is None:
            raise policies.UnableTo(f"Sending is not paused for {_scope(app)}.")
        found.lifted_by_id, found.lifted_at, found.lift_reason = actor.person_id, now, reason.strip()
        found.save(update_fields=["lifted_by", "lifted_at", "lift_reason"])
        _record(AuditAction.SENDING_LIFTED, found, actor=actor, now=now, reason=reason)
        queue.ring(NO_TICKET)
    return found


def _check(app: StreamApp | None, actor: Actor, reason: str, *, now: datetime) -> None:
    if app is None:
        check_may(Right.PAUSE_ALL, actor=actor, now=now)
    else:
        check_may(Right.PAUSE, actor=actor, now=now, app_id=app.pk)
    if not reason.strip():
        raise policies.UnableTo("Write the reason: everybody sees it, and it goes to the audit log.", field="note")


def _pause(app: StreamApp | None, *, actor: Actor, now: datetime, reason: str) -> Pause:
    made = Pause.objects.create(stream_app=app, reason=reason.strip(), paused_by_id=actor.id, paused_at=now)
    _record(AuditAction.SENDING_PAUSED, made, actor=actor, now=now, reason=reason)
    return made


def _record(action: AuditAction, one: Pause, *, actor: Actor, now: datetime, reason: str) -> None:
    facts = {"app": one.stream_app_id, "pause": one.pk}
    log.record(action, actor=actor, now=now, facts=facts, texts={"reason": reason.strip()})


def _scope(app: StreamApp | None) -> str:
    return app.name if app else "all Stream apps"
