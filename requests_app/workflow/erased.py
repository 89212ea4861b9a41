"""The word for one delete that Stream finished, before anybody looked at what it still shows. Imports no Django."""

from __future__ import annotations

from requests_app.enums import Operation, Outcome
from requests_app.workflow import reached
from requests_app.workflow.plan import Plan


def of_step(plan: Plan, operation: Operation) -> Outcome:
    """The word for one call: what the plan keeps was no part of it."""
    return reached.word(reached.of_operation(reached.as_planned(plan), operation))
