"""What a plan of erasure amounts to once all of it is carried out: what is removed, and what stays by the plan itself.

No word here says more than the modes do (Stream API, section 6): soft hides and keeps, pruning empties and leaves a
shell, keep is not sent at all. Imports no Django.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from requests_app.enums import Mode, Operation, Outcome
from requests_app.workflow.plan import LABELS, MODES, Plan

FEEDS = ("feeds_data",)
OF_THE_USER = tuple(name for name in MODES if name not in FEEDS)


@dataclass(frozen=True)
class Extent:
    """The kinds of data of a plan by what becomes of them, in the words of the form."""

    removed: tuple[str, ...]
    emptied: tuple[str, ...]
    hidden: tuple[str, ...]
    kept: tuple[str, ...]

    def __str__(self) -> str:
        said = (
            ("Removed", self.removed),
            ("Emptied, shells stay", self.emptied),
            ("Hidden, kept by Stream", self.hidden),
            ("Left out of the plan", self.kept),
        )
        return " ".join(f"{what}: {', '.join(kinds)}." for what, kinds in said if kinds)


def extent(plan: Plan) -> Extent:
    """Every kind of data that the plan could have named, the files included."""
    return Extent(
        removed=(*_with(plan, Mode.HARD), *((LABELS["files"],) if plan.files else ())),
        emptied=_with(plan, Mode.PRUNING),
        hidden=_with(plan, Mode.SOFT),
        kept=(*_with(plan, Mode.KEEP), *(() if plan.files else (LABELS["files"],))),
    )


def of_account(plan: Plan) -> Outcome:
    """The word for an account that was there: erased only where nothing of any kind stays."""
    found = extent(plan)
    if found.hidden and not found.removed and not found.emptied:
        return Outcome.HIDDEN
    if found.hidden or found.kept:
        return Outcome.ERASED_IN_PART
    return Outcome.EMPTIED if found.emptied else Outcome.ERASED


def of_step(plan: Plan, operation: Operation) -> Outcome:
    """The word for one call: what the plan keeps was no part of it."""
    names = FEEDS if operation is Operation.DELETE_FEEDS_DATA else OF_THE_USER
    modes = {getattr(plan, name) for name in names} - {Mode.KEEP}
    removes_files = plan.files and operation is Operation.DELETE_USERS
    if Mode.SOFT in modes:
        return Outcome.HIDDEN if modes == {Mode.SOFT} and not removes_files else Outcome.ERASED_IN_PART
    return Outcome.EMPTIED if Mode.PRUNING in modes else Outcome.ERASED


def _with(plan: Plan, mode: Mode) -> tuple[str, ...]:
    return tuple(LABELS[name] for name in _in_order() if getattr(plan, name) is mode)


def _in_order() -> Sequence[str]:
    """The user first, then what hangs on the user."""
    return (*OF_THE_USER, *FEEDS)
