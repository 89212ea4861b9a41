"""Between the page and the call: what changes meanwhile, and two who press at once, get around no safeguard."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connections
from django.utils import timezone

from requests_app.audit.actor import Actor
from requests_app.enums import Role, State
from requests_app.models import Preview, StreamApp, Ticket
from requests_app.workflow import approval, holds, previews, tickets
from requests_app.workflow.permissions import NotPermitted
from requests_app.workflow.policies import UnableTo
from tests import factories
from tests.clock import Clock
from tests.people import actor, person
from tests.sandbox_server import running_sandbox

pytestmark = pytest.mark.django_db(transaction=True)
WHO = "marie.curie"


def approve(ticket: Ticket, by: Actor) -> Ticket:
    return approval.approve(
        ticket,
        actor=by,
        now=timezone.now(),
        confirm_user_id=ticket.plan["user_ids"][0],
        **factories.seen(ticket),
    )


def fresh(ticket: Ticket) -> Ticket:
    return Ticket.objects.select_related("stream_app").get(pk=ticket.pk)


def demote(name: str) -> None:
    person(name).groups.set([Group.objects.get_or_create(name=Role.AGENT.value)[0]])


def test_two_approvals_at_once_do_not_share_one_hours_bound(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DSR_DELETES_PER_HOUR = 1
    waiting = [factories.submitted(), factories.submitted()]
    dora = actor("dora")
    real = approval.approved_in_last_hour
    together = threading.Barrier(2)

    def counted(who: Actor, *, now: datetime) -> int:
        """Count, and wait for the other to have counted, too: where approvals wait in line, it never comes."""
        number = real(who, now=now)
        with suppress(threading.BrokenBarrierError):
            together.wait(timeout=2)
        return number

    def press(ticket: Ticket) -> str:
        try:
            return approve(fresh(ticket), dora).state
        finally:
            connections.close_all()

    monkeypatch.setattr(approval, "approved_in_last_hour", counted)
    with ThreadPoolExecutor(2) as pool:
        states = sorted(pool.map(press, waiting))

    assert states == [State.APPROVED, State.AWAITING_DECISION]


def test_a_stricter_app_is_heeded_though_the_page_was_opened_before() -> None:
    ticket = fresh(factories.submitted(factories.erase_plan(WHO)))
    StreamApp.objects.update(second_approver=True, cooling_off_hours=24)

    assert approve(ticket, actor("dora")).state == State.AWAITING_DECISION
    done = approve(fresh(ticket), actor("dan"))

    assert done.state == State.APPROVED
    assert done.not_before is not None


def test_a_hold_that_comes_while_somebody_approves_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = fresh(factories.submitted(factories.erase_plan(WHO)))
    real = previews.check

    def slowly(*args: Any, **kwargs: Any) -> Preview:
        holds.place(ticket.stream_app, WHO, actor=actor("dan"), now=timezone.now(), reason="A claim is open.")
        return real(*args, **kwargs)

    monkeypatch.setattr(previews, "check", slowly)
    with pytest.raises(UnableTo, match="legal hold"):
        approve(ticket, actor("dora"))

    assert fresh(ticket).state == State.AWAITING_DECISION


def test_the_word_of_a_demoted_first_approver_is_no_longer_one_of_two() -> None:
    factories.stream_app(second_approver=True)
    ticket = factories.submitted(factories.erase_plan(WHO))
    approve(fresh(ticket), actor("dora"))
    demote("dora")

    again = approve(fresh(ticket), actor("dan"))

    assert (again.state, again.first_approved_by_id) == (State.AWAITING_DECISION, person("dan").pk)


@pytest.mark.parametrize("who", ["dora", "dan"])
def test_nothing_is_sent_once_one_of_the_two_lost_the_right(who: str) -> None:
    with running_sandbox() as started:
        factories.stream_app(base_url=started.base_url, api_key=started.key, second_approver=True)
        ticket = factories.submitted(factories.erase_plan(WHO))
        approve(fresh(ticket), actor("dora"))
        assert approve(fresh(ticket), actor("dan")).state == State.APPROVED
        demote(who)

        Clock().sweep_for(seconds=5)

        assert started.calls() == []
    assert fresh(ticket).state == State.NEEDS_ATTENTION


def test_an_auditor_cancels_in_the_cooling_off_and_no_longer_afterwards() -> None:
    factories.stream_app(cooling_off_hours=1)
    first, second = factories.approved(), factories.approved()
    now = timezone.now()

    assert tickets.cancel(first, actor=actor("otto"), now=now).state == State.CANCELLED
    with pytest.raises(NotPermitted):
        tickets.cancel(second, actor=actor("otto"), now=now + timedelta(hours=1, seconds=1))
