"""A sweep works on rows by the hundred: its queries grow with the batches, not with the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from copy import copy
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from requests_app.audit import checkpoints
from requests_app.engine import agenda, outgoing, sweep
from requests_app.engine.context import Context
from requests_app.engine.phases import begin, poll, read_back, send
from requests_app.enums import Mode, State
from requests_app.models import Budget, StreamTask, Ticket
from requests_app.workflow import outcomes
from tests import factories
from tests.clock import Clock
from tests.sandbox_server import StandIn, running_sandbox

pytestmark = pytest.mark.django_db(transaction=True)

FEW, MANY = 3, 40
# Queries and commits of an erasure by itself, where it stands: the user with all that hangs on them in one delete, and
# the feeds data by a delete of its own before. On PostgreSQL, where the lock of each checkpoint is a query.
MOST = {Mode.KEEP: (65, 12), Mode.HARD: (104, 20)}


class AtOnce(Executor):
    """Makes each call when it is asked to, so that all of them land together."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with running_sandbox(seeded=False) as started:
        factories.stream_app(base_url=started.base_url, api_key=started.key)
        yield started


@pytest.fixture
def context(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> Context:
    monkeypatch.setattr(outgoing, "GATHER", 60.0)
    # One checkpoint a batch, whose tree may have a level more to write where the log has grown.
    monkeypatch.setattr(checkpoints, "make_after_commit", lambda **_: None)
    return Context(pool=AtOnce(), now=Clock(), linger=0)


def make(stand_in: StandIn, names: list[str], *, exports: bool = True, feeds: Mode = Mode.HARD) -> None:
    """People on Stream, each with a ticket to export and one to erase."""
    body = {"users": {name: {"id": name} for name in names}}
    stand_in.client().transport.exchange("UpdateUsers", "POST", "/users", body=body, changes=True)
    for name in names:
        if exports:
            factories.approved(factories.export_plan(name))
        factories.approved(factories.erase_plan(name, feeds_data=feeds))


def counts(context: Context, stand_in: StandIn, names: list[str]) -> list[tuple[str, int]]:
    """How many queries each phase takes for these people, until all is done."""
    make(stand_in, names)
    now, actor = context.now, context.actor

    def work_off() -> None:
        while context.calls.busy:
            context.hand_over(5)

    def settle() -> None:
        touched, context.touched = context.touched, set()
        outcomes.settle_all(touched, actor=actor, now=now())

    phases: list[tuple[str, Callable[[], object]]] = [
        ("begin", lambda: begin.begin_approved(actor=actor, now=now())),
        ("send exports and feeds", lambda: (send.send_due(context), work_off())),
        ("poll", lambda: (poll.poll_due(context), work_off())),
        ("settle the exports", settle),
        ("read back", lambda: (read_back.read_back_due(context), work_off())),
        ("send users", lambda: (send.send_due(context), work_off())),
        ("poll again", lambda: (poll.poll_due(context), work_off())),
        ("read back again", lambda: (read_back.read_back_due(context), work_off())),
        ("settle", settle),
    ]
    counted = []
    for name, work in phases:
        with CaptureQueriesContext(connection) as queries:
            work()
        counted.append((name, len(queries)))
    return counted


def test_each_phase_takes_as_many_queries_for_many_rows_as_for_few(context: Context, stand_in: StandIn) -> None:
    counts(context, stand_in, ["the-first-one-asks-for-the-limits"])

    few = counts(context, stand_in, [f"few-{place}" for place in range(FEW)])
    many = counts(context, stand_in, [f"many-{place}" for place in range(MANY)])

    done = Ticket.objects.filter(state=State.COMPLETED.value).count()
    assert done == 2 * (1 + FEW + MANY)
    # SQLite takes so many values in one statement and no more: a long insert is cut into a few.
    grown = [name for (name, before), (_, after) in zip(few, many, strict=True) if after - before > MANY / 8]
    assert grown == []
    assert connection.vendor == "sqlite" or many == few


@pytest.mark.parametrize("feeds", MOST)
def test_one_erasure_alone_takes_few_queries_and_commits(
    stand_in: StandIn, feeds: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An answer that is slow on a busy machine is waited for in the same pass, and the house is kept once.
    monkeypatch.setattr(sweep, "PATIENCE", 10.0)
    clock = Clock()
    make(stand_in, ["the-first-one-asks-for-the-limits"])
    clock.sweep()
    make(stand_in, ["marie.curie"], exports=False, feeds=feeds)
    # Whenever the test runs, no minute of Stream's begins within it: a new window of its limits is read and written.
    Budget.objects.update(reset_at=clock() + timedelta(hours=1))

    with CaptureQueriesContext(connection) as queries:
        sweep.sweep_once(now=clock, tick=lambda: 1.0, linger=0)

    assert Ticket.objects.filter(state=State.COMPLETED.value).count() == 3
    spoken = [query["sql"].split()[0] for query in queries]
    queries_most, commits_most = MOST[feeds]
    assert spoken.count("COMMIT") <= commits_most
    assert len([word for word in spoken if word not in {"BEGIN", "COMMIT"}]) <= queries_most


def test_what_is_due_is_found_by_indexes_however_much_is_done_already(context: Context) -> None:
    closed = factories.completed()
    copies = [copy(closed) for _ in range(2_000)]
    for one in copies:
        one.pk = None
    Ticket.objects.bulk_create(copies)
    with connection.cursor() as cursor:
        # Statistics of a table in which every ticket is closed: they must not lead to reading all of it.
        cursor.execute("ANALYZE")
    plan = agenda.question(context.now(), context.now()).explain()

    # PostgreSQL reads a small table whole, whatever its indexes.
    scanned = [line for line in plan.splitlines() if "SCAN" in line and "requests_app_streamapp" not in line]
    assert scanned == []


def test_tasks_that_are_not_due_cost_nothing(context: Context) -> None:
    app = factories.stream_app()
    now = context.now()

    def idle_pass() -> int:
        sweep.one_pass(context)
        context.housekeeping_at = context.tick() + sweep.HOUSEKEEPING_SECONDS
        with CaptureQueriesContext(connection) as queries:
            sweep.one_pass(context)
        return len(queries)

    alone = idle_pass()
    assert alone == 1
    StreamTask.objects.bulk_create(
        StreamTask(
            stream_app=app,
            task_id=f"task-{place}",
            operation="export_users",
            accepted_at=now,
            next_poll_at=now.replace(year=now.year + 1),
        )
        for place in range(2_000)
    )

    assert idle_pass() == alone
