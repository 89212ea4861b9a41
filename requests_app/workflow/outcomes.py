"""What the engine reports about a ticket: begun, stopped, completed, and with which outcome.

The words are careful on purpose: a plan that only soft-deletes never ends as "erased", an account that
Stream never showed never as "done" (design of the certificate; Art. 5(2) GDPR, accountability).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Prefetch

from requests_app.audit.actor import Actor
from requests_app.enums import (
    DELETE_OPERATIONS,
    EXPORT_OPERATIONS,
    READ_BACK_OPERATIONS,
    Kind,
    Operation,
    Outcome,
    State,
    StepState,
    Verb,
)
from requests_app.models import Account, Step, Ticket
from requests_app.workflow import erased, recipients
from requests_app.workflow import plan as plans
from requests_app.workflow.plan import Plan
from requests_app.workflow.transition import Move, move_all

# What stands before words of Stream in the detail of a step. They are Stream's own, and may name anybody.
CANNOT = "Stream could not carry this out: "
NOT_FOR_USER = "Stream finished, but not for this user: "
IN_FLIGHT = frozenset({StepState.SENDING, StepState.UNKNOWN, StepState.ON_STREAM})


def begin(ticket: Ticket, *, actor: Actor, now: datetime) -> Ticket:
    """The engine takes an approved ticket up. In the caller's transaction."""
    begin_all([ticket], actor=actor, now=now)
    return ticket


def begin_all(tickets: Iterable[Ticket], *, actor: Actor, now: datetime) -> None:
    """The engine takes approved tickets up. In the caller's transaction."""
    moves = [Move(ticket, changes={"begun_at": now}) for ticket in tickets]
    move_all(moves, Verb.BEGIN, actor=actor, now=now)


def stop(ticket: Ticket, *, actor: Actor, now: datetime, reason: str) -> Ticket:
    """The engine cannot go on and asks for a person. In the caller's transaction."""
    move_all([_stopped(ticket, reason)], Verb.STOP, actor=actor, now=now)
    return ticket


def _stopped(ticket: Ticket, reason: str) -> Move:
    return Move(ticket, changes={"attention": reason[:500]}, texts={"reason": reason})


def settle(ticket_id: int, *, actor: Actor, now: datetime) -> State | None:
    """Settle one ticket; returns its new state, if it moved."""
    return settle_all([ticket_id], actor=actor, now=now).get(ticket_id)


def settle_all(ticket_ids: Collection[int], *, actor: Actor, now: datetime) -> dict[int, State]:
    """Look at the steps of running tickets and move on those that they allow; returns the new states, by ticket.

    A ticket completes when each step is final and each delete was read back. It stops for a person when a
    step failed and nothing of it is in flight any more.
    """
    with transaction.atomic():
        tickets = list(
            Ticket.objects.select_for_update()
            .filter(pk__in=ticket_ids, state=State.RUNNING.value)
            .order_by("pk")
            .prefetch_related("accounts", Prefetch("steps", Step.objects.order_by("rank", "position")))
        )
        failed, complete = [], []
        for ticket in tickets:
            steps = list(ticket.steps.all())
            at_stake = _at_stake(steps)
            broken = [step for step in at_stake if step.state == StepState.FAILED]
            if any(step.state in IN_FLIGHT for step in steps):
                continue
            if broken:
                failed.append(_stopped(ticket, broken[0].detail or "A step failed on Stream."))
            elif not any(step.state == StepState.PLANNED or _unread(step) for step in at_stake):
                outcome = _conclude(ticket, steps).value
                complete.append(Move(ticket, changes={"outcome": outcome}, facts={"outcome": outcome}))
        _keep_outcomes(account for one in complete for account in one.ticket.accounts.all())
        recipients.lay_out([(one.ticket, Outcome(one.changes["outcome"])) for one in complete])
        move_all(failed, Verb.STOP, actor=actor, now=now)
        move_all(complete, Verb.COMPLETE, actor=actor, now=now)
    moved = {one.ticket.pk: State.NEEDS_ATTENTION for one in failed}
    return moved | {one.ticket.pk: State.COMPLETED for one in complete}


def _at_stake(steps: list[Step]) -> list[Step]:
    """The steps that the ticket runs for: once users are being restored, what became of its deletes is past."""
    restores = [step for step in steps if step.operation == Operation.RESTORE_USERS]
    return restores or steps


def _unread(step: Step) -> bool:
    return step.operation in READ_BACK_OPERATIONS and step.read_back_at is None


def combine(outcomes: Iterable[Outcome]) -> Outcome:
    """One outcome for several accounts: theirs where they agree. Who was not found was not erased either."""
    seen = set(outcomes)
    return seen.pop() if len(seen) == 1 else Outcome.PARTIAL


def _conclude(ticket: Ticket, steps: list[Step]) -> Outcome:
    """Note each account's outcome, still unsaved, and return the ticket's."""
    plan = plans.from_json(ticket.plan)
    outcomes = []
    for account in ticket.accounts.all():
        outcomes.append(_account_outcome(account, plan, steps))
        account.outcome = outcomes[-1].value
    return combine(outcomes)


def _keep_outcomes(accounts: Iterable[Account]) -> None:
    """Save the outcomes, those that are alike in one go."""
    alike: dict[str, list[int]] = defaultdict(list)
    for account in accounts:
        alike[account.outcome].append(account.pk)
    for outcome, ids in alike.items():
        Account.objects.filter(pk__in=ids).update(outcome=outcome)


# Of a ticket that was given up, before somebody restored a user of it.
_NOT_REACHED = frozenset({"", Outcome.FAILED.value, Outcome.REFUSED_BY_STREAM.value})


def _account_outcome(account: Account, plan: Plan, steps: list[Step]) -> Outcome:
    own = [step for step in steps if step.account_id == account.pk or account.user_id in step.user_ids]
    restored = [step for step in own if step.operation == Operation.RESTORE_USERS]
    if restored:
        return Outcome.RESTORED
    wanted = EXPORT_OPERATIONS if plan.kind is Kind.EXPORT else DELETE_OPERATIONS
    carried_out = [step for step in own if step.operation in wanted]
    if {step.outcome for step in carried_out} <= {Outcome.NOTHING_FOUND}:
        return Outcome.NOTHING_FOUND
    if plan.kind is Kind.EXPORT:
        return Outcome.EXPORTED
    not_reached = [step.outcome in _NOT_REACHED for step in carried_out]
    if any(not_reached):
        return Outcome.FAILED if all(not_reached) else Outcome.PARTIAL
    # A kind that Stream does not list was not seen gone either.
    if any(step.evidence.get("unreadable") or step.evidence.get("not_counted") for step in carried_out):
        return Outcome.NOT_VERIFIED
    return erased.of_account(plan)
