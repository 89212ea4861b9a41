"""Which steps of a ticket go first: those of a lower rank, all of them, and each to its end.

The rule for the database and the rule for rows at hand stand side by side, since they must say the same. A restore
comes after a ticket that ended, whatever became of its deletes.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Exists, OuterRef, Q

from requests_app.enums import Operation, StepState
from requests_app.models import Step


def in_turn() -> Q:
    """The steps before which nothing has to go any more."""
    before = Step.objects.filter(ticket=OuterRef("ticket"), rank__lt=OuterRef("rank"))
    return Q(~Exists(before.exclude(state=StepState.DONE.value))) | Q(operation=Operation.RESTORE_USERS.value)


def before(step: Step, steps: Iterable[Step]) -> list[Step]:
    """Those of its ticket's steps that have to go before it, in their order."""
    if step.operation == Operation.RESTORE_USERS:
        return []
    earlier = [one for one in steps if one.rank < step.rank and one.state != StepState.DONE]
    return sorted(earlier, key=lambda one: (one.rank, one.position))
