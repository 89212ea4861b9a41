"""A refusal belongs to a call, not to everybody in it: an export that Stream refuses is parted, until the account that
spoils it stands alone. Deletes of users are parted by the greatest number that may travel together (`batch_cap`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from requests_app.enums import EXPORT_OPERATIONS
from requests_app.models import Step
from requests_app.steps import write
from requests_app.steps.lifecycle import StepEvent
from requests_app.steps.write import Change

# Steps of a plan stand at the places of its calls; parts stand behind them, at the place of their first account.
_BEHIND = 1000


def can_be_parted(step: Step) -> bool:
    """Whether the step's call names several accounts that could each be exported alone."""
    return step.operation in EXPORT_OPERATIONS and len(step.user_ids) > 1


def first_half(step: Step) -> Change:
    """The step keeps the first half of the accounts and is tried again."""
    return Change(step, StepEvent.REFUSED_AND_PARTED, {"user_ids": step.user_ids[: len(step.user_ids) // 2]})


def add_second_halves(steps: Iterable[Step], *, now: datetime) -> None:
    """A step of its own for the second half of each. In the transaction that writes the first halves."""
    made = []
    for step in steps:
        half = step.user_ids[len(step.user_ids) // 2 :]
        made.append(
            Step(
                ticket_id=step.ticket_id,
                rank=step.rank,
                position=_BEHIND + list(step.ticket.plan["user_ids"]).index(half[0]),
                operation=step.operation,
                user_ids=half,
                fields=step.fields,
                group_key=step.group_key,
                next_at=now,
            )
        )
    write.lay_out(made)
