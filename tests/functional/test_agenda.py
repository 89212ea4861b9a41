"""What a pass has to do: the text of the question is built once, and answers as the question built anew would."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from requests_app.engine import agenda, breaker, claims
from requests_app.engine.phases import begin
from requests_app.engine.timing import BREAKER_FAILURES, LEASE, LIMITS_READ_EVERY
from requests_app.enums import Mode
from requests_app.models import AppHealth, StreamApp
from requests_app.steps import write
from requests_app.stream.errors import Unavailable
from requests_app.workflow import pauses
from tests import factories
from tests.clock import Clock
from tests.people import actor

pytestmark = pytest.mark.django_db(transaction=True)


def built_anew(clock: Clock, app: StreamApp) -> dict[str, Any]:
    """The answer of a query that Django builds for this very moment."""
    return agenda.question(clock(), clock() - LIMITS_READ_EVERY).get(pk=app.pk)


def read(clock: Clock, app: StreamApp) -> dict[str, Any]:
    found = agenda.read(clock())
    told = {phase: getattr(found, phase) for phase in ("begin", "send", "reconcile", "look", "poll", "adopt")}
    known = {reason: app.pk in getattr(found, reason) for reason in agenda.REASONS}
    return told | known | {"pk": app.pk}


def test_it_answers_as_a_query_built_anew_whatever_is_due(clock: Clock) -> None:
    app = factories.stream_app()
    seen = []

    def agrees() -> None:
        assert read(clock, app) == built_anew(clock, app)
        seen.append({name for name, is_so in read(clock, app).items() if is_so is True})

    agrees()
    factories.approved(factories.erase_plan("marie.curie", feeds_data=Mode.KEEP), app=app)
    agrees()
    begin.begin_approved(actor=factories.WORKER, now=clock())
    agrees()
    (step,) = claims.claim_sendable(now=clock())
    agrees()
    with transaction.atomic():
        write.intend([step], now=clock(), lease_until=clock() + LEASE)
    clock.forward(seconds=LEASE.total_seconds() + 1)
    agrees()
    for failures in range(BREAKER_FAILURES):
        breaker.note(app, [Unavailable("No connection.", operation="DeleteUsers")], now=clock())
        if not failures:
            agrees()
    pauses.pause(app, actor=actor("dora"), now=clock(), reason="Stream asked for it.")
    agrees()
    AppHealth.objects.filter(stream_app=app).update(limits_read_at=clock())
    agrees()
    clock.forward(seconds=LIMITS_READ_EVERY.total_seconds() + 1)
    agrees()

    assert seen == [
        set(),
        {"begin"},
        {"send"},
        set(),
        {"adopt"},
        {"adopt", "troubled"},
        {"adopt", "paused", "closed", "troubled"},
        {"adopt", "paused", "closed", "troubled", "limits_known"},
        {"adopt", "paused", "closed", "troubled"},
    ]


def test_a_pause_of_everything_pauses_each_app(clock: Clock) -> None:
    apps = {factories.stream_app().pk, StreamApp.objects.create(name="Another", base_url="https://example.org").pk}

    pauses.pause(None, actor=actor("dora"), now=clock(), reason="Stream asked for it.")

    assert agenda.read(clock()).paused == apps


def test_it_is_one_query_for_any_moment(clock: Clock) -> None:
    factories.stream_app()
    agenda.read(clock())
    clock.forward(days=400)

    with CaptureQueriesContext(connection) as queries:
        agenda.read(clock())

    assert len(queries) == 1
    assert str(clock().date()) in queries[0]["sql"]
