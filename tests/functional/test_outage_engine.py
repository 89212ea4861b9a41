"""The engine and a database that is locked or away: it waits, says so once, and sends and writes everything once."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, OperationalError, connection

from requests_app import jobs, outages
from requests_app.audit_actions import AuditAction
from requests_app.engine import claims, sweep
from requests_app.engine.phases import answer, intend, poll, read_back, send
from requests_app.enums import Outcome, State
from requests_app.management.commands import sweep as command
from requests_app.models import AuditEntry, Ticket
from requests_app.queries.audit import check_chain
from requests_app.upkeep import timetable
from requests_app.workflow import outcomes
from tests import factories
from tests.clock import Clock
from tests.outages import commits_that_break_off, impatient, locked, unreachable
from tests.patience import until
from tests.sandbox_server import StandIn

pytestmark = pytest.mark.django_db(transaction=True)

# What the engine calls when it is about to write: module and name.
MOMENTS = [
    (claims, "claim_sendable"),
    (send, "_act_on_looks"),
    (intend, "intend"),
    (answer, "write_down"),
    (poll, "_apply_reports"),
    (read_back, "_apply_looks"),
    (outcomes, "settle_all"),
]
NAMES = [f"{module.__name__.rpartition('.')[2]}.{name}" for module, name in MOMENTS]


@pytest.fixture(autouse=True)
def _no_outage_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "LOG", outages.OutageLog())


def erasure(stand_in: StandIn) -> Ticket:
    app = factories.stream_app(base_url=stand_in.base_url, api_key=stand_in.key)
    return factories.approved(factories.erase_plan("marie.curie"), app=app)


def once_before(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, act: Callable[[], None]) -> list[str]:
    """Do something right before the function is called for the first time; the list tells that it was."""
    real, done = getattr(module, name), []

    def called(*words: Any, **named: Any) -> Any:
        if not done:
            done.append(name)
            act()
        return real(*words, **named)

    monkeypatch.setattr(module, name, called)
    return done


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "portal.database"]


def erased_once(ticket: Ticket, stand_in: StandIn) -> None:
    ticket.refresh_from_db()
    assert (ticket.state, ticket.outcome) == (State.COMPLETED, Outcome.ERASED)
    assert [call["operation"] for call in stand_in.calls()] == ["DeleteFeedUserData", "DeleteUsers"]
    assert check_chain().intact


def entries(ticket: Ticket) -> Counter[str]:
    return Counter(AuditEntry.objects.filter(ticket_id=ticket.pk).values_list("action", flat=True))


@pytest.mark.parametrize(("module", "name"), MOMENTS, ids=NAMES)
def test_a_sweep_waits_for_a_locked_database_and_goes_on_where_it_was(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, module: Any, name: str
) -> None:
    ticket, clock = erasure(stand_in), Clock()
    with impatient() as lock:
        done = once_before(monkeypatch, module, name, lock.take)

        def let_go() -> None:
            until(lambda: "is locked" in caplog.text, seconds=30, what="the engine to meet the lock")
            lock.let_go()

        releaser = threading.Thread(target=let_go)
        releaser.start()
        clock.sweep_for(seconds=20)
        releaser.join()

    assert done
    erased_once(ticket, stand_in)
    told = entries(ticket)
    assert told[AuditAction.CALL_INTENDED] == told[AuditAction.CALL_ANSWERED] == 2
    assert AuditAction.CALL_RECONCILED not in told
    assert lines(caplog) == [
        "The database is locked (OperationalError); trying again.",
        "The database answers again.",
    ]


@pytest.mark.parametrize(("module", "name"), MOMENTS, ids=NAMES)
def test_what_was_committed_before_the_connection_broke_is_not_written_twice(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    ticket, clock = erasure(stand_in), Clock()
    with commits_that_break_off() as arm:
        done = once_before(monkeypatch, module, name, arm)
        # Past a lease and the time to settle: an intent that nobody knows to be committed is found like that.
        clock.sweep_for(seconds=300, step=10)

    assert done
    erased_once(ticket, stand_in)
    told = entries(ticket)
    assert told[AuditAction.CALL_ANSWERED] == 2
    assert told[AuditAction.STREAM_TASK_FINISHED] == 2
    assert told[AuditAction.READ_BACK] == 2


def test_a_connection_that_the_server_ends_is_made_anew(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("A matter of PostgreSQL alone.")
    ticket, clock = erasure(stand_in), Clock()

    def end() -> None:
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [connection.connection.info.backend_pid])
        other.close()

    once_before(monkeypatch, answer, "write_down", end)
    clock.sweep_for(seconds=20)

    erased_once(ticket, stand_in)
    assert AuditAction.CALL_RECONCILED not in entries(ticket)
    assert lines(caplog) == [
        "The database does not answer (OperationalError); trying again.",
        "The database answers again.",
    ]


def test_a_look_from_before_the_outage_is_no_ground_to_send_on(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """While the look could not be acted on, somebody else may have taken the id: it is looked at anew."""
    erasure(stand_in)
    looks: list[int] = []
    real = send.check_before.look

    def look(*words: Any) -> Any:
        looks.append(1)
        return real(*words)

    before_intents: list[int] = []
    carry_out = intend.intend

    def noted(parcels: Any, context: Any) -> Any:
        if parcels:
            before_intents.append(len(looks))
        return carry_out(parcels, context)

    monkeypatch.setattr(send.check_before, "look", look)
    monkeypatch.setattr(intend, "intend", noted)
    with impatient() as lock:
        once_before(monkeypatch, send.intend, "apply_verdicts", lock.take)
        once_before(monkeypatch, sweep, "_rest", lock.let_go)
        Clock().sweep()

    assert before_intents[0] == 2
    assert len(lines(caplog)) == 2


def test_a_sweep_whose_budget_is_spent_leaves_the_outage_to_its_caller(caplog: pytest.LogCaptureFixture) -> None:
    with locked(), pytest.raises(OperationalError):
        sweep.sweep_once(budget_seconds=1.0)

    assert lines(caplog) == ["The database is locked (OperationalError); trying again."]


def test_an_error_that_is_no_outage_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(context: Any) -> None:
        raise IntegrityError("duplicate key")

    monkeypatch.setattr(sweep, "one_pass", broken)

    with pytest.raises(IntegrityError):
        sweep.sweep_once()


@pytest.mark.parametrize("away", [locked, unreachable])
def test_the_jobs_end_without_an_error_and_say_it_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, away: Any
) -> None:
    monkeypatch.setattr(jobs, "BUDGET", 0.5)
    with away():
        said = {jobs.sweep(0), jobs.answer_doorbell(7), jobs.keep_up(0)}
    assert len(said) == 1
    assert said <= {"The database is locked.", "The database does not answer."}
    assert len(lines(caplog)) == 1

    jobs.sweep(0)
    jobs.keep_up(0)

    assert lines(caplog)[1:] == ["The database answers again."]


def test_a_job_with_a_fault_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**named: Any) -> None:
        raise IntegrityError("duplicate key")

    monkeypatch.setattr(timetable, "run_due", broken)

    with pytest.raises(IntegrityError):
        jobs.keep_up(0)


@pytest.mark.parametrize("away", [locked, unreachable])
def test_the_loop_says_once_that_the_database_is_away_and_once_that_it_is_back(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, away: Any
) -> None:
    handlers: dict[int, Any] = {}
    tries: list[int] = []
    real = sweep.sweep_once
    outage = away()

    def once(*, stopped: Any) -> None:
        tries.append(1)
        if len(tries) == 4:
            outage.__exit__(None, None, None)
        real(budget_seconds=0.0)
        if len(tries) == 5:
            handlers[signal.SIGTERM](signal.SIGTERM, None)

    monkeypatch.setattr(command.signal, "signal", handlers.__setitem__)
    monkeypatch.setattr(command, "LONGEST_PAUSE", 0.1)
    monkeypatch.setattr(command, "sweep_once", once)
    outage.__enter__()
    call_command("sweep", loop=0.1)

    assert len(tries) == 5
    assert len(lines(caplog)) == 2
    assert lines(caplog)[1] == "The database answers again."


def test_one_sweep_by_hand_says_in_a_sentence_that_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("no route to db.example.org")

    monkeypatch.setattr(command, "sweep_once", away)

    with pytest.raises(CommandError, match=r"^The database does not answer \(OperationalError\)\.$"):
        call_command("sweep", "--once")
