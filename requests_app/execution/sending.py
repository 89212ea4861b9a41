"""Sending: look, write down the intent, call, write down the answer.

The intent is committed before the call and the answer after it, and no transaction is open in between. What is
compared again in the transaction of the intent: the ticket is still running under an approval of exactly this
plan, the plan names exactly this call, and the lease is still ours.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import F

from requests_app.audit import log
from requests_app.enums import SENDABLE_STATES, AuditAction, Outcome, StepState
from requests_app.execution import answers, budgets, claims, health, precheck
from requests_app.execution.batching import Parcel, parcels, send
from requests_app.execution.context import Context
from requests_app.execution.precheck import Look, Verdict
from requests_app.execution.timing import LEASE, backoff
from requests_app.models import Account, Attempt, Step, Ticket
from requests_app.stream.errors import ConfigurationError
from requests_app.workflow import plan as plans
from requests_app.workflow.aftercare import RESTORE_RANK

_ASK_A_PERSON = {
    Verdict.SOMEBODY_ELSE: (
        "Stream shows an account with this id that is newer than the one the approval was about. "
        "Nothing was deleted. Check who it belongs to."
    ),
    Verdict.NO_SUCH_OWNER: (
        "The new owner does not exist on Stream. Nothing was deleted. Create that user on Stream and retry, "
        "or give up and open a new ticket with another owner."
    ),
}


def send_due(context: Context) -> int:
    """Send every step that is due; returns how many were taken up."""
    steps = claims.claim_sendable(now=context.now(), closed_apps=health.closed_apps())
    context.touched.update(step.ticket_id for step in steps)
    ready = _without_unfit_apps(steps, context)
    budgets.learn({step.ticket.stream_app for step in ready}, context)
    looks = precheck.look(ready, context)
    willing = [step for step in ready if _heed(step, looks[step.pk], context)]
    intended = []
    for parcel in parcels(willing):
        wait_until = budgets.take(parcel.app, parcel.endpoint, now=context.now())
        if wait_until:
            for step in parcel.steps:
                claims.write(step, next_at=wait_until)
        elif kept := intend(parcel, context):
            intended.append(kept)
    replies = context.fetch([send(parcel, context) for parcel, _ in intended])
    for (parcel, attempt), reply in zip(intended, replies, strict=True):
        answers.write_down(parcel, attempt, reply, context)
    return len(steps)


def _without_unfit_apps(steps: Sequence[Step], context: Context) -> list[Step]:
    """Steps whose app can be called at all; the others wait, with the reason on the app."""
    fit = []
    for step in steps:
        try:
            context.client(step.ticket.stream_app)
        except ConfigurationError as error:
            health.note_failure(step.ticket.stream_app, error, now=context.now())
            _put_back(step, context)
        else:
            fit.append(step)
    return fit


def _put_back(step: Step, context: Context) -> None:
    claims.write(step, next_at=context.now() + backoff(step.setbacks), setbacks=F("setbacks") + 1)


def _heed(step: Step, seen: Look, context: Context) -> bool:
    """Act on the verdict of the look; True where the step is to be sent."""
    now = context.now()
    if seen.user and step.account and step.account.remote_created_at is None and seen.verdict is Verdict.SEND:
        Account.objects.filter(pk=step.account.pk).update(remote_created_at=seen.user.created_at)
    if seen.verdict is Verdict.SEND:
        return True
    if seen.verdict is Verdict.LATER:
        if seen.error:
            health.note_failure(step.ticket.stream_app, seen.error, now=now)
        _put_back(step, context)
    elif seen.verdict is Verdict.NOTHING_FOUND:
        _finish_without_call(step, StepState.DONE, Outcome.NOTHING_FOUND, "Stream shows nothing for this id.", context)
    else:
        _finish_without_call(step, StepState.FAILED, Outcome.FAILED, _ASK_A_PERSON[seen.verdict], context)
    return False


def _finish_without_call(step: Step, state: StepState, outcome: Outcome, detail: str, context: Context) -> None:
    now = context.now()
    with transaction.atomic():
        written = claims.write(
            step,
            state=state.value,
            outcome=outcome.value,
            detail=detail,
            finished_at=now,
            next_at=None,
            # Nothing was sent, so there is nothing to read back: the look itself is the evidence.
            read_back_at=now,
            evidence={"user": "absent" if outcome is Outcome.NOTHING_FOUND else "present"},
        )
        if written:
            log.record(
                AuditAction.READ_BACK,
                actor=context.actor,
                now=now,
                ticket=step.ticket,
                subjects=[log.subject(step.ticket.stream_app_id, user_id) for user_id in step.user_ids],
                facts={"step": step.pk, "operation": step.operation, "outcome": outcome.value, "sent": False},
            )


def intend(parcel: Parcel, context: Context) -> tuple[Parcel, Attempt] | None:
    """Commit the intent for those steps that may still be sent; None where none is left."""
    now = context.now()
    with transaction.atomic():
        tickets = {
            ticket.pk: ticket
            for ticket in Ticket.objects.select_for_update()
            .filter(pk__in=sorted({step.ticket_id for step in parcel.steps}))
            .order_by("pk")
        }
        kept = tuple(step for step in parcel.steps if _may_send(step, tickets[step.ticket_id]) and _mark(step, context))
        if not kept:
            return None
        parcel = Parcel(parcel.app, parcel.operation, kept)
        attempt = Attempt.objects.create(
            stream_app=parcel.app,
            operation=parcel.operation.value,
            body_digest=parcel.digest,
            account_count=len(parcel.user_ids),
            intended_at=now,
        )
        attempt.steps.set(kept)
        for step in kept:
            log.record(
                AuditAction.CALL_INTENDED,
                actor=context.actor,
                now=now,
                ticket=tickets[step.ticket_id],
                subjects=[log.subject(parcel.app.pk, user_id) for user_id in step.user_ids],
                facts={
                    "step": step.pk,
                    "attempt": attempt.pk,
                    "operation": parcel.operation.value,
                    "body_digest": parcel.digest,
                    "accounts_in_call": len(parcel.user_ids),
                },
            )
    return parcel, attempt


def _may_send(step: Step, ticket: Ticket) -> bool:
    """The ticket runs under an approval of exactly its plan, and the plan names exactly this call."""
    if ticket.state not in SENDABLE_STATES:
        return False
    if step.rank == RESTORE_RANK:
        return True
    plan = plans.from_json(ticket.plan)
    if plans.digest(plan) != ticket.approved_digest:
        return False
    return any(
        (call.operation.value, list(call.user_ids), dict(call.fields)) == (step.operation, step.user_ids, step.fields)
        for call in plans.calls(plan)
    )


def _mark(step: Step, context: Context) -> bool:
    """Planned becomes sending, under the lease that the step was claimed with."""
    marked = Step.objects.filter(pk=step.pk, lease_token=step.lease_token, state=StepState.PLANNED.value).update(
        state=StepState.SENDING.value,
        attempt_count=F("attempt_count") + 1,
        lease_until=context.now() + LEASE,
    )
    step.attempt_count += marked
    return marked == 1
