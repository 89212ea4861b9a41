"""Two clusters on one PostgreSQL, with the queue in the database and on Redis; and a Redis that forgets everything."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.databases import SERVER
from tests.machine import missing
from tests.own_portal import OwnPortal, own_portal
from tests.patience import until

pytestmark = pytest.mark.skipif(not SERVER, reason="of PostgreSQL; the suite runs on it as well")

ERASURES, EXPORTS = 30, 10


@pytest.fixture
def broker(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """What to set for the queue: nothing for the database, or an emptied Redis."""
    if request.param == "database":
        yield {}
        return
    url = os.environ.get("TEST_REDIS_URL", "")
    if not url:
        missing("redis")
    with redis.Redis.from_url(url) as server:
        server.flushdb()
        yield {"REDIS_URL": url}
        server.flushdb()


def do(portal: OwnPortal, errand: str) -> None:
    portal.manage("shell", "--no-imports", "-c", f"from tests.faults import errands; errands.{errand}")


def done(portal: OwnPortal, count: int) -> bool:
    return portal.states().get("completed", 0) == count


@pytest.mark.parametrize("broker", ["database", "redis"], indirect=True)
def test_two_clusters_share_the_work_and_never_the_same_row(tmp_path: Path, broker: dict[str, str]) -> None:
    with own_portal(tmp_path, **broker) as portal:
        portal.start("qcluster")
        portal.start("qcluster")
        for batch in range(4):
            do(portal, f"approve('batch{batch}', {ERASURES // 2}, exports={EXPORTS // 2})")
        total = 4 * (ERASURES // 2 + EXPORTS // 2)
        until(lambda: done(portal, total), seconds=90, what="all tickets to be completed")

        calls = portal.accepted()
        found = portal.say("from tests.faults import errands; errands.report()")
    deletes = Counter(name for call in calls if call["operation"] == "DeleteUsers" for name in call["user_ids"])
    exports = Counter(name for call in calls if call["operation"] == "ExportUsers" for name in call["user_ids"])
    assert (len(deletes), set(deletes.values())) == (4 * (ERASURES // 2), {1})
    assert (len(exports), set(exports.values())) == (4 * (EXPORTS // 2), {1})
    assert found["most_attempts"] == 1
    assert found["intact"]
    # More than one process did some of it.
    assert len(found["origins"]) > 1


@pytest.mark.parametrize("broker", ["redis"], indirect=True)
def test_a_redis_that_forgot_its_queue_costs_nothing_but_time(tmp_path: Path, broker: dict[str, str]) -> None:
    with own_portal(tmp_path, **broker) as portal:
        do(portal, "approve('rung', 3, exports=1)")
        with redis.Redis.from_url(broker["REDIS_URL"]) as server:
            assert server.llen("django_q:portal:q") == 4
            server.flushdb()

        # The minute's schedule, which stands in the database, finds everything again.
        portal.start("qcluster")
        until(lambda: done(portal, 4), seconds=100, what="the tickets to be found again")
