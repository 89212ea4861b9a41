"""Calls on their way: each app its share of the threads, nothing lost, and deletes that wait for company."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest

from requests_app.engine import outgoing
from requests_app.engine.batching.waiting import WaitingDeletes
from requests_app.engine.context import HeldUp
from requests_app.engine.outgoing import Handler, OutgoingCalls
from requests_app.engine.phases.send import _in_time
from requests_app.enums import Operation
from requests_app.models import Step, StreamApp, Ticket
from requests_app.stream.errors import UnknownOutcome

_tickets = count(1)


def step(
    operation: Operation = Operation.DELETE_USERS,
    *,
    app: int = 1,
    group: str = "g",
    cap: int = 100,
    ticket: int | None = None,
) -> Step:
    """One of a ticket of its own, where none is named."""
    its = Ticket(pk=ticket or next(_tickets), stream_app=StreamApp(pk=app))
    return Step(operation=operation.value, group_key=group, batch_cap=cap, ticket=its)


def act(handler: Handler, returned: Sequence[Any]) -> None:
    handler(returned)


def test_every_call_is_handed_over_once_with_its_subject() -> None:
    returned: list[Any] = []
    with ThreadPoolExecutor(outgoing.THREADS) as pool:
        calls = OutgoingCalls(pool)

        for number in range(300):
            calls.add(number % 3, lambda number=number: number * 2, number, returned.extend)
        while calls.busy:
            calls.hand_over(act, patience=5)

    assert sorted(returned) == [(number, number * 2) for number in range(300)]


def test_an_app_that_answers_slowly_leaves_threads_to_the_others() -> None:
    free = threading.Event()
    returned: list[Any] = []
    with ThreadPoolExecutor(outgoing.THREADS) as pool:
        calls = OutgoingCalls(pool)
        for _ in range(2 * outgoing.THREADS):
            calls.add(1, lambda: free.wait(30), "slow", returned.extend)
        calls.add(2, lambda: True, "quick", returned.extend)
        while not returned:
            calls.hand_over(act, patience=5)
        assert returned == [("quick", True)]
        free.set()
        while calls.busy:
            calls.hand_over(act, patience=5)
    assert len(returned) == 2 * outgoing.THREADS + 1


def test_an_error_that_nobody_foresaw_is_an_unknown_outcome(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> None:
        raise ValueError("canary-secret in the text")

    assert isinstance(outgoing.caught(broken), UnknownOutcome)
    assert "ValueError" in caplog.text
    assert "canary-secret" not in caplog.text


def test_a_worker_that_was_held_up_does_not_begin_the_call() -> None:
    sent: list[bool] = []

    with pytest.raises(HeldUp):
        _in_time(lambda: sent.append(True), lambda: 31.0, 30.0)
    assert sent == []
    _in_time(lambda: sent.append(True), lambda: 29.0, 30.0)
    assert sent == [True]


def test_deletes_wait_for_company_and_everything_else_does_not() -> None:
    waiting = WaitingDeletes()
    export = step(Operation.EXPORT_USERS)

    assert waiting.add([export, step(), step()], moment=0) == [export]
    assert waiting.take_ready(moment=0.4, linger=0.5) == []
    waiting.add([step()], moment=0.4)
    assert waiting.take_ready(moment=0.8, linger=0.5) == []
    (group,) = waiting.take_ready(moment=0.9, linger=0.5)
    assert len(group) == 3
    assert not waiting


def test_the_deletes_of_one_ticket_go_at_once_where_nothing_went_before() -> None:
    waiting = WaitingDeletes()

    waiting.add([step(ticket=7), step(ticket=7)], moment=0)

    assert [len(group) for group in waiting.take_ready(moment=0, linger=0.5)] == [2]
    assert not waiting


def test_those_that_come_soon_after_wait_for_each_other() -> None:
    waiting = WaitingDeletes()
    waiting.add([step()], moment=0)
    assert len(waiting.take_ready(moment=0, linger=0.5)) == 1

    waiting.add([step()], moment=0.1)
    assert waiting.take_ready(moment=0.1, linger=0.5) == []
    waiting.add([step()], moment=0.3)
    assert [len(group) for group in waiting.take_ready(moment=0.8, linger=0.5)] == [2]

    waiting.add([step()], moment=2.7)
    assert waiting.take_ready(moment=2.7, linger=0.5) == []
    assert len(waiting.take_ready(moment=3.2, linger=0.5)) == 1
    waiting.add([step()], moment=5.2)
    assert len(waiting.take_ready(moment=5.2, linger=0.5)) == 1


def test_a_full_group_goes_at_once_and_newcomers_do_not_hold_it_up_for_ever() -> None:
    waiting = WaitingDeletes()
    waiting.add([step() for _ in range(101)], moment=0)
    assert [len(group) for group in waiting.take_ready(moment=0, linger=1)] == [100]
    for moment in (0.9, 1.8, 2.7, 3.6):
        waiting.add([step()], moment=moment)
        assert waiting.take_ready(moment=moment, linger=1) == []
    waiting.add([step()], moment=4)
    assert [len(group) for group in waiting.take_ready(moment=4, linger=1)] == [6]


def test_other_bodies_other_apps_and_halved_batches_travel_apart() -> None:
    waiting = WaitingDeletes()
    waiting.add([step(), step(app=2), step(group="h"), step(cap=1), step(cap=1)], moment=0)

    assert sorted(len(group) for group in waiting.take_ready(moment=1, linger=1)) == [1, 1, 1, 1, 1]
    waiting.add([step()], moment=2)
    assert len(waiting.take_all()) == 1
    assert not waiting


def test_a_free_thread_starts_the_next_call_while_rows_are_being_written() -> None:
    begun = [threading.Event() for _ in range(2 * outgoing.THREADS)]
    returned: list[Any] = []
    with ThreadPoolExecutor(outgoing.THREADS) as pool:
        calls = OutgoingCalls(pool)
        for number, event in enumerate(begun):
            calls.add(number % 2, lambda event=event: event.set(), number, returned.extend)

        # Nobody takes anything yet.
        assert all(event.wait(30) for event in begun)
        assert returned == []
        while calls.busy:
            calls.hand_over(act, patience=5)

    assert sorted(number for number, _ in returned) == list(range(2 * outgoing.THREADS))


def test_a_pool_that_is_shut_down_leaves_the_lines_where_they_are() -> None:
    free = threading.Event()
    sent: list[int] = []
    pool = ThreadPoolExecutor(outgoing.CALLS_PER_APP)
    calls = OutgoingCalls(pool)
    for number in range(outgoing.CALLS_PER_APP + 10):
        calls.add(1, lambda number=number: (free.wait(30), sent.append(number)), number, lambda returned: None)
    pool.shutdown(wait=False)
    free.set()
    pool.shutdown(wait=True)

    assert sorted(sent) == list(range(outgoing.CALLS_PER_APP))
