"""Which verbs a person sees on a ticket, and why one of them is not possible right now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from requests_app.audit.actor import Actor
from requests_app.enums import ENGINE_VERBS, Kind, Mode, State, Verb
from requests_app.models import Ticket
from requests_app.workflow import permissions, policies
from requests_app.workflow.guard import Known, is_cooling_off, standing

# Shown in every state: whoever looks for them shall find them, with the reason why not.
_ALWAYS = (Verb.EDIT, Verb.SUBMIT, Verb.APPROVE, Verb.SEND_BACK, Verb.REFUSE, Verb.CANCEL)
# Shown only where they can mean something.
_AFTER = {
    State.AWAITING_DECISION: (Verb.TAKE_BACK,),
    State.NEEDS_ATTENTION: (Verb.RETRY, Verb.REOPEN, Verb.GIVE_UP),
    State.COMPLETED: (Verb.RESTORE, Verb.ANSWER),
    State.REFUSED: (Verb.ANSWER,),
}


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
    verbs = _ALWAYS + _AFTER.get(facts.state, ())
    if facts.kind is not Kind.ERASE or facts.plan.user is Mode.KEEP:
        verbs = tuple(verb for verb in verbs if verb is not Verb.RESTORE)
    cooling_off = is_cooling_off(ticket, now=now)
    return tuple(
        _action(verb, facts, actor)
        for verb in verbs
        if verb not in ENGINE_VERBS and permissions.may(actor, verb, cooling_off=cooling_off)
    )


def _action(verb: Verb, facts: policies.Standing, actor: Actor) -> Action:
    try:
        policies.check(facts, verb, actor_id=actor.id)
    except policies.UnableTo as reason:
        return Action(verb, allowed=False, reason=str(reason))
    return Action(verb, allowed=True)
