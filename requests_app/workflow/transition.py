"""One change of state: a conditional update and its audit entry, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import F

from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.enums import CLOSED_STATES, State, Verb
from requests_app.models import Account, Ticket
from requests_app.workflow import states


class Conflict(Exception):
    """Somebody else changed the ticket in the meantime. Nothing was done."""

    def __init__(self) -> None:
        super().__init__("Somebody else changed this ticket in the meantime. Look at it again before you go on.")


def move(
    ticket: Ticket,
    verb: Verb,
    *,
    actor: Actor,
    now: datetime,
    changes: Mapping[str, Any] | None = None,
    facts: Mapping[str, object] | None = None,
    texts: Mapping[str, str] | None = None,
) -> Ticket:
    """Take the ticket along the lifecycle and record it; raises `Conflict` where it is no longer as it was read.

    The caller has checked permission and policy and holds the transaction. `changes` are further columns.
    """
    origin = State(ticket.state)
    following = states.TRANSITIONS[origin, verb]
    columns = {"state": following.value, **(changes or {})}
    if following in CLOSED_STATES:
        columns["closed_at"] = now
    elif origin in CLOSED_STATES:
        columns["closed_at"] = None
    unchanged = Ticket.objects.filter(pk=ticket.pk, state=origin.value, revision=ticket.revision)
    if unchanged.update(**columns, revision=F("revision") + 1) != 1:
        raise Conflict
    for column, value in columns.items():
        setattr(ticket, column, value)
    ticket.revision += 1
    if (following in CLOSED_STATES) != (origin in CLOSED_STATES):
        Account.objects.filter(ticket=ticket).update(is_open=following not in CLOSED_STATES)
    record(ticket, verb, actor=actor, now=now, origin=origin, facts=facts, texts=texts)
    return ticket


def record(
    ticket: Ticket,
    verb: Verb,
    *,
    actor: Actor,
    now: datetime,
    origin: State | None,
    facts: Mapping[str, object] | None = None,
    texts: Mapping[str, str] | None = None,
) -> None:
    """The audit entry of a verb: where it led from and to, and over which plan."""
    log.record(
        states.AUDIT_ACTIONS[verb],
        actor=actor,
        now=now,
        ticket=ticket,
        subjects=log.subjects_of(ticket.accounts.all()),
        facts={
            "from": origin.value if origin else "",
            "to": str(ticket.state),
            "kind": str(ticket.kind),
            "plan_digest": ticket.plan_digest,
            **(facts or {}),
        },
        texts=texts,
    )
