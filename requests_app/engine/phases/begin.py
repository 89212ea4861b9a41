"""From approved plans to their steps."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial

from django.db import connection, transaction

from requests_app.audit.actor import Actor
from requests_app.engine import parking
from requests_app.models import Step, Ticket
from requests_app.steps import write
from requests_app.workflow import outcomes
from requests_app.workflow import plan as plans

BEGIN_AT_ONCE = 200


def begin_due(*, actor: Actor, now: datetime) -> list[int]:
    """The same, but where one of them cannot be taken up, that one alone goes to a person."""
    begun: list[int] = []

    def begin(ids: Sequence[int]) -> None:
        begun.extend(begin_approved(actor=actor, now=now, only=ids))

    waiting = Ticket.objects.to_begin(now).order_by("approved_at", "id")
    ids = list(waiting.values_list("pk", flat=True)[:BEGIN_AT_ONCE])
    parking.each(begin, ids, partial(parking.park_ticket, actor=actor, now=now))
    return begun


def begin_approved(*, actor: Actor, now: datetime, only: Collection[int] | None = None) -> list[int]:
    """Take up approved tickets, a few hundred at most: lay out their steps and set them running, in one transaction.

    Returns the ids of the tickets taken up, stopped ones included: one whose plan is not the approved one goes to a
    person. A ticket that another worker holds is left to it.
    """
    waiting = Ticket.objects.to_begin(now).order_by("approved_at", "id")
    if only is not None:
        waiting = waiting.filter(pk__in=only)
    with transaction.atomic():
        skip = connection.features.has_select_for_update_skip_locked
        taken = list(waiting.select_for_update(skip_locked=skip).prefetch_related("accounts")[:BEGIN_AT_ONCE])
        if not taken:
            return []
        fit: list[Ticket] = []
        steps: list[Step] = []
        for ticket in taken:
            calls = approved_calls(ticket)
            if calls is None:
                reason = "The plan is not the one that was approved. Reopen it as a draft: it is decided about anew."
                outcomes.stop(ticket, actor=actor, now=now, reason=reason)
                continue
            fit.append(ticket)
            steps += lay_out(ticket, calls, now=now)
        write.lay_out(steps)
        outcomes.begin_all(fit, actor=actor, now=now)
    return [ticket.pk for ticket in taken]


def approved_calls(ticket: Ticket) -> Sequence[plans.PlannedCall] | None:
    """The calls of the ticket's plan, where it can be read and is the one that was approved."""
    try:
        plan = plans.from_json(ticket.plan)
        return plans.calls(plan) if plans.digest(plan) == ticket.approved_digest else None
    except (KeyError, TypeError, ValueError):
        return None


def lay_out(ticket: Ticket, calls: Iterable[plans.PlannedCall], *, now: datetime) -> Iterator[Step]:
    """One step for each call of the plan. Deletes of users stay single here: batches form when they are sent."""
    accounts = {account.user_id: account for account in ticket.accounts.all()}
    for position, call in enumerate(calls):
        yield Step(
            ticket=ticket,
            account=accounts[call.user_ids[0]] if len(call.user_ids) == 1 else None,
            rank=call.rank,
            position=position,
            operation=call.operation.value,
            user_ids=list(call.user_ids),
            fields=dict(call.fields),
            group_key=plans.body_digest(call.operation, call.fields),
            next_at=now,
        )
