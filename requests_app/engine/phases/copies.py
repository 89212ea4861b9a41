"""What was promised as a copy before anything is deleted, and not made, is not deleted."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from requests_app.enums import DELETE_OPERATIONS, EXPORT_OPERATIONS, Outcome
from requests_app.models import Step, Ticket
from requests_app.steps import lifecycle, write
from requests_app.steps.lifecycle import StepEvent
from requests_app.steps.write import Change

NOT_MADE = (
    "A copy was to be made before anything is deleted, and Stream did not make all of it for this account, so its "
    "delete was not sent. Retry, or give up and open a request without a copy, so that a data protection officer "
    "decides with this in front."
)
NotCopied = Collection[tuple[int, str]]


def missing(tickets: Iterable[Ticket]) -> NotCopied:
    """The accounts whose promised copy has ended without a file, as ids of tickets and users."""
    promised = [ticket.pk for ticket in tickets if ticket.plan.get("copy_first")]
    if not promised:
        return set()
    exports = Step.objects.filter(ticket__in=promised, operation__in=[one.value for one in EXPORT_OPERATIONS])
    without = exports.exclude(outcome=Outcome.EXPORTED.value)
    return {(ticket, user_id) for ticket, ids in without.values_list("ticket_id", "user_ids") for user_id in ids}


def is_promised(step: Step, not_copied: NotCopied) -> bool:
    """Whether the step would delete somebody whose copy is missing."""
    return step.operation in DELETE_OPERATIONS and any((step.ticket_id, one) in not_copied for one in step.user_ids)


def fail(step: Step, *, now: datetime) -> None:
    """The copies of the step's accounts that ended count as failed, so that a retry asks for them again."""
    ended = [state.value for state in lifecycle.origins(StepEvent.COPY_MISSING)]
    exports = Step.objects.filter(ticket=step.ticket_id, operation__in=[one.value for one in EXPORT_OPERATIONS])
    without = exports.filter(state__in=ended).exclude(outcome=Outcome.EXPORTED.value)
    given = {"detail": "Stream made no copy of this account."}
    own = [export for export in without if set(export.user_ids) & set(step.user_ids)]
    write.write_unleased([Change(export, StepEvent.COPY_MISSING, given) for export in own], now=now)
