"""The demo's tickets once the worker was at them: each ends where the demo wants to show one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.test import override_settings

from requests_app.demo import tickets
from requests_app.demo.looker import Looker
from requests_app.enums import Kind, Operation, Outcome, State, StepState
from requests_app.models import Account, Ticket
from requests_app.queries.audit_rules import first_broken
from tests.clock import Clock
from tests.sandbox_server import StandIn, running_sandbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with running_sandbox() as started:
        started.go_wrong(**tickets.FAULTS)
        Looker.at(started.base_url, started.key, started.secret).make(*tickets.MANY_ACCOUNTS, name=tickets.NAME_OF_MANY)
        yield started


@pytest.fixture
def worked_on(stand_in: StandIn, settings: Any) -> StandIn:
    """The filled demo, after the worker had all the time that it wants."""
    settings.PROFILE = "demo"
    app = {"STREAM_BASE_URL": stand_in.base_url, "STREAM_API_KEY": stand_in.key, "STREAM_API_SECRET": stand_in.secret}
    with override_settings(**app):
        call_command("migrate", verbosity=0)
        call_command("setup_demo")
        Clock().sweep_for(seconds=60, step=5)
        yield stand_in


def the_ticket_of(user_id: str, kind: Kind) -> Ticket:
    return Account.objects.get(user_id=user_id, ticket__kind=kind).ticket


@pytest.mark.usefixtures("worked_on")
def test_one_runs_one_is_stopped_one_is_partial_and_one_has_many_accounts() -> None:
    running = the_ticket_of(tickets.ENDLESS, Kind.EXPORT)
    assert running.state == State.RUNNING
    waits = running.steps.get(operation=Operation.EXPORT_FEEDS_DATA)
    assert waits.state == StepState.ON_STREAM

    stopped = the_ticket_of("noor@example.org", Kind.ERASE)
    assert stopped.state == State.NEEDS_ATTENTION
    assert "legal hold" in stopped.attention

    partial = the_ticket_of("u_019b3e5f", Kind.ERASE)
    assert (partial.state, partial.outcome) == (State.COMPLETED, Outcome.ERASED_IN_PART)

    many = the_ticket_of(tickets.MANY_ACCOUNTS[0], Kind.ERASE)
    assert many.state == State.AWAITING_DECISION
    assert many.accounts.count() == len(tickets.MANY_ACCOUNTS) == 12
    assert first_broken() is None


def test_the_stopped_and_the_waiting_accounts_are_still_on_stream(worked_on: StandIn) -> None:
    looker = Looker.at(worked_on.base_url, worked_on.key, worked_on.secret)

    assert all(looker.exists(user_id) for user_id in ("noor@example.org", *tickets.MANY_ACCOUNTS))
    assert not looker.exists("u_019b3e5f")
