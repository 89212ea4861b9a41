"""Between two steps of the engine something is lost, late or wrong: what must happen then."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ

from requests_app import jobs
from requests_app.engine.sweep import sweep_once
from requests_app.engine.timing import database_now
from requests_app.enums import Mode, Outcome, State, StepState
from requests_app.models import Step, StreamApp, Ticket
from tests import factories
from tests.own_portal import OwnPortal, own_portal
from tests.patience import until
from tests.sandbox_server import StandIn, running_sandbox


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with running_sandbox() as started:
        yield started


@pytest.fixture
def app(stand_in: StandIn) -> StreamApp:
    return factories.stream_app(base_url=stand_in.base_url, api_key=stand_in.key)


def erasure(app: StreamApp) -> Ticket:
    return factories.approved(factories.erase_plan("marie.curie", feeds_data=Mode.KEEP), app=app)


def result(ticket: Ticket) -> tuple[str, str]:
    found = Ticket.objects.get(pk=ticket.pk)
    return found.state, found.outcome


@pytest.mark.django_db(transaction=True)
def test_a_lost_doorbell_is_made_up_for_by_the_schedule(app: StreamApp, stand_in: StandIn) -> None:
    ticket = erasure(app)
    OrmQ.objects.all().delete()

    jobs.sweep(0)

    assert result(ticket) == (State.COMPLETED, Outcome.ERASED_IN_PART)


@pytest.mark.django_db(transaction=True)
def test_a_doorbell_that_rings_again_and_again_sends_nothing_twice(app: StreamApp, stand_in: StandIn) -> None:
    ticket = erasure(app)

    for _ in range(5):
        jobs.answer_doorbell(ticket.pk)

    assert [call["user_ids"] for call in stand_in.calls()] == [["marie.curie"]]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("hours", [1, -1])
def test_the_wrong_clock_of_a_machine_moves_no_lease(
    app: StreamApp, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """On PostgreSQL the server's clock counts; a SQLite file has one machine and so one clock."""
    if connection.vendor != "postgresql":
        pytest.skip("A matter of several machines, so of PostgreSQL alone.")
    ticket = erasure(app)
    stand_in.go_wrong(calls={"DeleteUsers": {"lose_answer": True, "times": 1}})
    sweep_once(linger=0)
    before = database_now()
    real = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + timedelta(hours=hours))

    sweep_once(linger=0)

    step = Step.objects.get(ticket=ticket)
    assert step.state == StepState.UNKNOWN
    assert step.next_at is not None
    assert timedelta(0) < step.next_at - before < timedelta(minutes=1)
    assert len(stand_in.calls()) == 1


def report(portal: OwnPortal) -> Any:
    return portal.say("from tests.faults import errands; errands.report()")


@pytest.mark.parametrize("words", [("sweep", "--loop", "0.1"), ("qcluster",)])
def test_a_worker_that_is_told_to_stop_ends_its_call_and_leaves_nothing_unknown(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    with own_portal(tmp_path) as portal:
        slow = {"calls": {"DeleteUsers": {"latency_ms": 2500}}}
        (tmp_path / "faults.json").write_text(json.dumps(slow))
        portal.manage("shell", "--no-imports", "-c", "from tests.faults import errands; errands.approve('anna', 3)")
        worker = portal.start(*words)
        until(lambda: report(portal)["actions"].get("call.intend"), seconds=60, what="a call to begin")

        os.kill(worker.pid, signal.SIGTERM)

        assert worker.wait(timeout=60) == 0
        found = report(portal)
        assert found["actions"]["call.answer"] == found["actions"]["call.intend"]
        portal.manage("sweep", "--once")
        found = report(portal)
        assert found["tickets"] == {"completed/erased_in_part": 3}
        assert "call.reconcile" not in found["actions"]
        deletes = [call["user_ids"] for call in portal.accepted() if call["operation"] == "DeleteUsers"]
        assert sorted(name for names in deletes for name in names) == ["anna-0", "anna-1", "anna-2"]
