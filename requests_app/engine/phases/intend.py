"""What is committed before a call: that it is about to be made, or why it is not.

In the transaction of the intent everything that the approval rests on is compared once more, with the tickets and
the steps locked: nobody can cancel, edit or take over in between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef

from requests_app.audit import log
from requests_app.audit_actions import AuditAction
from requests_app.engine.batching.parcels import Parcel
from requests_app.engine.context import Context
from requests_app.engine.phases import copies, hidden_before
from requests_app.engine.phases.check_before import Look, Verdict
from requests_app.engine.phases.objections import ANEW, Concern, Objections
from requests_app.engine.timing import LEASE
from requests_app.enums import SENDABLE_STATES, State
from requests_app.models import Account, Attempt, Pause, Step, Ticket
from requests_app.steps import write
from requests_app.steps.lifecycle import StepEvent
from requests_app.steps.write import Change
from requests_app.workflow import outcomes

_ASK_A_PERSON = {
    Verdict.SOMEBODY_ELSE: (
        "Stream shows an account with this id that is newer than the one the approval was about. "
        "This delete was not sent. Check who it belongs to."
    ),
    Verdict.APPEARED: (
        "Stream showed no account with this id when it was approved, and shows one now. This delete was not sent. "
        f"{ANEW}, so that somebody decides about what is there."
    ),
    Verdict.NO_SUCH_OWNER: (
        "The new owner does not exist on Stream, so this delete was not sent. Create that user on Stream and retry, "
        f"or name another one. {ANEW}."
    ),
}


def apply_verdicts(steps: Sequence[Step], looks: Mapping[int, Look], context: Context) -> list[Step]:
    """Act on the verdicts of a look; returns the steps that are to be sent."""
    willing = [step for step in steps if looks[step.pk].verdict is Verdict.SEND]
    others = [step for step in steps if looks[step.pk].verdict is not Verdict.SEND]
    _remember(willing, looks)
    if others:
        _finish_without_call(others, looks, context)
        context.touched.update(step.ticket_id for step in others)
    return willing


def _remember(steps: Sequence[Step], looks: Mapping[int, Look]) -> None:
    """Keep when Stream says the account was made, the first time it is seen."""
    seen = []
    for step in steps:
        user = looks[step.pk].user
        if user and step.account and step.account.remote_created_at is None:
            step.account.remote_created_at = user.created_at
            seen.append(step.account)
    if seen:
        Account.objects.bulk_update(seen, ["remote_created_at"])


def _finish_without_call(steps: Sequence[Step], looks: Mapping[int, Look], context: Context) -> None:
    now = context.now()
    absent = [step for step in steps if looks[step.pk].verdict is Verdict.NOTHING_FOUND]
    hidden = hidden_before.references(absent)
    changes = [_end(step, looks[step.pk].verdict, hidden.get(step.pk)) for step in steps]
    with transaction.atomic():
        written = write.write_held(changes, now=now)
        log.record_all(
            [_record_unsent(one, context, now=now) for one in changes if one.step.pk in written],
        )


def _end(step: Step, verdict: Verdict, hidden_by: str | None) -> Change:
    """What the look makes of a step that is not sent."""
    absent, present = {"user": "absent"}, {"user": "present"}
    if hidden_by:
        detail = hidden_before.SENTENCE.format(reference=hidden_by)
        return Change(step, StepEvent.HELD_BY_LOOK, {"detail": detail, "evidence": absent})
    if verdict is Verdict.ALREADY_THERE:
        detail = "Stream shows the user already, so nothing was sent."
        return Change(step, StepEvent.ALREADY_BACK, {"detail": detail, "evidence": present})
    if verdict is Verdict.NOTHING_FOUND:
        detail = "Stream shows no user by this id, so nothing was sent."
        return Change(step, StepEvent.NOTHING_SEEN, {"detail": detail, "evidence": absent})
    return Change(step, StepEvent.HELD_BY_LOOK, {"detail": _ASK_A_PERSON[verdict], "evidence": present})


def _record_unsent(change: Change, context: Context, *, now: datetime) -> log.Record:
    step = change.step
    return log.Record(
        action=AuditAction.READ_BACK,
        actor=context.actor,
        now=now,
        ticket_id=step.ticket_id,
        subjects=subjects(step),
        facts={
            "step": step.pk,
            "operation": step.operation,
            "outcome": change.columns(now=now)["outcome"],
            "sent": False,
        },
    )


def subjects(step: Step) -> list[log.Subject]:
    """How the log names the step's accounts."""
    return [log.subject(step.ticket.stream_app_id, user_id) for user_id in step.user_ids]


def intend(parcels: Sequence[Parcel], context: Context) -> list[tuple[Parcel, Attempt]]:
    """Commit what is about to be sent; returns what is left of the parcels, with their attempts.

    A step whose ticket, plan or lease is not what it was stays behind, and so does everything that was paused.
    """
    if not parcels:
        return []
    now = context.now()
    with transaction.atomic():
        wanted = [step for parcel in parcels for step in parcel.steps]
        allowed = _allowed(wanted, context, now=now)
        held = write.intend([step for step in wanted if step.pk in allowed], now=now, lease_until=now + LEASE)
        marked = {(step.pk, step.lease_token) for step in held}
        kept = []
        for parcel in parcels:
            steps = tuple(step for step in parcel.steps if (step.pk, step.lease_token) in marked)
            if steps:
                kept.append(Parcel(parcel.app, parcel.operation, steps))
        attempts = _attempts(kept, now=now)
        intended = list(zip(kept, attempts, strict=True))
        log.record_all(
            [_record(step, parcel, attempt, context, now=now) for parcel, attempt in intended for step in parcel.steps]
        )
    write.intended(held)
    return intended


def _allowed(steps: Sequence[Step], context: Context, *, now: datetime) -> set[int]:
    """The steps whose tickets run under an approval of exactly this call, to apps not paused. Locks the tickets.

    A ticket to one of whose steps there is an objection asks for a person.
    """
    tickets = {
        ticket.pk: ticket
        for ticket in Ticket.objects.select_for_update()
        .filter(pk__in={step.ticket_id for step in steps}, state__in=sorted(SENDABLE_STATES))
        .filter(~Exists(Pause.objects.of_app(OuterRef("stream_app"))))
        .order_by("pk")
    }
    objections = Objections.read(tickets.values(), steps)
    allowed = set()
    for step in steps:
        ticket = tickets.get(step.ticket_id)
        if ticket is None:
            continue
        objection = objections.against(step, ticket, now=now)
        if objection is None:
            allowed.add(step.pk)
            continue
        if objection.about is Concern.COPY:
            copies.fail(step, now=now)
        if ticket.state == State.RUNNING:
            outcomes.stop(ticket, actor=context.actor, now=now, reason=objection.reason)
    return allowed


def _attempts(parcels: Sequence[Parcel], *, now: datetime) -> list[Attempt]:
    attempts = Attempt.objects.bulk_create(
        Attempt(
            stream_app=parcel.app,
            operation=parcel.operation.value,
            body_digest=parcel.digest,
            account_count=len(parcel.user_ids),
            intended_at=now,
        )
        for parcel in parcels
    )
    link = Step.attempts.through
    link._default_manager.bulk_create(
        link(step_id=step.pk, attempt_id=attempt.pk)
        for parcel, attempt in zip(parcels, attempts, strict=True)
        for step in parcel.steps
    )
    return attempts


def _record(step: Step, parcel: Parcel, attempt: Attempt, context: Context, *, now: datetime) -> log.Record:
    return log.Record(
        action=AuditAction.CALL_INTENDED,
        actor=context.actor,
        now=now,
        ticket_id=step.ticket_id,
        subjects=subjects(step),
        facts={
            "step": step.pk,
            "attempt": attempt.pk,
            "operation": parcel.operation.value,
            "body_digest": parcel.digest,
            "accounts_in_call": len(parcel.user_ids),
        },
    )
