"""What Stream showed of a request's accounts and new owners, and which of it forbids to send the request.

The look itself is made outside (`engine/lookup.py`): here it is a value, without any name. Imports no Django.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType

from requests_app.workflow import plan as plans
from requests_app.workflow.deadlines import Clock, receipt_date, spoken
from requests_app.workflow.plan import Plan, Problem

_NOTHING: Mapping[str, datetime | None] = MappingProxyType({})


@dataclass(frozen=True)
class Sighting:
    """The user ids that Stream showed, with the time each was created where Stream told it.

    `asked` is false where Stream was not asked or did not answer: then nothing is known of anybody.
    """

    asked: bool = False
    created_at: Mapping[str, datetime | None] = field(default_factory=lambda: _NOTHING)

    def facts(self, plan: Plan) -> dict[str, object]:
        """For the audit log: whether Stream was asked, and how many of the accounts it showed."""
        if not self.asked:
            return {"looked_up": False}
        return {"looked_up": True, "accounts_shown": sum(user_id in self.created_at for user_id in plan.user_ids)}


NOT_ASKED = Sighting()


def is_somebody_else(created_at: datetime | None, received_on: date, clock: Clock) -> bool:
    """Whether the account was made after the day of receipt: whoever asked cannot have meant it."""
    return created_at is not None and receipt_date(created_at, clock) > received_on


def problems(plan: Plan, received_on: date, seen: Sighting, clock: Clock) -> Iterator[Problem]:
    """Why the request cannot be sent to the DPO as it stands. Nothing where Stream could not be asked.

    An account that is absent is no reason: it may have been soft-deleted before, and the DPO decides about that.
    """
    if not seen.asked:
        return
    for line, user_id in enumerate(plan.user_ids, start=1):
        created_at = seen.created_at.get(user_id)
        if created_at is not None and is_somebody_else(created_at, received_on, clock):
            yield Problem("user_ids", f"Line {line}: {somebody_else(created_at, received_on, clock)}")
    for name in plans.OWNERS:
        owner = getattr(plan, name)
        if owner and owner not in seen.created_at:
            yield Problem(name, f"Stream shows no user of this id, so it cannot be the {plans.LABELS[name]}.")


def somebody_else(created_at: datetime, received_on: date, clock: Clock) -> str:
    """The sentence about an account that is younger than the request."""
    return (
        f"This account was created on {spoken(receipt_date(created_at, clock))}, after the request was received "
        f"on {spoken(received_on)}: it belongs to somebody else. Check the user id."
    )
