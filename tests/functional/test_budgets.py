"""The rate budgets: learnt from Stream, shared by all workers, and never overdrawn knowingly."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from requests_app.engine import budgets
from requests_app.engine.context import Context
from requests_app.enums import Mode
from requests_app.models import AppHealth, Budget, StreamApp
from requests_app.stream.errors import RateLimited
from requests_app.stream.limits import RateLimit
from tests import factories
from tests.clock import Clock
from tests.sandbox_server import StandIn, running_sandbox

pytestmark = pytest.mark.django_db(transaction=True)

DELETES = "DeleteUsers"


@pytest.fixture
def strict() -> Iterator[StandIn]:
    with running_sandbox(delete_users_per_minute=2) as started:
        yield started


@pytest.fixture
def app(strict: StandIn) -> StreamApp:
    return factories.stream_app(base_url=strict.base_url, api_key=strict.key)


def context(clock: Clock) -> Iterator[Context]:
    with ThreadPoolExecutor(2) as pool:
        yield Context(pool=pool, now=clock)


def told(remaining: int, *, limit: int = 6, seconds: float = 60) -> RateLimit:
    return RateLimit(limit, remaining, timezone.now() + timedelta(seconds=seconds))


def write(app: StreamApp, *limits: RateLimit) -> Budget:
    clock = Clock()
    (one,) = context(clock)
    one.limits.extend((app.pk, DELETES, limit) for limit in limits)
    budgets.write_down(one)
    return Budget.objects.get(stream_app=app, endpoint=DELETES)


def take(app: StreamApp, endpoint: str, *, now: datetime) -> datetime | None:
    """Take one call: None where it may go out, else when it may be tried."""
    return budgets.take_some(app, endpoint, 1, now=now)[1]


def test_it_takes_what_is_there_and_then_waits_for_the_window() -> None:
    app, now = factories.stream_app(), timezone.now()
    budget = write(app, told(2))

    taken = [take(app, DELETES, now=now) for _ in range(4)]

    assert taken == [None, None, budget.reset_at, budget.reset_at]


def test_a_new_window_begins_with_the_whole_limit_before_any_answer_says_so() -> None:
    app = factories.stream_app()
    later = write(app, told(0, limit=3)).reset_at
    assert later is not None
    later += timedelta(seconds=1)

    taken = [take(app, DELETES, now=later) for _ in range(4)]

    assert taken == [None, None, None, later + timedelta(minutes=1)]


def test_what_nobody_knows_is_tried() -> None:
    assert take(factories.stream_app(), DELETES, now=timezone.now()) is None


def test_a_429_blocks_the_endpoint_for_everybody() -> None:
    app, now = factories.stream_app(), timezone.now()
    until = budgets.block(app, DELETES, now=now, seconds=30)

    assert take(app, DELETES, now=now + timedelta(seconds=29)) == until
    assert take(app, "ExportUsers", now=now) is None


def test_older_news_of_the_same_window_gives_nothing_back() -> None:
    app, now = factories.stream_app(), timezone.now()
    first = told(5)
    write(app, first)
    for _ in range(3):
        assert take(app, DELETES, now=now) is None

    late = RateLimit(6, 4, first.reset_at)
    assert write(app, late).remaining == 2
    assert write(app, told(6, seconds=120)).remaining == 6


def test_many_workers_never_spend_the_same_call() -> None:
    app, now = factories.stream_app(), timezone.now()
    write(app, told(5, limit=5))
    start = threading.Barrier(8)

    def work() -> list[bool]:
        try:
            start.wait()
            return [take(app, DELETES, now=now) is None for _ in range(3)]
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        results = [future.result() for future in [pool.submit(work) for _ in range(8)]]

    assert sum(map(sum, results)) == 5


def test_the_limits_are_asked_for_before_the_first_call_and_then_once_an_hour(app: StreamApp) -> None:
    clock = Clock()
    factories.approved(factories.erase_plan("marie.curie", feeds_data=Mode.KEEP), app=app)
    clock.sweep()

    known = Budget.objects.get(stream_app=app, endpoint=DELETES)
    assert known.limit == 2
    first = AppHealth.objects.get(stream_app=app).limits_read_at
    for hours, again in ((0.5, False), (0.6, True)):
        clock.forward(hours=hours)
        factories.approved(factories.erase_plan(feeds_data=Mode.KEEP), app=app)
        clock.sweep()
        assert (AppHealth.objects.get(stream_app=app).limits_read_at != first) is again


def test_no_delete_goes_out_that_would_be_refused(app: StreamApp, strict: StandIn) -> None:
    """Five plans that cannot share a call, two calls a minute: three wait, and Stream never says 429."""
    clock = Clock()
    names = ("marie.curie", "jonas-weber", "b.kowalski", "r_santos", "c.moreau")
    for place, name in enumerate(names):
        owner = f"svc-{('archive', 'support')[place % 2]}"
        calls = (Mode.KEEP, Mode.SOFT, Mode.HARD)[place % 3]
        plan = factories.erase_plan(name, feeds_data=Mode.KEEP, new_channel_owner_id=owner, calls=calls)
        factories.approved(plan, app=app)

    clock.sweep()

    assert len([call for call in strict.calls() if call["operation"] == DELETES]) <= 2
    with strict.store.lock:
        spent = strict.store.row("SELECT SUM(calls) AS calls FROM spent WHERE endpoint = 'DeleteUsers'")
    assert spent is not None
    assert spent["calls"] <= 2
    assert not AppHealth.objects.filter(failures__gt=0).exists()


def test_a_read_that_would_be_refused_does_not_go_out(app: StreamApp, strict: StandIn) -> None:
    (one,) = context(Clock())
    budgets.block(app, "QueryUsers", now=one.now(), seconds=30)
    budgets.look(one)

    with pytest.raises(RateLimited) as caught:
        one.client(app).query_users(["marie.curie"])

    assert 20 < caught.value.retry_after <= 30
    with strict.store.lock:
        assert strict.store.row("SELECT * FROM spent WHERE endpoint = 'QueryUsers'") is None
    assert one.client(app).get_app().name == "Sandbox"
