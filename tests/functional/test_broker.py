"""The queue hears of a job at once: no wait lasts until the next look at the table."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connections, transaction
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.models import OrmQ

from requests_app import queue
from requests_app.broker import Bell, Broker, bell_of

pytestmark = pytest.mark.django_db(transaction=True)
# Seconds. A wait that nobody ends lasts longer than any test may.
FOR_EVER, IN_TIME = 600.0, 60.0


class Watched:
    """A bell that says when somebody begins to wait for it."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self.waiting = threading.Event()

    def wait(self, seconds: float) -> None:
        self.waiting.set()
        self._bell.wait(seconds)

    def close(self) -> None:
        self._bell.close()


class Gone:
    """A bell on a connection that has ended."""

    closed = False

    def wait(self, seconds: float) -> None:
        raise OperationalError("terminating connection")

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def other_thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool
        pool.submit(connections.close_all).result(IN_TIME)


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch, other_thread: ThreadPoolExecutor) -> Iterator[Broker]:
    """One in the hands of another thread, whose bell is watched."""
    monkeypatch.setattr(Conf, "POLL", FOR_EVER)
    broker: Broker = get_broker()
    broker._bell = Watched(other_thread.submit(lambda: bell_of(connections["default"])).result(IN_TIME))
    yield broker
    other_thread.submit(broker._bell.close).result(IN_TIME)


def waiting(broker: Broker, other_thread: ThreadPoolExecutor) -> Future[Any]:
    """The broker's next jobs, for which it waits already."""
    jobs: Future[Any] = other_thread.submit(broker.dequeue)
    assert isinstance(broker._bell, Watched)
    assert broker._bell.waiting.wait(IN_TIME)
    return jobs


def test_it_is_the_broker_of_the_portal() -> None:
    assert isinstance(get_broker(), Broker)
    assert settings.Q_CLUSTER["orm"] == "default"


def test_a_ring_ends_the_wait(broker: Broker, other_thread: ThreadPoolExecutor) -> None:
    jobs = waiting(broker, other_thread)

    queue.ring(41)

    assert jobs.result(IN_TIME) is None
    ((_, job),) = other_thread.submit(broker.dequeue).result(IN_TIME)
    assert job == OrmQ.objects.get().payload


def test_a_ring_is_heard_once_its_transaction_is_committed(broker: Broker, other_thread: ThreadPoolExecutor) -> None:
    jobs = waiting(broker, other_thread)

    with transaction.atomic():
        queue.ring(41)
        assert not jobs.done()

    assert jobs.result(IN_TIME) is None


def test_a_ring_before_the_wait_ends_it_too(broker: Broker, other_thread: ThreadPoolExecutor) -> None:
    queue.ring(41)
    OrmQ.objects.all().delete()

    assert other_thread.submit(broker.dequeue).result(IN_TIME) is None


def test_what_is_there_needs_no_wait(broker: Broker, other_thread: ThreadPoolExecutor) -> None:
    queue.ring(41)

    assert len(other_thread.submit(broker.dequeue).result(IN_TIME)) == 1
    assert isinstance(broker._bell, Watched)
    assert not broker._bell.waiting.is_set()


def test_a_bell_that_is_gone_costs_one_look_and_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Conf, "POLL", 0)
    broker: Broker = get_broker()
    broker._bell = gone = Gone()

    assert broker.dequeue() is None
    assert gone.closed
    queue.ring(41)
    assert len(broker.dequeue() or []) == 1
    assert broker._bell not in (None, gone)
    broker._bell.close()


def test_without_a_bell_the_table_is_looked_at_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: object) -> Bell:
        raise OperationalError("too many connections")

    monkeypatch.setattr("requests_app.broker.bell_of", none)
    monkeypatch.setattr(Conf, "POLL", 0)
    broker: Broker = get_broker()

    assert broker.dequeue() is None
    queue.ring(41)
    assert len(broker.dequeue() or []) == 1
