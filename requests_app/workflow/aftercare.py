"""What people do once the engine was at work: retry, reopen, restore, and notes at any time."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q

from requests_app import queue
from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.enums import AttemptOutcome, Operation, Outcome, StepState, Verb
from requests_app.models import Note, Step, Ticket
from requests_app.steps import write
from requests_app.steps.lifecycle import StepEvent
from requests_app.workflow import notes, outcomes, policies, verbs
from requests_app.workflow import plan as plans
from requests_app.workflow.access import check_may, locked_for
from requests_app.workflow.approval import NOT_APPROVED
from requests_app.workflow.guard import guarded, standing
from requests_app.workflow.rights import Right
from requests_app.workflow.transition import holding, move

# A restore stands after every rank that a plan can have.
RESTORE_RANK = 9


@guarded(Verb.RETRY)
def retry(ticket: Ticket, *, actor: Actor, now: datetime, note: str) -> Ticket:
    """Let the engine try the failed steps again that the ticket runs for, under the same approval. Takes a reason."""
    verbs.check(standing(ticket), Verb.RETRY, actor_id=actor.id)
    policies.check_reason(note)
    with transaction.atomic():
        move(ticket, Verb.RETRY, actor=actor, now=now, changes={"attention": ""}, texts={"note": note.strip()})
        own = outcomes.at_stake(list(ticket.steps.order_by("rank", "position")))
        write.write_each(ticket.steps.filter(pk__in=[step.pk for step in own]), StepEvent.RETRIED, now=now)
        queue.ring(ticket.pk)
    return ticket


@guarded(Verb.REOPEN)
def reopen(ticket: Ticket, *, actor: Actor, now: datetime) -> Ticket:
    """Make a draft again of a stopped or cancelled ticket of which nothing was sent: it is decided about anew.

    Raises `UnableTo` where another ticket was opened meanwhile for an account of a cancelled one.
    """
    verbs.check(standing(ticket), Verb.REOPEN, actor_id=actor.id)
    try:
        with holding(ticket):
            # Again under the lock of the ticket, which whoever sends a step of it takes first.
            verbs.check(standing(ticket), Verb.REOPEN, actor_id=actor.id)
            write.forget(ticket.steps.all())
            # Whether Stream shows the accounts is for the next approval to say.
            ticket.accounts.update(absent_when_approved=False)
            changes = {**NOT_APPROVED, "begun_at": None, "attention": ""}
            return move(ticket, Verb.REOPEN, actor=actor, now=now, changes=changes)
    except IntegrityError:
        raise policies.UnableTo(
            "Another ticket is open for the same user id and the same right. Go on there, or close it first."
        ) from None


@guarded(Verb.RESTORE)
def restore(ticket: Ticket, *, actor: Actor, now: datetime, note: str) -> Ticket:
    """Ask Stream to bring back soft-deleted users; only their own record returns (Stream API, RestoreUsers)."""
    verbs.check(standing(ticket), Verb.RESTORE, actor_id=actor.id)
    policies.check_reason(note)
    try:
        with transaction.atomic():
            move(
                ticket,
                Verb.RESTORE,
                actor=actor,
                now=now,
                changes={"outcome": ""},
                texts={"note": note.strip()},
            )
            # A second look at the delete would find the restored user and call it left over.
            deletes = ticket.steps.filter(operation=Operation.DELETE_USERS.value)
            write.write_each(deletes, StepEvent.LOOK_CALLED_OFF, now=now)
            if not _plan_restore(ticket, now=now):
                raise policies.UnableTo("No user of this ticket was hidden by it, so there is nobody to restore.")
            queue.ring(ticket.pk)
    except IntegrityError:
        raise policies.UnableTo(
            "Another ticket is open to erase the same user id. Close that one before you restore."
        ) from None
    return ticket


def _plan_restore(ticket: Ticket, *, now: datetime) -> int:
    """A step for each user whom this ticket hid, or may have, whatever became of the rest; returns how many."""
    # Stream hides a user with a call that it takes, whatever becomes of its task.
    taken = Q(attempts__outcome__in=[AttemptOutcome.ACCEPTED.value, AttemptOutcome.UNKNOWN.value])
    # A restored database may lack attempts.
    seen = Q(state=StepState.DONE.value) & ~Q(outcome=Outcome.NOTHING_FOUND.value)
    hidden = ticket.steps.filter(taken | seen, operation=Operation.DELETE_USERS.value).values("account")
    done_before = ticket.steps.filter(rank=RESTORE_RANK).count()
    steps = write.lay_out(
        Step(
            ticket=ticket,
            account=account,
            rank=RESTORE_RANK,
            position=done_before + place,
            operation=Operation.RESTORE_USERS.value,
            user_ids=[account.user_id],
            group_key=plans.body_digest(Operation.RESTORE_USERS, {}),
            next_at=now,
        )
        for place, account in enumerate(ticket.accounts.filter(pk__in=hidden))
    )
    return len(steps)


def add_note(ticket: Ticket, *, actor: Actor, now: datetime, text: str) -> Note | None:
    """Write something on the ticket. Whoever works on tickets may, in any state."""
    check_may(Right.WRITE_NOTES, actor=actor, now=now, ticket=ticket)
    if not text.strip():
        raise policies.UnableTo("Write something before you add the note.", field="note")
    with transaction.atomic():
        # Locked: a note that came while the ticket is erased would outlive it.
        stored = locked_for(Right.WRITE_NOTES, ticket, actor=actor, now=now)
        if stored.details_erased_at is not None:
            raise policies.UnableTo("Its personal data was erased, so no notes are added any more.")
        note = notes.write(stored, text, actor=actor, now=now)
        log.record(AuditAction.NOTE_ADDED, actor=actor, now=now, ticket=ticket, texts={"note": text.strip()})
    return note
