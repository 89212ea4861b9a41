"""From an approved plan to its steps."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from requests_app.audit.actor import Actor
from requests_app.enums import State
from requests_app.models import Step, Ticket
from requests_app.workflow import outcomes
from requests_app.workflow import plan as plans

BEGIN_AT_ONCE = 100


def begin_approved(*, actor: Actor, now: datetime) -> list[int]:
    """Take up approved tickets: lay out their steps and set them running, one transaction each.

    Returns the ids of the tickets begun. A ticket that another worker holds is left to it.
    """
    waiting = Ticket.objects.filter(state=State.APPROVED.value).order_by("approved_at", "id")
    begun = []
    for ticket_id in waiting.values_list("pk", flat=True)[:BEGIN_AT_ONCE]:
        with transaction.atomic():
            skip = connection.features.has_select_for_update_skip_locked
            ticket = (
                Ticket.objects.select_for_update(skip_locked=skip)
                .filter(pk=ticket_id, state=State.APPROVED.value)
                .first()
            )
            if ticket is None:
                continue
            plan = plans.from_json(ticket.plan)
            if plans.digest(plan) != ticket.approved_digest:
                outcomes.stop(
                    ticket, actor=actor, now=now, reason="The plan is not the one that was approved. Approve it again."
                )
                continue
            lay_out(ticket, plan, now=now)
            outcomes.begin(ticket, actor=actor, now=now)
            begun.append(ticket.pk)
    return begun


def lay_out(ticket: Ticket, plan: plans.Plan, *, now: datetime) -> None:
    """Write one step for each call of the plan. Deletes of users stay single here: batches form when they are sent."""
    accounts = {account.user_id: account for account in ticket.accounts.all()}
    Step.objects.bulk_create(
        Step(
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
        for position, call in enumerate(plans.calls(plan))
    )
