"""Why a planned step may not be sent, by what its approval rests on: asked before each call, and by whoever explains.

The plan and the exact calls that were approved, the right of whoever approved them, the age of the approval, legal
holds, and copies that were promised first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from django.conf import settings

from requests_app.engine.phases import copies
from requests_app.engine.phases.begin import approved_calls
from requests_app.enums import DELETE_OPERATIONS, EXPORT_OPERATIONS, Operation
from requests_app.models import LegalHold, Step, Ticket
from requests_app.workflow import policies, staff

# How a stopped ticket is decided about once more.
ANEW = "Reopen it as a draft, or give up and open a new request where a part of it was sent already"
# A call as it is compared: its operation, its user ids and its fields.
Shape = tuple[str, tuple[str, ...], tuple[tuple[str, object], ...]]


class Concern(Enum):
    """What an objection is about. The value names it where it is explained."""

    APPROVAL = "approval"
    HOLD = "hold"
    COPY = "copy"


class Objection(NamedTuple):
    """Why a step may not be sent, with the sentence for people."""

    about: Concern
    reason: str


@dataclass(frozen=True)
class Objections:
    """What is to be said against the steps of some tickets, as it stands when it is read."""

    approved: Mapping[int, Collection[Shape]]
    deciders: staff.Deciders
    held: Collection[tuple[int, str]]
    not_copied: copies.NotCopied

    @classmethod
    def read(cls, tickets: Iterable[Ticket], steps: Sequence[Step]) -> Objections:
        """Of the planned steps of these tickets. A few queries; whoever sends has locked the tickets before."""
        tickets = list(tickets)
        return cls(
            approved={ticket.pk: _approved_shapes(ticket) for ticket in tickets},
            deciders=staff.still_approve({one for ticket in tickets for one in _approvers(ticket)}),
            held=_held(steps),
            not_copied=copies.missing(tickets),
        )

    def against(self, step: Step, ticket: Ticket, *, now: datetime) -> Objection | None:
        """The first objection to sending the step now, or None. A restore rests on no approval: it deletes nothing."""
        if step.operation != Operation.RESTORE_USERS:
            reason = self._lack_of_approval(step, ticket, now=now)
            if reason:
                return Objection(Concern.APPROVAL, reason)
        if any((step.ticket.stream_app_id, one) in self.held for one in _deleted_by(step)):
            return Objection(Concern.HOLD, policies.ON_HOLD)
        if copies.is_promised(step, self.not_copied):
            return Objection(Concern.COPY, copies.NOT_MADE)
        return None

    def _lack_of_approval(self, step: Step, ticket: Ticket, *, now: datetime) -> str:
        """Why the approval does not cover the step, or an empty text."""
        if not _is_covered(step, self.approved[ticket.pk]):
            return "The plan or its steps are not what was approved, so nothing was sent."
        if not _approvers(ticket) <= staff.approve_in(ticket.stream_app_id, self.deciders):
            return (
                "Whoever approved this is no data protection officer of this app any more, so nothing more was sent. "
                f"{ANEW}, so that another officer decides."
            )
        if ticket.approved_at is not None and now - ticket.approved_at > timedelta(days=settings.DSR_APPROVAL_DAYS):
            return (
                f"The approval is older than {settings.DSR_APPROVAL_DAYS} days, so nothing more was sent. {ANEW}, so "
                "that an officer decides on what there is now."
            )
        return ""


def _approvers(ticket: Ticket) -> set[int]:
    """Whose word the approval rests on: one person's, or two people's."""
    return {one for one in (ticket.first_approved_by_id, ticket.approved_by_id) if one is not None}


def _deleted_by(step: Step) -> Sequence[str]:
    """The accounts that the step deletes something of."""
    return step.user_ids if step.operation in DELETE_OPERATIONS else ()


def _held(steps: Sequence[Step]) -> Collection[tuple[int, str]]:
    """The accounts that the steps would delete and that are on legal hold now, with their apps."""
    ids = {user_id for step in steps for user_id in _deleted_by(step)}
    return LegalHold.objects.held({step.ticket.stream_app_id for step in steps}, ids) if ids else ()


def _approved_shapes(ticket: Ticket) -> set[Shape]:
    """The exact calls that the ticket's approval covers."""
    return {_shape(call.operation.value, call.user_ids, call.fields) for call in approved_calls(ticket) or ()}


def _is_covered(step: Step, approved: Collection[Shape]) -> bool:
    """Whether the call is one of those approved, or an export of some of the accounts of one that was."""
    if _shape(step.operation, step.user_ids, step.fields) in approved:
        return True
    # Of those approved, and not of the plan as it stands now: that may have been changed since.
    groups = [user_ids for operation, user_ids, _ in approved if operation == step.operation]
    return step.operation in EXPORT_OPERATIONS and any(set(step.user_ids) <= set(group) for group in groups)


def _shape(operation: str, user_ids: Sequence[str], fields: Mapping[str, object]) -> Shape:
    return operation, tuple(user_ids), tuple(sorted(fields.items()))
