"""One change of state: a conditional update and its audit entry, in the caller's transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.enums import CLOSED_STATES, State, Verb
from requests_app.models import Account, Ticket
from requests_app.workflow import states


class Conflict(Exception):
    """Somebody else changed the ticket in the meantime. Nothing was done."""

    def __init__(
        self, sentence: str = "Somebody else changed this ticket in the meantime. Look at it again before you go on."
    ) -> None:
        super().__init__(sentence)


@contextmanager
def holding(ticket: Ticket) -> Iterator[None]:
    """A transaction that begins with the lock of the ticket: whoever changes it and what hangs on it takes that first.

    So two of them never wait for each other. Raises `Conflict` where the ticket is no longer as it was read.
    """
    with transaction.atomic():
        unchanged = Ticket.objects.select_for_update().filter(
            pk=ticket.pk, state=ticket.state, revision=ticket.revision
        )
        if not list(unchanged.values_list("pk", flat=True)):
            raise Conflict
        yield


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
    quietly: bool = False,
) -> Ticket:
    """Take the ticket along the lifecycle and record it; raises `Conflict` where it is no longer as it was read.

    The caller has checked permission and policy and holds the transaction. `changes` are further columns. `quietly`
    leaves no entry: only for a form that saves itself soon after one that did (`autosave.py`).
    """
    one = Move(ticket, changes or {}, facts or {}, texts or {})
    move_all([one], verb, actor=actor, now=now, quietly=quietly)
    return ticket


def move_all(moves: Sequence[Move], verb: Verb, *, actor: Actor, now: datetime, quietly: bool = False) -> None:
    """The same for many tickets, all or none, in few queries: tickets that change alike change together."""
    alike: dict[str, list[tuple[Move, State, dict[str, Any]]]] = defaultdict(list)
    for one in moves:
        origin = State(one.ticket.state)
        columns = _columns(one, origin, verb, now=now)
        alike[repr((origin, sorted(columns.items())))].append((one, origin, columns))
    for group in alike.values():
        _, origin, columns = group[0]
        _change([one.ticket for one, _, _ in group], origin, columns)
    if quietly:
        return
    log.record_all(
        [_entry(one, verb, actor=actor, now=now, origin=origin) for group in alike.values() for one, origin, _ in group]
    )


def _columns(one: Move, origin: State, verb: Verb, *, now: datetime) -> dict[str, Any]:
    following = states.TRANSITIONS[origin, verb]
    columns = {"state": following.value, **one.changes}
    if verb is Verb.ANSWER and one.ticket.answered_on is None:
        columns["answered_on"] = timezone.localdate(now)
    if following in CLOSED_STATES and origin not in CLOSED_STATES:
        columns["closed_at"] = now
    elif origin in CLOSED_STATES and following not in CLOSED_STATES:
        # What is taken up again has no answer yet, and its case is open.
        columns |= {"closed_at": None, "answered_by_id": None, "answered_at": None}
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


def _counted(ticket: Ticket) -> dict[str, object]:
    """What the reports count, so that they can be counted again from the log alone."""
    return {
        "app": ticket.stream_app_id,
        "ground": ticket.ground,
        "received_on": ticket.received_on.isoformat(),
        "due_on": ticket.due_on.isoformat(),
        "answered_on": ticket.answered_on.isoformat() if ticket.answered_on else None,
    }


def record_opened(
    tickets: Sequence[Ticket],
    accounts: Sequence[Iterable[Account]],
    facts: Sequence[Mapping[str, object]],
    notes: Sequence[str],
    *,
    actor: Actor,
    now: datetime,
) -> None:
    """The entries of tickets that were opened together, without a query for each."""
    log.record_all(
        [
            _entry(
                Move(ticket, facts=told, texts={"note": note}),
                Verb.OPEN,
                actor=actor,
                now=now,
                origin=None,
                subjects=log.subjects_of(its),
            )
            for ticket, its, told, note in zip(tickets, accounts, facts, notes, strict=True)
        ]
    )


def _entry(
    one: Move,
    verb: Verb,
    *,
    actor: Actor,
    now: datetime,
    origin: State | None,
    subjects: log.Subjects | None = None,
) -> log.Record:
    ticket = one.ticket
    return log.Record(
        action=states.AUDIT_ACTIONS[verb],
        actor=actor,
        now=now,
        ticket_id=ticket.pk,
        subjects=log.subjects_of(ticket.accounts.all()) if subjects is None else subjects,
        facts={
            "from": origin.value if origin else "",
            "to": str(ticket.state),
            "kind": str(ticket.kind),
            "plan_digest": ticket.plan_digest,
            **_counted(ticket),
            **one.facts,
        },
        texts=one.texts,
    )
