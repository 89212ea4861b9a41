"""What the engine reports about a ticket: begun, stopped, completed, and with which outcome.

With which outcome a ticket completes is earned from the table of what was reached (`results.py`, `reached.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from requests_app.audit.actor import Actor
from requests_app.enums import READ_BACK_OPERATIONS, STEP_IN_FLIGHT, Operation, State, StepState, Verb
from requests_app.models import Step, Ticket
from requests_app.workflow import recipients, results
from requests_app.workflow.transition import Move, move_all

# What stands before words of Stream in the detail of a step. They are Stream's own, and may name anybody.
CANNOT = "Stream could not carry this out: "
NOT_FOR_USER = "Stream finished, but not for this user: "


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


def settle_all(ticket_ids: Collection[int], *, actor: Actor, now: datetime) -> dict[int, State]:
    """Look at the steps of running tickets and move on those that they allow; returns the new states, by ticket.

    A ticket completes when each step is final and each delete was read back. It stops for a person when a
    step failed and nothing of it is in flight any more.
    """
    # Most are looked at in vain: they are told apart without a lock. Whoever ends the last step looks after that.
    may_move = list(_may_move(ticket_ids))
    if not may_move:
        return {}
    with transaction.atomic():
        tickets = list(
            Ticket.objects.select_for_update()
            .filter(pk__in=may_move, state=State.RUNNING.value)
            .order_by("pk")
            .prefetch_related("accounts", results.steps_to_conclude())
        )
        failed, closing = [], []
        for ticket in tickets:
            steps = list(ticket.steps.all())
            own = at_stake(steps)
            broken = [step for step in own if step.state == StepState.FAILED]
            if any(step.state in STEP_IN_FLIGHT for step in steps):
                continue
            if broken:
                failed.append(_stopped(ticket, broken[0].detail or "A step failed on Stream."))
            elif not any(step.state == StepState.PLANNED or _unread(step) for step in own):
                closing.append(ticket)
        concluded = results.conclude(closing, now=now)
        complete = [
            Move(ticket, changes={"outcome": concluded[ticket.pk].outcome.value}, facts=concluded[ticket.pk].facts)
            for ticket in closing
        ]
        recipients.lay_out([(ticket, concluded[ticket.pk].outcome) for ticket in closing])
        move_all(failed, Verb.STOP, actor=actor, now=now)
        move_all(complete, Verb.COMPLETE, actor=actor, now=now)
    moved = {one.ticket.pk: State.NEEDS_ATTENTION for one in failed}
    return moved | {one.ticket.pk: State.COMPLETED for one in complete}


def _may_move(ticket_ids: Collection[int]) -> QuerySet[Ticket, int]:
    """Those of the running tickets whose steps may allow a move: all that do, and few others."""
    its = Step.objects.filter(ticket=OuterRef("pk"))
    in_flight = its.filter(state__in=sorted(state.value for state in STEP_IN_FLIGHT))
    failed_or_restored = its.filter(Q(state=StepState.FAILED.value) | Q(operation=Operation.RESTORE_USERS.value))
    unread = Q(operation__in=sorted(READ_BACK_OPERATIONS), read_back_at__isnull=True)
    waiting = its.filter(Q(state=StepState.PLANNED.value) | unread)
    running = Ticket.objects.filter(pk__in=ticket_ids, state=State.RUNNING.value).filter(~Exists(in_flight))
    return running.filter(Exists(failed_or_restored) | ~Exists(waiting)).order_by("pk").values_list("pk", flat=True)


def at_stake(steps: Sequence[Step]) -> list[Step]:
    """Of a ticket's steps in their order, those that it runs for.

    Once users are being restored, what became of its deletes is past: none of them is tried again. Of several restores
    of an account the last one counts.
    """
    restores = {step.account_id: step for step in steps if step.operation == Operation.RESTORE_USERS}
    return list(restores.values()) or list(steps)


def _unread(step: Step) -> bool:
    return step.operation in READ_BACK_OPERATIONS and step.read_back_at is None
