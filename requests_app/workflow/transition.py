"""One change of state: a conditional update and its audit entry, in the caller's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Move:
    """One ticket's part of a change of state: further columns, and what its entry says."""

    ticket: Ticket
    changes: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, object] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


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
    move_all([Move(ticket, changes or {}, facts or {}, texts or {})], verb, actor=actor, now=now)
    return ticket


def move_all(moves: Sequence[Move], verb: Verb, *, actor: Actor, now: datetime) -> None:
    """The same for many tickets, all or none, in few queries: tickets that change alike change together."""
    alike: dict[str, list[tuple[Move, State, dict[str, Any]]]] = defaultdict(list)
    for one in moves:
        origin = State(one.ticket.state)
        columns = _columns(origin, verb, one.changes, now=now)
        alike[repr((origin, sorted(columns.items())))].append((one, origin, columns))
    for group in alike.values():
        _, origin, columns = group[0]
        _change([one.ticket for one, _, _ in group], origin, columns)
    log.record_all(
        [_entry(one, verb, actor=actor, now=now, origin=origin) for group in alike.values() for one, origin, _ in group]
    )


def _columns(origin: State, verb: Verb, changes: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    following = states.TRANSITIONS[origin, verb]
    columns = {"state": following.value, **changes}
    if following in CLOSED_STATES:
        columns["closed_at"] = now
    elif origin in CLOSED_STATES:
        columns["closed_at"] = None
    return columns


def _change(tickets: Sequence[Ticket], origin: State, columns: Mapping[str, Any]) -> None:
    """Write the columns where every ticket is still as it was read; raises `Conflict` otherwise."""
    revisions: dict[int, list[int]] = defaultdict(list)
    for ticket in tickets:
        revisions[ticket.revision].append(ticket.pk)
    for revision, ids in revisions.items():
        unchanged = Ticket.objects.filter(pk__in=ids, state=origin.value, revision=revision)
        if unchanged.update(**columns, revision=F("revision") + 1) != len(ids):
            raise Conflict
    closed = State(columns["state"]) in CLOSED_STATES
    if closed != (origin in CLOSED_STATES):
        Account.objects.filter(ticket__in=[ticket.pk for ticket in tickets]).update(is_open=not closed)
    for ticket in tickets:
        for column, value in columns.items():
            setattr(ticket, column, value)
        ticket.revision += 1


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
    told = Move(ticket, facts=facts or {}, texts=texts or {})
    log.record_all([_entry(told, verb, actor=actor, now=now, origin=origin)])


def _entry(one: Move, verb: Verb, *, actor: Actor, now: datetime, origin: State | None) -> log.Record:
    ticket = one.ticket
    return log.Record(
        action=states.AUDIT_ACTIONS[verb],
        actor=actor,
        now=now,
        ticket_id=ticket.pk,
        subjects=log.subjects_of(ticket.accounts.all()),
        facts={
            "from": origin.value if origin else "",
            "to": str(ticket.state),
            "kind": str(ticket.kind),
            "plan_digest": ticket.plan_digest,
            **one.facts,
        },
        texts=one.texts,
    )
