"""A completed task is read with care: user by user, with words nobody knows, and when it is gone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from portal.sandbox import deletion
from requests_app.audit_actions import AuditAction
from requests_app.enums import Mode, Outcome, State
from requests_app.models import AuditEntry, Step, StreamApp, StreamTask, Ticket
from tests import factories
from tests.clock import Clock
from tests.sandbox_server import StandIn, running_sandbox

pytestmark = pytest.mark.django_db(transaction=True)

PAIR = ("marie.curie", "jonas-weber")


@dataclass
class World:
    """Two erasures that travel in one call, whose task tells what a test writes into it."""

    stand_in: StandIn
    app: StreamApp
    clock: Clock

    def sent(self) -> list[Ticket]:
        plans = [factories.erase_plan(user_id, feeds_data=Mode.KEEP, files=False) for user_id in PAIR]
        tickets = [factories.approved(plan, app=self.app) for plan in plans]
        self.clock.sweep()
        assert [sorted(call["user_ids"]) for call in self.stand_in.calls()] == [sorted(PAIR)]
        return tickets

    def task_says(self, **columns: Any) -> None:
        """Alter how Stream's task looks from outside. A completed one did what it was to do, whatever it says of it."""
        given = {name: json.dumps(value) if name in {"result", "error"} else value for name, value in columns.items()}
        sets = ", ".join(f"{name} = ?" for name in given)
        with self.stand_in.store.lock:
            if columns.get("status") == "completed":
                for row in self.stand_in.store.rows("SELECT body FROM tasks"):
                    deletion.carry_out(self.stand_in.store, json.loads(row["body"]), time.time())
            self.stand_in.store.run(f"UPDATE tasks SET {sets}", *given.values())  # noqa: S608


@pytest.fixture
def world() -> Iterator[World]:
    # Tasks that never come due by themselves: they say what the test lets them say.
    with running_sandbox(task_seconds=1e6) as stand_in:
        yield World(stand_in, factories.stream_app(base_url=stand_in.base_url, api_key=stand_in.key), Clock())


def results(*tickets: Ticket) -> list[tuple[str, str]]:
    return [(now.state, now.outcome) for now in (Ticket.objects.get(pk=ticket.pk) for ticket in tickets)]


ERASED, STOPPED = (State.COMPLETED.value, Outcome.ERASED_IN_PART.value), State.NEEDS_ATTENTION.value


@pytest.mark.parametrize(
    "result", [None, {}, {"deleted": 2}, {PAIR[0]: {"status": "ok"}}, {name: {"status": "OK"} for name in PAIR}]
)
def test_who_is_not_named_is_looked_for(world: World, result: object) -> None:
    """No word about a user is neither success nor failure: what Stream still shows decides."""
    tickets = world.sent()
    world.task_says(status="completed", **({} if result is None else {"result": result}))

    world.clock.sweep_for(seconds=30, step=5)

    assert results(*tickets) == [ERASED, ERASED]
    assert [step.evidence["user"] for step in Step.objects.all()] == ["absent", "absent"]


def test_who_is_not_named_and_still_there_is_not_erased(world: World) -> None:
    tickets = world.sent()
    world.task_says(status="completed", result={PAIR[0]: {"status": "ok"}})
    with world.stand_in.store.lock:
        world.stand_in.store.run("UPDATE users SET deleted_at = NULL WHERE id = ?", PAIR[1])

    world.clock.sweep_for(seconds=400, step=20)

    first, second = results(*tickets)
    assert first == ERASED
    assert second[0] == STOPPED
    assert second[1] != Outcome.ERASED_IN_PART


def test_one_who_is_not_ok_stops_alone(world: World) -> None:
    tickets = world.sent()
    result = {PAIR[0]: {"status": "ok"}, PAIR[1]: {"status": "error: locked"}}
    world.task_says(status="completed", result=result)

    world.clock.sweep_for(seconds=30, step=5)

    first, second = results(*tickets)
    assert first == ERASED
    assert second[0] == STOPPED
    assert "not for this user: error: locked" in Ticket.objects.get(pk=tickets[1].pk).attention


@pytest.mark.parametrize(
    "columns",
    [
        {"error": {"type": "internal", "description": "the disk was full"}},
        {"result": {"description": "the disk was full"}},
    ],
)
def test_a_failed_task_tells_why_in_either_place(world: World, columns: dict[str, Any]) -> None:
    tickets = world.sent()
    world.task_says(status="failed", **columns)

    world.clock.sweep_for(seconds=10)

    assert [state for state, _ in results(*tickets)] == [STOPPED, STOPPED]
    assert all("the disk was full" in ticket.attention for ticket in Ticket.objects.all())


@pytest.mark.parametrize("word", ["waiting", "queued", "pausing", "COMPLETED?"])
def test_words_nobody_knows_mean_that_it_still_goes_on(world: World, word: str) -> None:
    tickets = world.sent()
    world.task_says(status=word)
    world.clock.sweep_for(seconds=60, step=5)

    assert [state for state, _ in results(*tickets)] == [State.RUNNING.value] * 2
    task = StreamTask.objects.get()
    assert (task.status, task.finished_at) == (word, None)
    assert task.next_poll_at is not None

    world.task_says(status="completed")
    world.clock.sweep_for(seconds=120, step=10)
    assert results(*tickets) == [ERASED, ERASED]


def test_a_task_that_vanished_is_no_success_until_its_effect_is_seen(world: World) -> None:
    tickets = world.sent()
    with world.stand_in.store.lock:
        (task,) = world.stand_in.store.rows("SELECT body FROM tasks")
        body = json.loads(task["body"]) | {"user_ids": [PAIR[0]]}
        deletion.carry_out(world.stand_in.store, body, time.time())
        world.stand_in.store.run("DELETE FROM tasks")
        world.stand_in.store.run("UPDATE users SET deleted_at = NULL WHERE id = ?", PAIR[1])

    world.clock.sweep_for(seconds=90, step=5)

    # That the user is hidden proves the call; nobody told how its task ended.
    assert results(tickets[0]) == [(State.COMPLETED.value, Outcome.NOT_VERIFIED.value)]
    assert results(tickets[1]) != [ERASED]
    for ticket in tickets:
        assert AuditEntry.objects.filter(ticket_id=ticket.pk, action=AuditAction.CALL_RECONCILED.value).exists()
    # Who was gone is not deleted again; who was still there is, with the look on record.
    assert [sorted(call["user_ids"]) for call in world.stand_in.calls()] == [sorted(PAIR), [PAIR[1]]]


def test_a_vanished_export_is_asked_for_again(world: World) -> None:
    ticket = factories.approved(factories.export_plan("marie.curie", export_feeds_data=False), app=world.app)
    world.clock.sweep()
    with world.stand_in.store.lock:
        world.stand_in.store.run("DELETE FROM tasks")

    world.clock.sweep_for(seconds=60, step=5)

    assert [call["operation"] for call in world.stand_in.calls()] == ["ExportUsers", "ExportUsers"]
    assert results(ticket) == [(State.RUNNING.value, "")]
