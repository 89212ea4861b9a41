"""The person before the ticket: a decorator for verbs, and what the rules know of a ticket."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ParamSpec, TypeVar

from django.db import OperationalError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from requests_app import outages
from requests_app.audit.actor import Actor
from requests_app.compiled_query import Answers, Compiled, Text, whether
from requests_app.enums import STEP_IN_FLIGHT, AttemptOutcome, Kind, Operation, Outcome, State, StepState, Verb
from requests_app.models import Attempt, Contribution, CoverSheet, LegalHold, Step, Ticket, Verdict
from requests_app.workflow import access, identity, permissions, policies
from requests_app.workflow import plan as plans
from requests_app.workflow.intake import Intake

P = ParamSpec("P")
R = TypeVar("R")


def guarded(verb: Verb) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let the verb run only for roles that hold it; an attempt without the right leaves an audit entry.

    The same goes for an approver who worked on the ticket, since that, too, is a matter of right, and for an approval
    that names nothing that was read.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            named: dict[str, Any] = dict(kwargs)
            ticket = args[0] if args and isinstance(args[0], Ticket) else None
            intake = next((one for one in (*args, *kwargs.values()) if isinstance(one, Intake)), None)
            refusal: Exception
            try:
                cooling_off = ticket is not None and is_cooling_off(ticket, now=named["now"])
                for app_id in _apps_of(ticket, intake) or {None}:
                    permissions.check_may(named["actor"], verb, app_id=app_id, cooling_off=cooling_off)
                return _again_after_a_deadlock(lambda: function(*args, **kwargs), ticket)
            except policies.FourEyes as reason:
                refusal = permissions.NotPermitted(str(reason))
            except (permissions.NotPermitted, policies.NotShown) as reason:
                refusal = reason
            access.record_refused(
                actor=named["actor"], now=named["now"], what=verb.value, reason=str(refusal), ticket=ticket
            )
            raise refusal

        return run

    return decorate


def _apps_of(ticket: Ticket | None, intake: Intake | None) -> set[int | None]:
    """The Stream apps that a verb touches: an edit may take a ticket from one to another."""
    apps: set[int | None] = set()
    if ticket is not None:
        apps.add(ticket.stream_app_id)
    if intake is not None:
        apps.add(intake.stream_app.pk)
    return apps


def _again_after_a_deadlock(carry_out: Callable[[], R], ticket: Ticket | None) -> R:
    """Carry the verb out, and once more where PostgreSQL ended its transaction in favour of another one."""
    before = dict(vars(ticket)) if ticket is not None else {}
    try:
        return carry_out()
    except OperationalError as error:
        # Inside a transaction of the caller everything before is lost as well: that is the caller's to repeat.
        if not outages.is_deadlock(error) or transaction.get_connection().in_atomic_block:
            raise
    if ticket is not None:
        vars(ticket).update(before)
    return carry_out()


def is_cooling_off(ticket: Ticket, *, now: datetime) -> bool:
    """Whether the ticket is approved and nothing of it may be sent yet."""
    return ticket.state == State.APPROVED and ticket.not_before is not None and ticket.not_before > now


def costs_the_approval(ticket: Ticket | None, actor: Actor) -> bool:
    """Whether this person may approve, and no longer once they wrote the request down or changed it (four eyes)."""
    if not permissions.may(actor, Verb.APPROVE):
        return False
    return ticket is None or not ticket.contributions.filter(actor_id=actor.id).exists()


def held_ids(ticket: Ticket) -> tuple[str, ...]:
    """The user ids of an erasure that are on hold now, in the order of its plan."""
    if ticket.kind != Kind.ERASE:
        return ()
    ids = plans.from_json(ticket.plan).user_ids
    held = LegalHold.objects.held([ticket.stream_app_id], ids)
    return tuple(user_id for user_id in ids if (ticket.stream_app_id, user_id) in held)


def lacks_cover_sheet(ticket: Ticket) -> bool:
    """Whether this is an export whose app has no cover sheet. A copy that an erasure makes first answers no Art. 15."""
    return ticket.kind == Kind.EXPORT and not CoverSheet.objects.filter(stream_app=ticket.stream_app_id).exists()


def sent_steps(ticket: int | OuterRef) -> QuerySet[Step, Step]:
    """The steps of a ticket of which a call reached Stream, or may have.

    None did where a step is still planned, was dropped, or ended by a look that came before any call, and no attempt
    of it was made but such that provably had no effect. A restored database may lack attempts: what was looked at
    after a call counts as sent all the same.
    """
    ended = Q(state__in=[StepState.DONE.value, StepState.FAILED.value], read_back_at__isnull=False)
    only_looked = ended & ~Q(evidence__has_key="looked_at")
    tried = Attempt.objects.filter(steps=OuterRef("pk")).exclude(outcome=AttemptOutcome.NOT_SENT.value)
    never_begun = Q(state__in=[StepState.PLANNED.value, StepState.DROPPED.value])
    return Step.objects.filter(~(never_begun | only_looked) | Exists(tried), ticket=ticket).order_by()


def in_flight(ticket: Ticket) -> tuple[str, ...]:
    """What the ticket's calls are called whose end is not known yet, each once."""
    moving = ticket.steps.filter(state__in=[state.value for state in STEP_IN_FLIGHT]).order_by("rank")
    return tuple(dict.fromkeys(Operation(one).label for one in moving.values_list("operation", flat=True)))


@dataclass(frozen=True)
class Known:
    """What hangs on a ticket, as far as the rules ask about it."""

    contributors: frozenset[int]
    anything_sent: bool
    held: tuple[str, ...]
    refused_parts: frozenset[str]


def known_now(ticket: Ticket) -> Known:
    """The same, asked of the database now."""
    contributors = {row["actor_id"] for row in _CONTRIBUTORS.values(ticket.pk)}
    there = _THERE_ARE.ask(ticket.pk, ticket.stream_app_id)
    refused = ticket.verdicts.filter(stands=True).values_list("part", flat=True) if there["refused_parts"] else ()
    return Known(
        contributors=frozenset(contributors),
        anything_sent=bool(there["sent"]),
        held=held_ids(ticket) if there["holds"] else (),
        refused_parts=frozenset(refused),
    )


def _contributors(ticket_id: int) -> QuerySet[Contribution, Any]:
    return Contribution.objects.filter(ticket=ticket_id).order_by().values("actor_id")


def _what_hangs(ticket_id: int, app_id: int) -> dict[str, Text]:
    """Most tickets have nothing of these."""
    return {
        "sent": whether(sent_steps(ticket_id)),
        "refused_parts": whether(Verdict.objects.filter(ticket=ticket_id, stands=True)),
        "holds": whether(LegalHold.objects.open().filter(stream_app=app_id)),
    }


_CONTRIBUTORS, _THERE_ARE = Compiled(_contributors), Answers(_what_hangs)


def standing(ticket: Ticket, known: Known | None = None) -> policies.Standing:
    """What the rules need to know of a ticket, read now. A page gives what it has read of it already."""
    known = known or known_now(ticket)
    return policies.Standing(
        state=State(ticket.state),
        kind=Kind(ticket.kind),
        plan=plans.from_json(ticket.plan),
        contributors=known.contributors,
        anything_sent=known.anything_sent,
        in_flight=in_flight(ticket) if State(ticket.state) is State.NEEDS_ATTENTION else (),
        on_hold=bool(known.held),
        identity_missing=State(ticket.state) in identity.CHECKABLE and identity.is_missing(ticket),
        first_approver=ticket.first_approved_by_id,
        lacks_cover_sheet=State(ticket.state) is State.AWAITING_DECISION and lacks_cover_sheet(ticket),
        outcome=Outcome(ticket.outcome) if ticket.outcome else None,
        erased=ticket.details_erased_at is not None,
        refused_parts=known.refused_parts,
        answered=ticket.answered_at is not None,
    )
