"""What people do to tickets: one function a verb.

Each checks the person, then the ticket, then makes one transition with its audit entry in one
transaction. Raises `NotPermitted` (and leaves an entry of the attempt), `UnableTo` or `Conflict`;
then nothing has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.db import IntegrityError, transaction

from requests_app import queue
from requests_app.audit.actor import Actor
from requests_app.enums import Channel, Kind, Outcome, State, Verb
from requests_app.models import Account, Contribution, Decision, StreamApp, Ticket
from requests_app.workflow import deadlines, policies
from requests_app.workflow import plan as plans
from requests_app.workflow.guard import guarded, standing
from requests_app.workflow.plan import Plan
from requests_app.workflow.transition import Conflict, move, record


@dataclass(frozen=True, kw_only=True)
class Intake:
    """What an agent writes down of a request."""

    stream_app: StreamApp
    plan: Plan
    received_on: date
    channel: Channel
    requester_name: str = ""
    requester_email: str = ""
    ground: str = ""
    note: str = ""


class AlreadyOpen(policies.UnableTo):
    """There is an open ticket of this kind for this account."""


def clock() -> deadlines.Clock:
    """The clock of the settings: time zone, holidays and lead of the internal target."""
    return deadlines.Clock(
        time_zone=settings.DSR_TIMEZONE, calendar=settings.DSR_HOLIDAYS, lead_days=settings.DSR_TARGET_LEAD_DAYS
    )


def _check_intake(intake: Intake, *, now: datetime) -> None:
    found = [(problem.field, problem.text) for problem in plans.problems(intake.plan)]
    today = deadlines.receipt_date(now, clock())
    late = deadlines.check_received_on(intake.received_on, today)
    if late:
        found.append(("received_on", late))
    if not intake.stream_app.is_active:
        found.append(("stream_app", "This Stream app takes no new requests. Choose another one."))
    problem = policies.first_problem(found)
    if problem:
        raise problem


def _columns(intake: Intake) -> dict[str, object]:
    deadline = deadlines.deadline(intake.received_on, clock())
    return {
        "kind": intake.plan.kind.value,
        "stream_app": intake.stream_app,
        "received_on": intake.received_on,
        "due_on": deadline.due_on,
        "target_on": deadline.target_on,
        "channel": intake.channel.value,
        "requester_name": intake.requester_name,
        "requester_email": intake.requester_email,
        "ground": intake.ground,
        "plan": plans.to_json(intake.plan),
        "plan_digest": plans.digest(intake.plan),
    }


def _write_accounts(ticket: Ticket, intake: Intake) -> None:
    """The accounts of the plan; the unique constraint refuses a second open ticket for any of them."""
    ticket.accounts.all().delete()
    try:
        with transaction.atomic():
            Account.objects.bulk_create(
                Account(
                    ticket=ticket,
                    position=position,
                    user_id=user_id,
                    stream_app=intake.stream_app,
                    kind=intake.plan.kind.value,
                )
                for position, user_id in enumerate(intake.plan.user_ids)
            )
    except IntegrityError:
        raise AlreadyOpen(_already_open(intake), field="user_ids") from None


def _already_open(intake: Intake) -> str:
    other = (
        Account.objects.filter(
            stream_app=intake.stream_app, kind=intake.plan.kind.value, user_id__in=intake.plan.user_ids, is_open=True
        )
        .select_related("ticket")
        .first()
    )
    reference = other.ticket.reference if other else "another ticket"
    verb = "export" if intake.plan.kind is Kind.EXPORT else "erase"
    return f"{reference} is already open to {verb} the data of this user id. Go on there, or cancel it first."


@guarded(Verb.OPEN)
def open_ticket(intake: Intake, *, actor: Actor, now: datetime) -> Ticket:
    """Write a request down as a draft."""
    _check_intake(intake, now=now)
    with transaction.atomic():
        ticket = Ticket.objects.create(
            **_columns(intake), state=State.DRAFT.value, opened_by_id=actor.person_id, opened_at=now
        )
        Contribution.objects.create(ticket=ticket, actor_id=actor.person_id)
        _write_accounts(ticket, intake)
        if intake.note.strip():
            ticket.notes.create(written_by_id=actor.person_id, written_at=now, text=intake.note.strip())
        record(ticket, Verb.OPEN, actor=actor, now=now, origin=None, texts={"note": intake.note.strip()})
    return ticket


@guarded(Verb.EDIT)
def edit_ticket(ticket: Ticket, intake: Intake, *, actor: Actor, now: datetime, revision: int | None = None) -> Ticket:
    """Change what is asked for. Whoever edits can no longer approve."""
    policies.check(standing(ticket), Verb.EDIT, actor_id=actor.id)
    if revision is not None and revision != ticket.revision:
        raise Conflict
    _check_intake(intake, now=now)
    with transaction.atomic():
        Contribution.objects.get_or_create(ticket=ticket, actor_id=actor.person_id)
        _write_accounts(ticket, intake)
        return move(
            ticket,
            Verb.EDIT,
            actor=actor,
            now=now,
            changes={**_columns(intake), "edited_by_id": actor.id, "edited_at": now},
            facts={"plan_digest_before": ticket.plan_digest},
        )


@guarded(Verb.SUBMIT)
def submit(ticket: Ticket, *, actor: Actor, now: datetime) -> Ticket:
    """Send the ticket to the DPO."""
    policies.check(standing(ticket), Verb.SUBMIT, actor_id=actor.id)
    with transaction.atomic():
        return move(
            ticket,
            Verb.SUBMIT,
            actor=actor,
            now=now,
            changes={"submitted_by_id": actor.id, "submitted_at": now},
        )


def _decide(ticket: Ticket, verb: Verb, *, actor: Actor, now: datetime, note: str) -> None:
    Decision.objects.create(
        ticket=ticket,
        verb=verb.value,
        decided_by_id=actor.person_id,
        decided_at=now,
        plan_digest=ticket.plan_digest,
        note=note.strip(),
    )


@guarded(Verb.APPROVE)
def approve(
    ticket: Ticket,
    *,
    actor: Actor,
    now: datetime,
    confirm_user_id: str,
    note: str = "",
    plan_digest: str | None = None,
    send_if_absent: bool = False,
) -> Ticket:
    """Release exactly this plan to Stream; the doorbell rings in the same transaction.

    `plan_digest` is what the page showed. `send_if_absent` is the DPO's explicit word to send deletes for
    accounts that Stream does not show any more.
    """
    facts = standing(ticket)
    policies.check(facts, Verb.APPROVE, actor_id=actor.id)
    policies.check_same_plan(plan_digest, plans.digest(facts.plan))
    policies.check_confirmation(confirm_user_id, facts.plan.user_ids[0])
    with transaction.atomic():
        _decide(ticket, Verb.APPROVE, actor=actor, now=now, note=note)
        queue.ring(ticket.pk)
        return move(
            ticket,
            Verb.APPROVE,
            actor=actor,
            now=now,
            changes={
                "approved_by_id": actor.id,
                "approved_at": now,
                "approved_digest": ticket.plan_digest,
                "send_if_absent": send_if_absent,
            },
            facts={"send_if_absent": send_if_absent},
            texts={"note": note.strip()},
        )


@guarded(Verb.SEND_BACK)
def send_back(ticket: Ticket, *, actor: Actor, now: datetime, note: str) -> Ticket:
    """Give the ticket back to the agent with a reason."""
    return _decline(ticket, Verb.SEND_BACK, actor=actor, now=now, note=note)


@guarded(Verb.REFUSE)
def refuse(ticket: Ticket, *, actor: Actor, now: datetime, note: str) -> Ticket:
    """Refuse the request with a reason (Art. 12(4) GDPR)."""
    return _decline(ticket, Verb.REFUSE, actor=actor, now=now, note=note)


def _decline(ticket: Ticket, verb: Verb, *, actor: Actor, now: datetime, note: str) -> Ticket:
    policies.check(standing(ticket), verb, actor_id=actor.id)
    policies.check_reason(note)
    with transaction.atomic():
        _decide(ticket, verb, actor=actor, now=now, note=note)
        return move(ticket, verb, actor=actor, now=now, texts={"note": note.strip()})


@guarded(Verb.CANCEL)
def cancel(ticket: Ticket, *, actor: Actor, now: datetime, note: str = "") -> Ticket:
    """Withdraw the request before anything was sent to Stream."""
    policies.check(standing(ticket), Verb.CANCEL, actor_id=actor.id)
    with transaction.atomic():
        move(ticket, Verb.CANCEL, actor=actor, now=now, texts={"note": note.strip()})
        # Again under the write lock: the engine may have sent a step since the check above.
        policies.check_cancel(standing(ticket))
    return ticket


@guarded(Verb.GIVE_UP)
def give_up(ticket: Ticket, *, actor: Actor, now: datetime, note: str) -> Ticket:
    """Close a stopped ticket with what was reached."""
    policies.check(standing(ticket), Verb.GIVE_UP, actor_id=actor.id)
    policies.check_reason(note)
    reached = ticket.steps.exclude(outcome="").exclude(
        outcome__in=[Outcome.FAILED.value, Outcome.REFUSED_BY_STREAM.value]
    )
    outcome = Outcome.PARTIAL if reached.exists() else Outcome.FAILED
    with transaction.atomic():
        return move(
            ticket,
            Verb.GIVE_UP,
            actor=actor,
            now=now,
            changes={"outcome": outcome.value},
            facts={"outcome": outcome.value},
            texts={"note": note.strip()},
        )
