"""Tickets that something holds, brought there by the domain, and what `manage.py explain_ticket` prints of a ticket."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from io import StringIO

from django.core.management import call_command
from django.utils import timezone

from requests_app.engine import breaker, budgets, claims
from requests_app.engine.batching import parcels
from requests_app.engine.context import Context
from requests_app.engine.phases import begin, intend, reconcile
from requests_app.engine.timing import BREAKER_FAILURES
from requests_app.enums import Mode
from requests_app.models import StreamApp, Ticket
from requests_app.stream.errors import Unavailable
from requests_app.workflow import holds, pauses
from tests import factories
from tests.canary import EMAIL, NAME, USER_ID
from tests.people import actor, person

PERSONAL = (USER_ID, NAME, EMAIL, "Quillfeather", "quillfeather")
ZONE = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [A-Z]{3,4}"
REASON = f"{NAME} has an incident."


def explain(ticket: Ticket | str, **options: object) -> str:
    out = StringIO()
    call_command("explain_ticket", ticket if isinstance(ticket, str) else ticket.reference, stdout=out, **options)
    return out.getvalue()


def part(printed: str, title: str) -> str:
    """The lines below one title."""
    match = re.search(rf"^{title}[^\n]*\n((?:  [^\n]*\n)*)", printed, re.M)
    assert match, printed
    return match[1]


def deletes(**changes: object) -> Ticket:
    """A running erasure of one account with one step."""
    plan = factories.erase_plan(USER_ID, feeds_data=Mode.KEEP)
    return factories.running(plan, requester_name=NAME, requester_email=EMAIL, **changes)


def paused() -> Ticket:
    ticket = deletes()
    pauses.pause(ticket.stream_app, actor=actor("dora"), now=timezone.now(), reason=REASON)
    return ticket


def paused_everywhere() -> Ticket:
    ticket = deletes()
    pauses.pause(None, actor=actor("dora"), now=timezone.now(), reason=REASON)
    return ticket


def held() -> Ticket:
    ticket = deletes()
    holds.place(ticket.stream_app, USER_ID, actor=actor("dora"), now=timezone.now(), reason=REASON)
    return ticket


def held_before_it_begins() -> Ticket:
    ticket = factories.approved(factories.erase_plan(USER_ID))
    holds.place(ticket.stream_app, USER_ID, actor=actor("dora"), now=timezone.now(), reason=REASON)
    return ticket


def silent() -> Ticket:
    ticket = deletes()
    leave_alone(ticket.stream_app, now=timezone.now())
    return ticket


def leave_alone(app: StreamApp, *, now: datetime) -> None:
    """The app does not answer, so often that it is called no more for a while."""
    for _ in range(BREAKER_FAILURES):
        breaker.note(app, [Unavailable("Stream cannot be reached.")], now=now)


def spent() -> Ticket:
    ticket = deletes()
    budgets.block(ticket.stream_app, "DeleteUsers", now=timezone.now(), seconds=60)
    return ticket


def reads_spent() -> Ticket:
    ticket = deletes()
    budgets.block(ticket.stream_app, "QueryUsers", now=timezone.now(), seconds=60)
    return ticket


def spent_early() -> Ticket:
    ticket = factories.approved(factories.erase_plan(USER_ID))
    budgets.block(ticket.stream_app, "DeleteUsers", now=timezone.now(), seconds=60)
    return ticket


def leased() -> Ticket:
    ticket = deletes()
    assert claims.claim_sendable(now=timezone.now())
    return ticket


def sending() -> Ticket:
    ticket = deletes()
    begin_a_call(timezone.now())
    return ticket


def abandoned() -> Ticket:
    """A worker began a call an hour ago and was never seen again."""
    hour_ago = timezone.now() - timedelta(hours=1)
    ticket = factories.approved(factories.erase_plan(USER_ID, feeds_data=Mode.KEEP), at=hour_ago)
    begin.begin_approved(actor=factories.WORKER, now=hour_ago)
    begin_a_call(hour_ago)
    return ticket


def begin_a_call(now: datetime) -> None:
    claimed = parcels.parcels(claims.claim_sendable(now=now))
    assert intend.intend(claimed, Context(pool=None, now=lambda: now))  # type: ignore[arg-type]


def unknown() -> Ticket:
    """The same, taken over by another worker."""
    ticket = abandoned()
    reconcile.adopt_abandoned(Context(pool=None, now=timezone.now))  # type: ignore[arg-type]
    return ticket


def behind() -> Ticket:
    return factories.running(factories.erase_plan(USER_ID))


def approver_gone() -> Ticket:
    ticket = deletes()
    person("dora").groups.clear()
    return ticket


def cooling_off() -> Ticket:
    factories.stream_app(cooling_off_hours=24)
    return factories.approved(factories.erase_plan(USER_ID))


def stopped() -> Ticket:
    return factories.stopped(factories.erase_plan(USER_ID))
