"""The person before the ticket: a decorator for verbs, and what the rules know of a ticket."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from django.db.models import Q

from requests_app.enums import Kind, Outcome, State, StepState, Verb
from requests_app.models import Ticket
from requests_app.workflow import access, permissions, policies
from requests_app.workflow import plan as plans

P = ParamSpec("P")
R = TypeVar("R")


def guarded(verb: Verb) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let the verb run only for roles that hold it; an attempt without the right leaves an audit entry.

    The same goes for an approver who worked on the ticket: that, too, is a matter of right.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            named: dict[str, Any] = dict(kwargs)
            ticket = args[0] if args and isinstance(args[0], Ticket) else None
            try:
                permissions.check_may(named["actor"], verb)
                return function(*args, **kwargs)
            except policies.FourEyes as reason:
                refusal = permissions.NotPermitted(str(reason))
            except permissions.NotPermitted as reason:
                refusal = reason
            access.record_refused(
                actor=named["actor"], now=named["now"], what=verb.value, reason=str(refusal), ticket=ticket
            )
            raise refusal

        return run

    return decorate


def standing(ticket: Ticket) -> policies.Standing:
    """What the rules need to know of a ticket, read now."""
    return policies.Standing(
        state=State(ticket.state),
        kind=Kind(ticket.kind),
        plan=plans.from_json(ticket.plan),
        contributors=frozenset(ticket.contributions.values_list("actor_id", flat=True)),
        anything_sent=ticket.steps.filter(~Q(state=StepState.PLANNED.value) | Q(attempt_count__gt=0)).exists(),
        outcome=Outcome(ticket.outcome) if ticket.outcome else None,
    )
