"""What waits for a decision: in the order of the deadlines, with what weighs in it, and what comes next."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from requests_app.models import Ticket
from requests_app.queries import approvals
from requests_app.workflow import approval, holds, tickets
from tests import factories
from tests.people import actor, signed_in

pytestmark = pytest.mark.django_db
WHO = "marie.curie"


def due_in(ticket: Ticket, days: int) -> Ticket:
    Ticket.objects.filter(pk=ticket.pk).update(due_on=timezone.localdate() + timedelta(days=days))
    return ticket


def test_the_earliest_due_comes_first_with_what_weighs() -> None:
    factories.completed(factories.soft_plan(WHO))
    later = due_in(factories.submitted(factories.erase_plan(WHO, "other")), 9)
    late = due_in(factories.submitted(), -1)
    now = timezone.now()
    holds.place(later.stream_app, "other", actor=actor("dora"), now=now, reason="A claim is open.")

    found = approvals.page(actor("dora"))

    assert [one.row.reference for one in found] == [late.reference, later.reference]
    assert [(one.accounts, one.held, one.others) for one in found] == [(1, False, 0), (2, True, 1)]
    shown = signed_in("dora").get("/approvals/").content.decode()
    for words in ("on legal hold", "one other ticket", "2 accounts", "1 day late", "identity not checked"):
        assert words in shown, words


def test_the_first_of_two_is_named() -> None:
    factories.stream_app(second_approver=True)
    ticket = factories.submitted(factories.erase_plan(WHO))
    now = timezone.now()
    approval.approve(ticket, actor=actor("dora"), now=now, confirm_user_id=WHO, **factories.seen(ticket))

    assert "Dora Dpo approved first" in signed_in("dan").get("/approvals/").content.decode()


def test_an_auditor_sees_what_waits_and_nobodys_id() -> None:
    factories.submitted(factories.erase_plan(WHO))

    shown = signed_in("otto").get("/approvals/").content.decode()

    assert "one account" in shown
    assert WHO not in shown


def test_the_number_of_queries_does_not_grow_with_what_waits(django_assert_num_queries: Any) -> None:
    dora = signed_in("dora")

    def load(number: int) -> int:
        for _ in range(number):
            factories.submitted()
        with django_assert_num_queries(100, exact=False) as counted:
            dora.get("/approvals/")
        return len(counted)

    assert load(1) == load(7)


def test_pages_go_on_behind_the_last_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("requests_app.queries.approvals.PAGE", 2)
    monkeypatch.setattr("requests_app.queries.tickets.PAGE", 2)
    made = [due_in(factories.submitted(), days).reference for days in (1, 2, 3)]
    dora = signed_in("dora")
    first = dora.get("/approvals/")

    second = dora.get(first.context["pager"].next)

    assert [row.reference for row in first.context["rows"]] == made[:2]
    assert [row.reference for row in second.context["rows"]] == made[2:]


def test_who_decided_is_led_to_the_next_that_they_may_decide() -> None:
    own = due_in(factories.submitted(by="dora"), 1)
    second = due_in(factories.submitted(), 5)
    ticket = factories.submitted()
    page = f"/tickets/{ticket.reference}/"
    assert "Next in line" not in signed_in("dora").get(page).content.decode()

    tickets.send_back(ticket, actor=actor("dora"), now=timezone.now(), note="Which app?")

    shown = signed_in("dora").get(page).content.decode()
    assert f"Next in line: {second.reference}" in shown
    assert own.reference not in shown
    assert "Next in line" not in signed_in("dan").get(page).content.decode()
    tickets.submit(Ticket.objects.get(pk=ticket.pk), actor=actor("ada"), now=timezone.now())
    assert "You decided about this one" not in signed_in("dora").get(page).content.decode()
