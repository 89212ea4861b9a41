"""The rules over the stored log: what the portal writes keeps them, and each way to break one is found."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import Client
from django.utils import timezone

from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.models import AuditEntry
from requests_app.queries import audit_rules, audit_verify
from requests_app.queries.audit_state import Standing, chain_state
from tests import audit_file, factories
from tests.factories import WORKER
from tests.functional.test_checkpoints import make, news
from tests.people import actor, person

pytestmark = pytest.mark.django_db
DELETE = {"operation": "delete_users", "step": 1, "attempt": 1}


def told(action: AuditAction, who: Actor, ticket: int = 900, **facts: Any) -> None:
    """An entry about a ticket that there is not."""
    with transaction.atomic():
        log.record_all([log.Record(action=action, actor=who, now=timezone.now(), ticket_id=ticket, facts=facts)])


def own_approval() -> None:
    told(AuditAction.TICKET_OPENED, actor("dora"), plan_digest="a")
    told(AuditAction.TICKET_APPROVED, actor("dora"), plan_digest="a")


def approval_after_an_edit() -> None:
    told(AuditAction.TICKET_OPENED, actor("ada"), plan_digest="a")
    told(AuditAction.TICKET_EDITED, actor("dora"), plan_digest="b")
    told(AuditAction.TICKET_APPROVED, actor("dora"), plan_digest="b")


def both_approvals() -> None:
    told(AuditAction.TICKET_OPENED, actor("ada"), plan_digest="a")
    told(AuditAction.TICKET_APPROVED, actor("dora"), plan_digest="a", first_approved_by=actor("dora").id)


def delete_without_an_approval() -> None:
    told(AuditAction.TICKET_OPENED, actor("ada"), plan_digest="a")
    told(AuditAction.CALL_INTENDED, WORKER, **DELETE)


def delete_of_another_plan() -> None:
    told(AuditAction.TICKET_OPENED, actor("ada"), plan_digest="a")
    told(AuditAction.TICKET_APPROVED, actor("dora"), plan_digest="a")
    told(AuditAction.TICKET_EDITED, actor("ada"), plan_digest="b")
    told(AuditAction.CALL_INTENDED, WORKER, **DELETE)


def answer_without_an_intent() -> None:
    told(AuditAction.TICKET_OPENED, actor("ada"), plan_digest="a")
    told(AuditAction.TICKET_APPROVED, actor("dora"), plan_digest="a")
    told(AuditAction.CALL_INTENDED, WORKER, **DELETE)
    told(AuditAction.CALL_ANSWERED, WORKER, **DELETE | {"attempt": 2})


BROKEN = (
    own_approval,
    approval_after_an_edit,
    both_approvals,
    delete_without_an_approval,
    delete_of_another_plan,
    answer_without_an_intent,
)


def test_what_the_portal_writes_keeps_the_rules() -> None:
    factories.completed()
    factories.refused()
    factories.stopped()
    factories.approved()

    assert audit_rules.first_broken() is None


@pytest.mark.parametrize("deed", BROKEN)
def test_each_break_is_found_at_the_entry_that_breaks(deed: Callable[[], None], tmp_path: Any) -> None:
    factories.completed()
    deed()
    last = AuditEntry.objects.latest("seq").seq
    news(3)

    found = audit_verify.check_log().report.first_break

    assert found is not None
    assert (found.seq, found.rule) == (last, True)
    # The auditors' own file, which shares no code with this, says the same.
    assert audit_file.Checker(tmp_path).findings(audit_file.exported()) == [("rule", last)]


@pytest.mark.parametrize("deed", BROKEN)
def test_a_check_of_the_newest_entries_knows_what_a_ticket_did_before(deed: Callable[[], None]) -> None:
    deed()
    last = AuditEntry.objects.latest("seq").seq

    found = audit_rules.first_broken(last - 1)

    assert found is not None
    assert found.seq == last
    assert audit_rules.first_broken(last) is None


def test_a_ticket_that_goes_on_keeps_them_in_a_later_check() -> None:
    told(AuditAction.TICKET_OPENED, actor("ada"), plan_digest="a")
    told(AuditAction.TICKET_APPROVED, actor("dora"), plan_digest="a")
    begun = AuditEntry.objects.latest("seq").seq
    told(AuditAction.CALL_INTENDED, WORKER, **DELETE)
    told(AuditAction.CALL_ANSWERED, WORKER, **DELETE)

    assert audit_rules.first_broken(begun) is None


def test_the_page_and_the_command_tell_it() -> None:
    own_approval()
    make()
    otto = Client()
    otto.force_login(person("otto"))

    page = otto.post("/audit/check/", follow=True).content.decode()

    assert "The chain is intact and tells what may not be" in page
    assert "had opened or edited it" in page
    assert chain_state().standing is Standing.BROKEN
    with pytest.raises(CommandError, match="had opened or edited it"):
        call_command("verify_audit", stdout=io.StringIO())
