"""One act on many tickets: what would become of each, and then what became of it. Each ticket stands for itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AbstractUser

from requests_app.audit.actor import Actor
from requests_app.enums import Verb
from requests_app.models import Ticket
from requests_app.workflow import assignment, permissions, policies, tickets, verbs
from requests_app.workflow.guard import is_cooling_off, standing
from requests_app.workflow.sightings import NOT_ASKED, Sighting
from requests_app.workflow.transition import Conflict

ASSIGN = "assign"
ACTS: dict[str, str] = {ASSIGN: "Assign", Verb.SUBMIT.value: Verb.SUBMIT.label, Verb.CANCEL.value: Verb.CANCEL.label}
AT_MOST = 200


@dataclass(frozen=True)
class Result:
    """One ticket's part: it takes part (or took part), or the sentence that says why not."""

    ticket: Ticket
    reason: str = ""

    @property
    def done(self) -> bool:
        """Whether nothing stands or stood in the way."""
        return not self.reason


def preview(chosen: Sequence[Ticket], act: str, *, actor: Actor, now: datetime) -> list[Result]:
    """Which of the tickets would take part, without doing anything."""
    return [_result(ticket, lambda ticket: _check(ticket, act, actor=actor, now=now)) for ticket in chosen]


def run(
    chosen: Sequence[Ticket],
    act: str,
    *,
    actor: Actor,
    now: datetime,
    owner: AbstractUser | None = None,
    note: str = "",
    seen: Mapping[int, Sighting] | None = None,
) -> list[Result]:
    """Do it ticket by ticket; one that cannot take part keeps none of the others back.

    `seen` is what Stream showed of the accounts, by the ticket's key, for those that are sent to the DPO.
    """

    def do(ticket: Ticket) -> object:
        if act == ASSIGN:
            return assignment.assign(ticket, owner, actor=actor, now=now, note=note)
        if act == Verb.SUBMIT:
            return _submit(ticket, (seen or {}).get(ticket.pk, NOT_ASKED), actor=actor, now=now)
        return tickets.cancel(ticket, actor=actor, now=now, note=note)

    return [_result(ticket, do) for ticket in chosen]


def _submit(ticket: Ticket, seen: Sighting, *, actor: Actor, now: datetime) -> Ticket:
    try:
        return tickets.submit(ticket, actor=actor, now=now, seen=seen)
    except tickets.NotThePerson as reason:
        tickets.record_stopped(reason, actor=actor, now=now, ticket=ticket)
        raise


def _check(ticket: Ticket, act: str, *, actor: Actor, now: datetime) -> None:
    if act == ASSIGN:
        assignment.check(ticket)
        return
    verb = Verb(act)
    cooling_off = is_cooling_off(ticket, now=now)
    permissions.check_may(actor, verb, app_id=ticket.stream_app_id, cooling_off=cooling_off)
    verbs.check(standing(ticket), verb, actor_id=actor.id)


def _result(ticket: Ticket, do: Callable[[Ticket], object]) -> Result:
    try:
        do(ticket)
    except (policies.UnableTo, permissions.NotPermitted, Conflict) as reason:
        return Result(ticket, str(reason))
    return Result(ticket)
