"""`manage.py explain_ticket` names every gate that holds a ticket or a step, and until when, and names nobody."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.utils import timezone

from requests_app.engine import budgets
from requests_app.models import AuditEntry, Ticket
from requests_app.workflow import pauses, policies
from tests import explanations, factories
from tests.canary import SECRET, USER_ID
from tests.explanations import PERSONAL, ZONE, explain, part
from tests.people import actor

pytestmark = pytest.mark.django_db

GATES: dict[str, tuple[Callable[[], Ticket], str, str]] = {
    "paused": (
        explanations.paused,
        "Steps",
        rf"\[paused\] sending is paused for this app, .*; since {ZONE}\. Reason: ",
    ),
    "paused everywhere": (
        explanations.paused_everywhere,
        "What holds it",
        rf"\[paused\] .* for all apps, .*; since {ZONE}",
    ),
    "held": (explanations.held, "Steps", rf"\[hold\] {re.escape(policies.ON_HOLD)}"),
    "held early": (explanations.held_before_it_begins, "What holds it", rf"\[hold\] {re.escape(policies.ON_HOLD)}"),
    "silent": (explanations.silent, "Steps", rf"\[app\] .* \(Stream cannot be reached\.\); since {ZONE}, until {ZONE}"),
    "spent": (
        explanations.spent,
        "Steps",
        rf"\[limit\] waits until Stream's rate limit .* \(DeleteUsers\); until {ZONE}",
    ),
    "spent in all": (explanations.spent, "What holds it", rf"\[limit\] .* \(DeleteUsers\); until {ZONE}"),
    "reads spent": (explanations.reads_spent, "Steps", rf"\[limit\] .* \(QueryUsers\); until {ZONE}"),
    "spent early": (explanations.spent_early, "What holds it", rf"\[limit\] .* \(DeleteUsers\); until {ZONE}"),
    "leased": (explanations.leased, "Steps", rf"\[lease\] a worker holds the step; until {ZONE}"),
    "the lease": (explanations.leased, "Leases", rf"step \d+: token 1, until {ZONE}"),
    "sending": (
        explanations.sending,
        "Steps",
        rf"\[answer\] waits until Stream answers the call\n.*\[lease\] a worker .*; until {ZONE}",
    ),
    "abandoned": (explanations.abandoned, "Steps", rf"\[lease\] its worker's lease ran out: .*; since {ZONE}"),
    "an open attempt": (explanations.abandoned, "Attempts", rf"intended {ZONE}, with Sent, no answer yet\n"),
    "unknown": (
        explanations.unknown,
        "Steps",
        rf"\[check\] waits until a look at what an unanswered call did; until {ZONE}",
    ),
    "behind": (explanations.behind, "Steps", r"\[rank\] step \d+ \(Delete feeds data\) goes first"),
    "right": (
        explanations.approver_gone,
        "Steps",
        r"\[approval\] Whoever approved this is no data protection officer of this app any more",
    ),
    "cooling off": (explanations.cooling_off, "What holds it", rf"\[cooling_off\] .*; since {ZONE}, until {ZONE}"),
    "worker": (factories.approved, "What holds it", rf"\[worker\] waits until the worker takes it up; since {ZONE}"),
    "not approved": (factories.submitted, "What holds it", r"\[approval\] is not approved: .*“Waiting for DPO”"),
    "stopped": (explanations.stopped, "What holds it", r"\[person\] waits until a person looks at it"),
    "nothing": (explanations.deletes, "Steps", r"\[turn\] waits until its turn to be sent"),
}


@pytest.mark.parametrize("gate", GATES)
def test_it_names_each_gate_and_until_when(gate: str) -> None:
    make, title, expected = GATES[gate]
    ticket = make()

    assert re.search(expected, part(explain(ticket), title)), explain(ticket)


def test_a_budget_that_the_ticket_does_not_need_is_no_gate_of_it() -> None:
    ticket = factories.running(factories.export_plan(USER_ID))
    for endpoint in ("DeleteUsers", "QueryUsers"):
        budgets.block(ticket.stream_app, endpoint, now=timezone.now(), seconds=60)

    assert "[limit]" not in explain(ticket)


def test_a_gate_that_is_open_is_not_named() -> None:
    ticket = explanations.paused()
    pauses.lift(ticket.stream_app, actor=actor("dora"), now=timezone.now(), reason="It is over.")

    assert "[paused]" not in explain(ticket)
    assert "[turn]" in explain(ticket)


@pytest.mark.parametrize("make", list(dict.fromkeys(make for make, _, _ in GATES.values())))
def test_the_masked_print_names_nobody_and_leaves_no_entry(make: Callable[[], Ticket]) -> None:
    ticket = make()
    before = AuditEntry.objects.count()

    printed = explain(ticket)

    assert [word for word in (*PERSONAL, SECRET) if word in printed] == []
    assert "account 1" in printed
    assert AuditEntry.objects.count() == before
