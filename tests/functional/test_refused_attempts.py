"""An attempt that was refused is kept, whatever becomes of the transaction that it was made in."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from requests_app.audit_actions import AuditAction
from requests_app.models import AuditEntry, Ticket
from requests_app.workflow import access, approval, tickets
from requests_app.workflow.permissions import NotPermitted
from tests import factories
from tests.people import actor, signed_in

pytestmark = pytest.mark.django_db(transaction=True)


def approve_as_an_agent(ticket: Ticket, **_: Any) -> None:
    approval.approve(
        ticket,
        actor=actor("ben"),
        now=timezone.now(),
        confirm_user_id="",
        plan_digest="",
        revision=None,
        preview_digest="",
    )


def kept() -> list[int | None]:
    """The tickets of the attempts that the log knows."""
    entries = AuditEntry.objects.filter(action=AuditAction.ATTEMPT_REFUSED.value).order_by("seq")
    return list(entries.values_list("ticket_id", flat=True))


def test_it_is_kept_at_once_where_there_is_no_transaction() -> None:
    ticket = factories.submitted()

    with pytest.raises(NotPermitted):
        approve_as_an_agent(ticket)

    assert kept() == [ticket.pk]


def test_it_is_kept_though_the_callers_transaction_is_rolled_back() -> None:
    ticket = factories.submitted()

    with pytest.raises(NotPermitted), transaction.atomic():
        approve_as_an_agent(ticket)
    access.record_waiting()

    assert kept() == [ticket.pk]


def test_it_is_kept_once_where_the_caller_goes_on_and_commits() -> None:
    ticket = factories.submitted()

    with transaction.atomic():
        with suppress(NotPermitted):
            approve_as_an_agent(ticket)
        access.record_waiting()
        assert kept() == []
    access.record_waiting()
    access.record_waiting()

    assert kept() == [ticket.pk]


def test_each_attempt_of_a_loop_is_kept() -> None:
    several = [factories.submitted() for _ in range(3)]

    for ticket in several:
        with suppress(NotPermitted), transaction.atomic():
            approve_as_an_agent(ticket)
    access.record_waiting()

    assert kept() == [ticket.pk for ticket in several]


def test_a_ticket_that_went_with_the_transaction_is_not_named() -> None:
    def open_and_approve() -> None:
        with transaction.atomic():
            approve_as_an_agent(factories.draft())

    factories.stream_app()
    with pytest.raises(NotPermitted):
        open_and_approve()
    # On SQLite it gets the number of the one that is gone.
    factories.draft()
    access.record_waiting()

    assert kept() == [None]


def test_it_is_kept_after_a_request_whose_view_rolled_back(monkeypatch: pytest.MonkeyPatch) -> None:
    app, ben = factories.stream_app(), signed_in("ben")
    monkeypatch.setattr(tickets, "submit", approve_as_an_agent)
    typed = {
        "kind": "export",
        "shown": "export",
        "stream_app": app.pk,
        "user_ids": "u_1",
        "export_user_data": "on",
        "received_on": timezone.localdate().isoformat(),
        "channel": "email",
        "action": "submit",
    }

    answer = ben.post("/tickets/new/", typed)

    assert answer.status_code == 403
    assert not Ticket.objects.exists()
    assert kept() == [None]
