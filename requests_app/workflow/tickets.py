"""What people do to tickets: one function a verb.

Each checks the person, then the ticket, then makes one transition with its audit entry in one
transaction. Raises `NotPermitted` (and leaves an entry of the attempt), `UnableTo` or `Conflict`;
then nothing has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from requests_app.audit import keys
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.enums import (
    IdentityMethod,
    IdentityResult,
    Kind,
    State,
    Verb,
)
from requests_app.models import Account, AuditEntry, Contribution, Note, StreamApp, Ticket, TicketKey
from requests_app.steps import write as write_steps
from requests_app.steps.lifecycle import StepEvent
from requests_app.workflow import (
    access,
    deadlines,
    identity,
    policies,
    previews,
    recipients,
    results,
    sightings,
    staff,
    time_limit,
    verbs,
)
from requests_app.workflow import intake as intakes
from requests_app.workflow import plan as plans
from requests_app.workflow.approval import ANEW, decide
from requests_app.workflow.clock import clock
from requests_app.workflow.guard import guarded, standing
from requests_app.workflow.intake import Intake
from requests_app.workflow.notes import write as write_note
from requests_app.workflow.sightings import NOT_ASKED, Sighting
from requests_app.workflow.transition import Conflict, holding, move, record, record_opened

# What a form saves by itself within this time is one edit in the log.
ONE_EDIT = timedelta(minutes=15)


class AlreadyOpen(policies.UnableTo):
    """There is an open ticket of this kind for this account; `reference` names it where it is known."""

    reference = ""


class NotThePerson(policies.UnableTo):
    """What Stream showed forbids to send the request: an account younger than it, or an owner who is not there."""


def _check_intake(intake: Intake, *, now: datetime) -> None:
    found = intakes.problems(intake, today=deadlines.receipt_date(now, clock()))
    problem = policies.first_problem((one.field, one.text) for one in found)
    if problem:
        raise problem


def _columns(intake: Intake, deadline: deadlines.Deadline) -> dict[str, object]:
    return {
        "kind": intake.plan.kind.value,
        "stream_app": intake.stream_app,
        "received_on": intake.received_on,
        "due_on": deadline.due_on,
        "target_on": deadline.target_on,
        "refuse_by_on": deadline.refuse_by_on,
        "channel": intake.channel.value,
        "requester_name": intake.requester_name,
        "requester_email": intake.requester_email,
        "ground": intake.ground,
        "plan": plans.to_json(intake.plan),
        "plan_digest": plans.digest(intake.plan),
    }


def _accounts(ticket: Ticket, intake: Intake) -> list[Account]:
    """The accounts of the plan, unsaved."""
    return [
        Account(
            ticket=ticket,
            position=position,
            user_id=user_id,
            subject=keys.subject(keys.year_of(ticket.opened_at), intake.stream_app.pk, user_id),
            stream_app=intake.stream_app,
            kind=intake.plan.kind.value,
        )
        for position, user_id in enumerate(intake.plan.user_ids)
    ]


def _write_accounts(ticket: Ticket, intake: Intake) -> None:
    """The accounts of the plan; the unique constraint refuses a second open ticket for any of them."""
    ticket.accounts.all().delete()
    try:
        with transaction.atomic():
            Account.objects.bulk_create(_accounts(ticket, intake))
    except IntegrityError:
        raise _already_open(intake) from None


def _already_open(intake: Intake) -> AlreadyOpen:
    other = (
        Account.objects.filter(
            stream_app=intake.stream_app, kind=intake.plan.kind.value, user_id__in=intake.plan.user_ids, is_open=True
        )
        .select_related("ticket")
        .first()
    )
    reference = other.ticket.reference if other else "another ticket"
    verb = "export" if intake.plan.kind is Kind.EXPORT else "erase"
    found = AlreadyOpen(
        f"{reference} is already open to {verb} the data of this user id. Go on there, or cancel it first.",
        field="user_ids",
    )
    found.reference = other.ticket.reference if other else ""
    return found


def _draft(intake: Intake, *, actor: Actor, now: datetime) -> Ticket:
    """A new ticket, unsaved."""
    return Ticket(
        **_columns(intake, deadlines.deadline(intake.received_on, clock())),
        state=State.DRAFT.value,
        opened_by_id=actor.person_id,
        opened_at=now,
        owner_id=actor.person_id,
    )


def _confirm(ticket: Ticket, intake: Intake, *, actor: Actor, now: datetime) -> None:
    """Keep the check that came with the form, in the caller's transaction, unless it is the one that stands there."""
    if intake.identity_method and not identity.is_confirmed(ticket, by=intake.identity_method):
        method = IdentityMethod(intake.identity_method)
        identity.record(ticket, actor=actor, now=now, method=method, result=IdentityResult.CONFIRMED)


@guarded(Verb.OPEN)
def open_ticket(intake: Intake, *, actor: Actor, now: datetime) -> Ticket:
    """Write a request down as a draft."""
    _check_intake(intake, now=now)
    with transaction.atomic():
        ticket = _draft(intake, actor=actor, now=now)
        ticket.save(force_insert=True)
        TicketKey.fresh(ticket.pk).save(force_insert=True)
        Contribution.objects.create(ticket=ticket, actor_id=actor.person_id)
        _write_accounts(ticket, intake)
        write_note(ticket, intake.note, actor=actor, now=now)
        record(ticket, Verb.OPEN, actor=actor, now=now, origin=None, texts={"note": intake.note.strip()})
        _confirm(ticket, intake, actor=actor, now=now)
    return ticket


def open_many(
    intakes: Sequence[Intake],
    facts: Sequence[Mapping[str, object]],
    *,
    actor: Actor,
    now: datetime,
    also_by: Iterable[int] = (),
) -> list[Ticket]:
    """Write many requests down as drafts, all or none, in few queries; each leaves its entry with its `facts`.

    In the caller's transaction, which has checked the right and the intakes. `also_by` are people who worked on them
    besides the actor: they may not approve either. Raises `IntegrityError` where one is open already.
    """
    opened = Ticket.objects.bulk_create(_draft(intake, actor=actor, now=now) for intake in intakes)
    TicketKey.objects.bulk_create(TicketKey.fresh(ticket.pk) for ticket in opened)
    people = {actor.person_id, *also_by}
    Contribution.objects.bulk_create(Contribution(ticket=one, actor_id=who) for one in opened for who in people)
    pairs = list(zip(opened, intakes, strict=True))
    accounts = [_accounts(ticket, intake) for ticket, intake in pairs]
    Account.objects.bulk_create(account for some in accounts for account in some)
    Note.objects.bulk_create(
        Note(ticket=ticket, written_by_id=actor.person_id, written_at=now, text=intake.note.strip())
        for ticket, intake in pairs
        if intake.note.strip()
    )
    record_opened(opened, accounts, facts, [intake.note.strip() for intake in intakes], actor=actor, now=now)
    return opened


@guarded(Verb.EDIT)
def edit_ticket(
    ticket: Ticket,
    intake: Intake,
    *,
    actor: Actor,
    now: datetime,
    revision: int | None = None,
    automatic: bool = False,
) -> Ticket:
    """Change what is asked for. Whoever edits can no longer approve.

    `automatic` is for the form that saves itself (`autosave.py`): it changes nothing where nothing differs, and leaves
    no entry soon after one of the same person.
    """
    verbs.check(standing(ticket), Verb.EDIT, actor_id=actor.id)
    if revision is not None and revision != ticket.revision:
        raise Conflict
    _check_intake(intake, now=now)
    deadline = time_limit.deadline_of(ticket, today=time_limit.local_day(now), received_on=intake.received_on)
    if intake.received_on != ticket.received_on:
        time_limit.check_moved_receipt(ticket, deadline, intake.received_on)
    columns, note = _columns(intake, deadline), intake.note.strip()
    if automatic and all(getattr(ticket, name) == value for name, value in columns.items()):
        return ticket
    with holding(ticket):
        Contribution.objects.get_or_create(ticket=ticket, actor_id=actor.person_id)
        _write_accounts(ticket, intake)
        lost = _leave_app(ticket, intake.stream_app)
        write_note(ticket, note, actor=actor, now=now, app_id=intake.stream_app.pk)
        if not automatic:
            _confirm(ticket, intake, actor=actor, now=now)
        return move(
            ticket,
            Verb.EDIT,
            actor=actor,
            now=now,
            changes={**columns, "edited_by_id": actor.id, "edited_at": now, **({"owner_id": None} if lost else {})},
            facts={
                "plan_digest_before": ticket.plan_digest,
                **({"automatic": True} if automatic else {}),
                **({"owner_lost": lost} if lost else {}),
            },
            texts={"note": note},
            quietly=automatic and not lost and _edited_just_now(ticket, actor, now),
        )


def _leave_app(ticket: Ticket, app: StreamApp) -> int | None:
    """Where the ticket moves to another app: what was seen in the old one goes.

    Returns the owner whom it loses, since their role does not hold in the new one: nobody would take care of it.
    """
    if app.pk == ticket.stream_app_id:
        return None
    previews.forget_names(ticket)
    owner = ticket.owner
    return owner.pk if owner and not staff.as_actor(owner).holds_in(app.pk) else None


def _edited_just_now(ticket: Ticket, actor: Actor, now: datetime) -> bool:
    """Whether the newest entry of the ticket tells of an edit by the same person, less than `ONE_EDIT` ago."""
    quiet = [AuditAction.TICKET_READ.value]
    last = AuditEntry.objects.filter(ticket_id=ticket.pk).exclude(action__in=quiet).order_by("-seq").first()
    edits = {AuditAction.TICKET_OPENED.value, AuditAction.TICKET_EDITED.value}
    return last is not None and last.action in edits and last.actor_id == actor.id and now - last.at < ONE_EDIT


@guarded(Verb.SUBMIT)
def submit(ticket: Ticket, *, actor: Actor, now: datetime, seen: Sighting = NOT_ASKED) -> Ticket:
    """Send the ticket to the DPO. `seen` is what Stream showed just now; the entry says whether it was asked.

    Raises `NotThePerson` where that forbids it. The time of creation is kept with each account: one that is made
    anew under the same id later on is noticed by the engine.
    """
    verbs.check(standing(ticket), Verb.SUBMIT, actor_id=actor.id)
    plan = plans.from_json(ticket.plan)
    for problem in sightings.problems(plan, ticket.received_on, seen, clock()):
        raise NotThePerson(problem.text, field=problem.field)
    with holding(ticket):
        _keep_created_at(ticket, seen)
        return move(
            ticket,
            Verb.SUBMIT,
            actor=actor,
            now=now,
            changes={"submitted_by_id": actor.id, "submitted_at": now, **ANEW},
            facts=seen.facts(plan),
        )


def _keep_created_at(ticket: Ticket, seen: Sighting) -> None:
    accounts = [account for account in ticket.accounts.all() if seen.created_at.get(account.user_id)]
    for account in accounts:
        account.remote_created_at = seen.created_at[account.user_id]
    Account.objects.bulk_update(accounts, ["remote_created_at"])


def record_stopped(reason: NotThePerson, *, actor: Actor, now: datetime, ticket: Ticket | None = None) -> None:
    """Note in the log that Stream's answer stopped a request. Called outside the transaction that was undone."""
    why = "account is younger than the request" if reason.field == "user_ids" else "new owner is not on Stream"
    access.record_refused(actor=actor, now=now, what=Verb.SUBMIT.value, reason=why, ticket=ticket)


@guarded(Verb.TAKE_BACK)
def take_back(ticket: Ticket, *, actor: Actor, now: datetime) -> Ticket:
    """Make a draft of a ticket again that nobody decided about. What one of two approved counts no longer."""
    verbs.check(standing(ticket), Verb.TAKE_BACK, actor_id=actor.id)
    with holding(ticket):
        return move(ticket, Verb.TAKE_BACK, actor=actor, now=now, changes=ANEW)


@guarded(Verb.SEND_BACK)
def send_back(ticket: Ticket, *, actor: Actor, now: datetime, note: str) -> Ticket:
    """Give the ticket back to the agent with a reason."""
    verbs.check(standing(ticket), Verb.SEND_BACK, actor_id=actor.id)
    policies.check_reason(note)
    with holding(ticket):
        decide(ticket, Verb.SEND_BACK, actor=actor, now=now, note=note)
        return move(ticket, Verb.SEND_BACK, actor=actor, now=now, changes=ANEW, texts={"note": note.strip()})


@guarded(Verb.CANCEL)
def cancel(ticket: Ticket, *, actor: Actor, now: datetime, note: str = "") -> Ticket:
    """Withdraw the request before anything was sent to Stream."""
    verbs.check(standing(ticket), Verb.CANCEL, actor_id=actor.id)
    with holding(ticket):
        previews.forget_names(ticket)
        move(ticket, Verb.CANCEL, actor=actor, now=now, texts={"note": note.strip()})
        # Again under the write lock: the engine may have sent a step since the check above.
        policies.check_cancel(standing(ticket))
        write_steps.write_each(ticket.steps.all(), StepEvent.DROPPED, now=now)
    return ticket


@guarded(Verb.GIVE_UP)
def give_up(ticket: Ticket, *, actor: Actor, now: datetime, note: str) -> Ticket:
    """Close a stopped ticket with what was reached. Raises `UnableTo` while that is not known of a call of it."""
    verbs.check(standing(ticket), Verb.GIVE_UP, actor_id=actor.id)
    policies.check_reason(note)
    with holding(ticket):
        # Whatever runs on this ticket later, a restore, must not take these up again.
        write_steps.write_each(ticket.steps.all(), StepEvent.DROPPED, now=now)
        read = Ticket.objects.prefetch_related("accounts", results.steps_to_conclude()).get(pk=ticket.pk)
        concluded = results.conclude([read], now=now)[ticket.pk]
        recipients.lay_out([(ticket, concluded.outcome)])
        return move(
            ticket,
            Verb.GIVE_UP,
            actor=actor,
            now=now,
            changes={"outcome": concluded.outcome.value},
            facts=concluded.facts,
            texts={"note": note.strip()},
        )
