"""Which verbs a person sees on a ticket, and why one of them is not possible right now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from requests_app.audit.actor import Actor
from requests_app.enums import Kind, Mode, Verb
from requests_app.models import Ticket
from requests_app.workflow import permissions, policies, verbs
from requests_app.workflow.guard import Known, is_cooling_off, standing
from requests_app.workflow.verbs import VERBS


@dataclass(frozen=True)
class Action:
    """One verb on one ticket for one person; `reason` is empty where it is allowed."""

    verb: Verb
    allowed: bool
    reason: str = ""


def actions_for(ticket: Ticket, actor: Actor, *, now: datetime, known: Known | None = None) -> tuple[Action, ...]:
    """Every verb that the role holds and that can mean something for this ticket, allowed or with its reason.

    A page gives what it has read of the ticket.
    """
    facts = standing(ticket, known)
    shown = [verb for verb, spec in VERBS.items() if facts.state in spec.shown_in]
    if facts.kind is not Kind.ERASE or facts.plan.user is Mode.KEEP:
        shown = [verb for verb in shown if verb is not Verb.RESTORE]
    cooling_off = is_cooling_off(ticket, now=now)
    return tuple(_action(verb, facts, actor) for verb in shown if permissions.may(actor, verb, cooling_off=cooling_off))


def _action(verb: Verb, facts: policies.Standing, actor: Actor) -> Action:
    try:
        verbs.check(facts, verb, actor_id=actor.id)
    except policies.UnableTo as reason:
        return Action(verb, allowed=False, reason=str(reason))
    return Action(verb, allowed=True)
