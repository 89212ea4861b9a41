"""What the portal's own tables say of a round, as the plain values that the checker reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from django_q.models import OrmQ

from requests_app.audit_actions import AuditAction
from requests_app.enums import Mode, Operation
from requests_app.models import Attempt as AttemptRow
from requests_app.models import AuditEntry
from requests_app.models import Step as StepRow
from requests_app.models import Ticket as TicketRow
from requests_app.queue import DOORBELL_JOB
from requests_app.workflow import plan as plans
from tests.faults.chaos.checker import OPERATIONS
from tests.faults.chaos.history import Approved, Attempt, Step, Ticket

NO_EFFECT = "no effect"


def attempts(after: int) -> list[Attempt]:
    """The attempts that were made since."""
    rows = AttemptRow.objects.filter(pk__gt=after)
    return [Attempt(row.body_digest, row.outcome, row.account_count) for row in rows]


def tickets(ids: Sequence[int]) -> list[Ticket]:
    """The tickets of the round with everything about them."""
    without_effect = _looks(ids)
    approvals = _entries(ids, AuditAction.TICKET_APPROVED)
    retries = _entries(ids, AuditAction.TICKET_RETRIED)
    given_up = _entries(ids, AuditAction.TICKET_GIVEN_UP)
    rung = doorbells()
    rows = TicketRow.objects.filter(pk__in=ids).prefetch_related("steps")
    return [
        replace(
            _ticket(row, without_effect),
            approvals=approvals[row.pk],
            doorbells=rung[row.pk],
            retried=retries[row.pk],
            given_up=bool(given_up[row.pk]),
        )
        for row in rows
    ]


def _entries(ids: Sequence[int], action: AuditAction) -> Counter[int]:
    """How many entries of this action each ticket has."""
    entries = AuditEntry.objects.filter(ticket_id__in=ids, action=action.value)
    return Counter(entries.values_list("ticket_id", flat=True))


def doorbells() -> Counter[int]:
    """How often it was rung for each ticket: nobody takes the jobs away in these rounds."""
    jobs = (job.task for job in OrmQ.objects.all())
    return Counter(job["args"][0] for job in jobs if job["func"] == DOORBELL_JOB)


def _looks(ids: Sequence[int]) -> Counter[int]:
    """How often each step was looked for on Stream and found without effect."""
    entries = AuditEntry.objects.filter(ticket_id__in=ids, action=AuditAction.CALL_RECONCILED.value)
    return Counter(entry.facts["step"] for entry in entries if entry.facts["seen"] == NO_EFFECT)


def _ticket(row: TicketRow, looks: Counter[int]) -> Ticket:
    plan = plans.from_json(row.plan)
    modes = {plan.feeds_data, plan.user, plan.messages, plan.conversations, plan.calls} - {Mode.KEEP}
    return Ticket(
        name=row.reference,
        kind=row.kind,
        state=row.state,
        outcome=row.outcome,
        calls=[
            Approved(call.operation.value, call.user_ids, plans.body_digest(call.operation, call.fields))
            for call in plans.calls(plan)
        ],
        steps=list(_steps(row.steps.all(), looks)),
        approvals=0,
        doorbells=0,
        is_approved=row.approved_at is not None,
        soft_only=modes == {Mode.SOFT},
    )


def _steps(rows: Iterable[StepRow], looks: Counter[int]) -> Iterable[Step]:
    for row in rows:
        yield Step(
            row.operation,
            tuple(row.user_ids),
            row.state,
            row.outcome,
            row.attempt_count,
            looks[row.pk],
            row.detail,
        )


def digest_of(operation: str, user_ids: Sequence[str], body: dict[str, object]) -> tuple[str, str]:
    """Of an accepted call: the digest of all of it, and the one of everything beside the ids."""
    fields = {name: value for name, value in body.items() if name != "user_ids"}
    named = Operation(OPERATIONS[operation])
    return plans.body_digest(named, {**fields, "user_ids": list(user_ids)}), plans.body_digest(named, fields)
