"""What the engine reports about a ticket: begun, stopped, completed, and with which outcome.

The words are careful on purpose: a plan that only soft-deletes never ends as "erased", an account that
Stream never showed never as "done" (design of the certificate; Art. 5(2) GDPR, accountability).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from requests_app.audit.actor import Actor
from requests_app.enums import (
    DELETE_OPERATIONS,
    EXPORT_OPERATIONS,
    Kind,
    Mode,
    Operation,
    Outcome,
    State,
    StepState,
    Verb,
)
from requests_app.models import Account, Step, Ticket
from requests_app.workflow import plan as plans
from requests_app.workflow.plan import Plan
from requests_app.workflow.transition import move

IN_FLIGHT = frozenset({StepState.SENDING, StepState.UNKNOWN, StepState.ON_STREAM})


def begin(ticket: Ticket, *, actor: Actor, now: datetime) -> Ticket:
    """The engine takes an approved ticket up. In the caller's transaction."""
    return move(ticket, Verb.BEGIN, actor=actor, now=now, changes={"begun_at": now})


def stop(ticket: Ticket, *, actor: Actor, now: datetime, reason: str) -> Ticket:
    """The engine cannot go on and asks for a person. In the caller's transaction."""
    return move(ticket, Verb.STOP, actor=actor, now=now, changes={"attention": reason[:500]}, texts={"reason": reason})


def settle(ticket_id: int, *, actor: Actor, now: datetime) -> State | None:
    """Look at the steps of a running ticket and move it on where they allow it; returns the new state, if any.

    A ticket completes when each step is final and each delete was read back. It stops for a person when a
    step failed and nothing of it is in flight any more.
    """
    with transaction.atomic():
        ticket = Ticket.objects.select_for_update().get(pk=ticket_id)
        if ticket.state != State.RUNNING:
            return None
        steps = list(ticket.steps.select_related("account").order_by("rank", "position"))
        if any(step.state in IN_FLIGHT for step in steps):
            return None
        failed = [step for step in steps if step.state == StepState.FAILED]
        if failed:
            stop(ticket, actor=actor, now=now, reason=failed[0].detail or "A step failed on Stream.")
            return State.NEEDS_ATTENTION
        if any(step.state == StepState.PLANNED or _unread(step) for step in steps):
            return None
        outcome = _conclude(ticket, steps)
        move(
            ticket,
            Verb.COMPLETE,
            actor=actor,
            now=now,
            changes={"outcome": outcome.value},
            facts={"outcome": outcome.value},
        )
        return State.COMPLETED


def _unread(step: Step) -> bool:
    return step.operation in DELETE_OPERATIONS and step.read_back_at is None


def erase_outcome(plan: Plan) -> Outcome:
    """What a fully carried out erase plan amounts to for an account that was there."""
    touched = {plan.feeds_data, plan.user, plan.messages, plan.conversations, plan.calls} - {Mode.KEEP}
    if touched <= {Mode.SOFT}:
        return Outcome.HIDDEN
    return Outcome.PARTIAL if Mode.SOFT in touched else Outcome.ERASED


def combine(outcomes: Iterable[Outcome]) -> Outcome:
    """One outcome for several accounts: what was found counts, what differs is partial."""
    seen = set(outcomes)
    found = seen - {Outcome.NOTHING_FOUND}
    if not found:
        return Outcome.NOTHING_FOUND
    return found.pop() if len(found) == 1 else Outcome.PARTIAL


def _conclude(ticket: Ticket, steps: list[Step]) -> Outcome:
    """Write each account's outcome and return the ticket's."""
    plan = plans.from_json(ticket.plan)
    accounts = list(ticket.accounts.all())
    outcomes = [_account_outcome(account, plan, steps) for account in accounts]
    for account, outcome in zip(accounts, outcomes, strict=True):
        account.outcome = outcome.value
    Account.objects.bulk_update(accounts, ["outcome"])
    return combine(outcomes)


def _account_outcome(account: Account, plan: Plan, steps: list[Step]) -> Outcome:
    own = [step for step in steps if step.account_id == account.pk or account.user_id in step.user_ids]
    restored = [step for step in own if step.operation == Operation.RESTORE_USERS]
    if restored:
        return Outcome.RESTORED
    wanted = EXPORT_OPERATIONS if plan.kind is Kind.EXPORT else DELETE_OPERATIONS
    reached = {step.outcome for step in own if step.operation in wanted}
    if reached <= {Outcome.NOTHING_FOUND}:
        return Outcome.NOTHING_FOUND
    return Outcome.EXPORTED if plan.kind is Kind.EXPORT else erase_outcome(plan)
