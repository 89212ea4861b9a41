"""Whoever changes a ticket and what hangs on it locks the ticket first; where two still waited, the verb runs again."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from requests_app.audit import log
from requests_app.audit_actions import AuditAction
from requests_app.enums import Refusal, State
from requests_app.models import AuditEntry, Ticket
from requests_app.workflow import aftercare, approval, closing, refusing, tickets
from requests_app.workflow.transition import Conflict
from tests import factories
from tests.people import actor

WHY = "As agreed with counsel."
PARTS = {"messages": refusing.Part(Refusal.EXCESSIVE.value, WHY, "Ten letters.")}
TICKET_ROW = re.compile(r'(FROM|UPDATE) "requests_app_ticket" ')


def edit(ticket: Ticket) -> object:
    changed = replace(factories.intake(), requester_name="Somebody Else")
    return tickets.edit_ticket(ticket, changed, actor=actor("ada"), now=timezone.now())


def approve(ticket: Ticket) -> object:
    known: dict[str, Any] = {"confirm_user_id": ticket.plan["user_ids"][0], **factories.seen(ticket)}
    return approval.approve(ticket, actor=actor("dora"), now=timezone.now(), send_if_absent=False, **known)


def by(name: str, verb: Callable[..., object], **words: Any) -> Callable[[Ticket], object]:
    return lambda ticket: verb(ticket, actor=actor(name), now=timezone.now(), **words)


VERBS: dict[str, tuple[Callable[[], Ticket], Callable[[Ticket], object]]] = {
    "edit": (factories.draft, edit),
    "submit": (factories.draft, by("ada", tickets.submit)),
    "approve": (factories.submitted, approve),
    "send back": (factories.submitted, by("dora", tickets.send_back, note=WHY)),
    "refuse": (
        factories.submitted,
        by("dora", refusing.refuse, note=WHY, code=Refusal.NOT_IDENTIFIABLE.value),
    ),
    "refuse parts": (factories.submitted, by("dora", refusing.refuse_parts, parts=PARTS, note=WHY)),
    "cancel": (factories.approved, by("dora", tickets.cancel, note=WHY)),
    "retry": (factories.stopped, by("dora", aftercare.retry, note=WHY)),
    "give up": (factories.stopped, by("dora", tickets.give_up, note=WHY)),
    "restore": (
        lambda: factories.completed(factories.soft_plan()),
        by("dora", aftercare.restore, note=WHY),
    ),
    "close the case": (lambda: factories.told(factories.completed()), by("ben", closing.answer)),
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", VERBS)
def test_each_verb_takes_the_lock_of_its_ticket_first(name: str) -> None:
    make, carry_out = VERBS[name]
    ticket = make()

    with CaptureQueriesContext(connection) as queries:
        carry_out(ticket)

    spoken = [query["sql"] for query in queries]
    begins = next(place for place, sql in enumerate(spoken) if sql.startswith("SAVEPOINT"))
    first = spoken[begins + 1]
    assert TICKET_ROW.search(first), first
    assert connection.vendor != "postgresql" or first.startswith("UPDATE") or "FOR UPDATE" in first


@pytest.mark.django_db
def test_a_ticket_that_somebody_changed_is_not_touched() -> None:
    ticket = factories.draft()
    tickets.submit(Ticket.objects.get(pk=ticket.pk), actor=actor("ada"), now=timezone.now())

    with pytest.raises(Conflict):
        tickets.cancel(ticket, actor=actor("ada"), now=timezone.now())

    assert Ticket.objects.get(pk=ticket.pk).state == State.AWAITING_DECISION


class _Deadlocked(Exception):
    """What psycopg raises for the transaction that PostgreSQL ends in favour of the other one."""

    sqlstate = "40P01"


@pytest.fixture
def deadlocks(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[str]]:
    """Let so many entries end in a deadlock, as the last thing that a verb writes; returns those that were tried."""
    real, met = log.record_all, []

    def arrange(number: int) -> list[str]:
        def record_all(records: Any) -> Any:
            met.extend(record.action.value for record in records)
            if len(met) <= number:
                raise OperationalError("deadlock detected") from _Deadlocked()
            return real(records)

        monkeypatch.setattr(log, "record_all", record_all)
        return met

    return arrange


@pytest.mark.django_db(transaction=True)
def test_a_verb_that_lost_a_deadlock_is_carried_out_once_more(deadlocks: Callable[[int], list[str]]) -> None:
    ticket = factories.submitted()
    met = deadlocks(1)

    tickets.send_back(ticket, actor=actor("dora"), now=timezone.now(), note=WHY)

    sent_back = AuditAction.TICKET_SENT_BACK.value
    assert met == [sent_back, sent_back]
    assert Ticket.objects.get(pk=ticket.pk).state == State.SENT_BACK
    assert AuditEntry.objects.filter(action=sent_back).count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_that_loses_again_says_so_and_changes_nothing(deadlocks: Callable[[int], list[str]]) -> None:
    ticket = factories.submitted()
    deadlocks(2)

    with pytest.raises(OperationalError):
        tickets.send_back(ticket, actor=actor("dora"), now=timezone.now(), note=WHY)

    assert Ticket.objects.get(pk=ticket.pk).state == State.AWAITING_DECISION


@pytest.mark.django_db(transaction=True)
def test_inside_a_larger_transaction_it_is_not_repeated(deadlocks: Callable[[int], list[str]]) -> None:
    ticket = factories.submitted()
    met = deadlocks(1)

    with pytest.raises(OperationalError), transaction.atomic():
        tickets.send_back(ticket, actor=actor("dora"), now=timezone.now(), note=WHY)

    assert len(met) == 1
