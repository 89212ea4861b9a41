"""The only writer of steps: each change is an event of `lifecycle.py`, written where the step is still as it was read.

A worker that claimed a step names the lease token it claimed it with, and whoever lost the lease writes nothing
(fencing, `engine/claims.py`). The state is compared as well: what a person changed meanwhile stands. Always in the
transaction of the caller, who adds the audit entry of what happened.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.expressions import CombinedExpression

from requests_app.enums import StepState
from requests_app.models import Step
from requests_app.steps import lifecycle
from requests_app.steps.lifecycle import By, StepEvent
from requests_app.steps.rows import Columns, update_alike


@dataclass(frozen=True)
class Change:
    """What happened to one step, with the columns that the event leaves to the caller."""

    step: Step
    event: StepEvent
    given: Columns = field(default_factory=dict)

    @property
    def origin(self) -> StepState:
        """The state that the step was read in."""
        return StepState(self.step.state)

    @property
    def following(self) -> StepState:
        """The state that the step comes into."""
        return lifecycle.target(self.origin, self.event)

    def columns(self, *, now: datetime) -> dict[str, Any]:
        """What is written; raises `NoSuchTransition` or `WrongColumns` where the lifecycle has no such change."""
        return _written(self.origin, self.event, self.given, now=now)


def lay_out(steps: Iterable[Step]) -> list[Step]:
    """Keep new steps. Raises `WrongColumns` where a step is laid out with something that only happens to it later."""
    made = list(steps)
    for step in made:
        _check_new(step)
    return Step.objects.bulk_create(made)


def forget(steps: QuerySet[Step]) -> int:
    """Take away steps of which nothing was sent, since their plan is to be decided anew; returns how many there were.

    What was looked at for them stands in the audit log. The caller holds the lock of their ticket.
    """
    number, _ = steps.delete()
    return number


def write_held(changes: Sequence[Change], *, now: datetime) -> set[int]:
    """Write what happened to claimed steps; returns the ids of those that were still held and in their state.

    Locks the rows, which on PostgreSQL nobody can come between then.
    """
    return {one.step.pk for one in _write_held(changes, now=now)}


def write_held_now(changes: Sequence[Change], *, now: datetime) -> set[int]:
    """The same in a transaction of its own; none where there is nothing to write."""
    if not changes:
        return set()
    with transaction.atomic():
        return write_held(changes, now=now)


def intend(steps: Sequence[Step], *, now: datetime, lease_until: datetime) -> list[Step]:
    """Planned steps become those that are being sent, under the leases they were claimed with, which begin anew.

    Returns those that were still held. A worker that was held up may hold a step twice: only its newer claim counts.
    """
    given = {"lease_until": lease_until}
    return [one.step for one in _write_held([Change(step, StepEvent.INTENDED, given) for step in steps], now=now)]


def intended(steps: Iterable[Step]) -> None:
    """Let the steps in memory know what `intend` wrote. After its transaction: what was rolled back did not happen."""
    for step in steps:
        step.state = lifecycle.target(StepState(step.state), StepEvent.INTENDED).value
        step.attempt_count += 1


def write_unleased(changes: Sequence[Change], *, now: datetime) -> int:
    """Write what happened to steps that no lease of their own leads; returns how many were still in their state."""
    by_state: dict[StepState, list[tuple[int, Columns]]] = {}
    for one in changes:
        by_state.setdefault(one.origin, []).append((one.step.pk, one.columns(now=now)))
    return sum(update_alike(Step.objects.filter(state=state.value), rows) for state, rows in by_state.items())


def write_each(steps: QuerySet[Step], event: StepEvent, *, now: datetime, **given: object) -> int:
    """Let the event happen to each of the steps in whose state it can; returns how many there were."""
    origins: dict[StepState, list[StepState]] = {}
    for state in sorted(lifecycle.origins(event)):
        origins.setdefault(lifecycle.target(state, event), []).append(state)
    return sum(
        steps.filter(state__in=[state.value for state in states]).update(**_written(states[0], event, given, now=now))
        for states in origins.values()
    )


def _write_held(changes: Sequence[Change], *, now: datetime) -> list[Change]:
    new = [one.columns(now=now) for one in changes]
    if not changes:
        return []
    if len(changes) == 1:
        return list(changes) if _write_if_held(changes[0].step, new[0]) else []
    held = _held({one.step.pk for one in changes})
    # A worker that was held up may have claimed a step a second time: only its newer claim counts.
    written = [
        (one, columns)
        for one, columns in zip(changes, new, strict=True)
        if held.get(one.step.pk) == (one.step.lease_token, one.origin)
    ]
    update_alike(Step.objects.all(), [(one.step.pk, columns) for one, columns in written])
    return [one for one, _ in written]


def _write_if_held(step: Step, columns: Columns) -> bool:
    """Lock, compare and write in one query, as can be done for a single step."""
    own = Step.objects.filter(pk=step.pk, lease_token=step.lease_token, state=step.state)
    return bool(own.update(**columns))


def _held(ids: Collection[int]) -> dict[int, tuple[int, str]]:
    """The token and the state of each step, locked."""
    rows = Step.objects.filter(pk__in=ids).select_for_update().order_by("pk")
    return {pk: (token, state) for pk, token, state in rows.values_list("pk", "lease_token", "state")}


def _written(state: StepState, event: StepEvent, given: Columns, *, now: datetime) -> dict[str, Any]:
    columns = lifecycle.columns(state, event, given, now=now)
    return {name: _counted(name, new.number) if isinstance(new, By) else new for name, new in columns.items()}


@cache
def _counted(column: str, number: int) -> CombinedExpression:
    return F(column) + number


def _check_new(step: Step) -> None:
    given = {"user_ids": step.user_ids, "next_at": step.next_at}
    # The moment is of no account: a new step has none but the one it is given.
    expected = lifecycle.columns(None, StepEvent.LAID_OUT, given, now=step.next_at or datetime.min)
    for column, value in expected.items():
        if step.serializable_value(column) != value:
            raise lifecycle.WrongColumns(f"A step cannot be laid out with {column}.")
