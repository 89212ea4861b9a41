"""`setup_demo`: staff and tickets by the verbs that people use, once, and in the demo alone."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from requests_app.audit_actions import AuditAction
from requests_app.enums import State
from requests_app.models import AuditEntry, ClockPause, Extension, Letter, StreamApp, Ticket
from requests_app.queries.audit import check_chain
from requests_app.queries.audit_rules import first_broken
from requests_app.workflow.staff import role_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def demo(settings: Any) -> None:
    settings.PROFILE = "demo"
    settings.STREAM_BASE_URL, settings.STREAM_API_KEY = "http://127.0.0.1:7", "key"
    call_command("migrate", verbosity=0)


@pytest.mark.usefixtures("demo")
def test_it_fills_the_demo_and_a_second_run_keeps_it(capsys: Any) -> None:
    call_command("setup_demo")
    states, entries = Counter(Ticket.objects.values_list("state", flat=True)), AuditEntry.objects.count()
    call_command("setup_demo")

    assert sum(states.values()) >= 35
    assert {State.DRAFT, State.AWAITING_DECISION, State.SENT_BACK, State.REFUSED, State.CANCELLED} <= set(states)
    assert states[State.APPROVED] >= 2
    assert {"receipt", "refusal"} <= set(Letter.objects.values_list("kind", flat=True))
    assert ClockPause.objects.filter(answered_on=None).exists()
    assert Extension.objects.exists()
    assert Ticket.objects.filter(answered_at__isnull=False).count() >= 2
    assert Ticket.objects.filter(state=State.REFUSED, answered_at=None).exists()
    assert AuditEntry.objects.count() == entries
    assert "filled already" in capsys.readouterr().out
    assert check_chain().intact
    assert first_broken() is None


@pytest.mark.usefixtures("demo")
def test_its_people_are_those_of_the_welcome() -> None:
    call_command("setup_demo")

    roles = {who.username: role_of(who) for who in get_user_model().objects.all()}
    assert {name: roles[name] for name in ("ana", "mara", "elif", "ruth")} == {
        "ana": "agent",
        "mara": "dpo",
        "elif": "auditor",
        "ruth": "administrator",
    }
    assert get_user_model().objects.get(username="mara").check_password("demo-portal-2026")


@pytest.mark.usefixtures("demo")
def test_nobody_in_it_approved_their_own() -> None:
    call_command("setup_demo")

    approved = Ticket.objects.filter(approved_by__isnull=False)
    assert approved.exists()
    assert all(ticket.approved_by_id != ticket.opened_by_id for ticket in approved)
    assert AuditEntry.objects.filter(action=AuditAction.TICKET_APPROVED).count() == approved.count()


@pytest.mark.parametrize("profile", ["production", "test"])
def test_it_fills_nothing_but_the_demo(profile: str, settings: Any) -> None:
    settings.PROFILE = profile
    StreamApp.objects.create(name="live", base_url="https://chat.example.org", api_key="k", api_secret="CANARY-s")

    with pytest.raises(CommandError, match="PORTAL_PROFILE=demo"):
        call_command("setup_demo")

    assert not get_user_model().objects.exists()


def test_it_says_what_is_missing_where_there_is_no_app(settings: Any) -> None:
    settings.PROFILE = "demo"

    with pytest.raises(CommandError, match="no Stream app"):
        call_command("setup_demo")
