"""The engine against everything that people, Stream, time and other workers can do to it, in orders nobody thought of.

Hypothesis chooses what happens and shrinks what it finds. A worker that dies is an exception that nobody catches; one
that stands still is a function in whose midst another worker sweeps a lease later. Afterwards the judge of the storms
(`chaos/checker.py`) compares what the scripted Stream accepted with what the portal says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from requests_app import gateway
from requests_app.engine import sweep
from requests_app.enums import Mode, State
from requests_app.models import Attempt, Pause, Ticket
from requests_app.queries.audit import check_chain
from requests_app.workflow import aftercare, approval, pauses, tickets
from requests_app.workflow.plan import Plan
from requests_app.workflow.policies import UnableTo
from tests import factories
from tests.faults.chaos import records
from tests.faults.chaos.checker import check, unsafe
from tests.faults.chaos.failpoints import POINTS, Stage, When, trap
from tests.faults.chaos.history import Call, History
from tests.faults.scripted_stream import ScriptedStream, TaskFate, Trouble
from tests.people import actor

pytestmark = pytest.mark.django_db

LONG = 130.0
FAR_AHEAD = timedelta(days=3650)
# Sweeps after everything went well again, each a lease later.
CALM = 40
ENGINE = [point for point in POINTS if point.stage in {Stage.SWEEP, Stage.ABANDONED, Stage.UNKNOWN}]
DEADLY = [point for point in ENGINE if point.when is not When.DURING]
STANDING = [point for point in DEADLY if not point.in_transaction]
KINDS = ("erase", "feeds", "soft", "copy", "export", "ghost")
few = st.integers(min_value=0, max_value=4)


class Died(BaseException):
    """The worker is gone: nobody catches this."""


class Inline:
    """A pool without threads: what is chosen alone decides what happens."""

    def __init__(self, size: int) -> None:
        del size

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *trouble: object) -> None:
        return

    def submit(self, function: Callable[..., object], *words: object) -> None:
        function(*words)

    def map(self, function: Callable[..., object], *words: Any) -> Iterator[object]:
        return map(function, *words)


class EngineMachine(RuleBasedStateMachine):
    """Rules are what may happen; invariants hold after each."""

    @initialize()
    def begin(self) -> None:
        self.isolation = transaction.atomic()
        self.isolation.__enter__()
        self.stream = ScriptedStream()
        self.patches = [
            patch.object(gateway, "client_for", lambda *_, **__: self.stream),
            patch.object(sweep, "ThreadPoolExecutor", Inline),
            patch.object(sweep, "PATIENCE", 0.0),
        ]
        for one in self.patches:
            one.start()
        self.ahead = 1.0
        self.began = timezone.now()
        self.tickets: list[Ticket] = []
        self.names: list[str] = []
        self.made_anew: set[str] = set()
        self.attempts_before = Attempt.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        self.app = factories.stream_app()
        self.dpo, self.agent = actor("dora"), actor("ada")

    def teardown(self) -> None:
        if not hasattr(self, "isolation"):
            return
        try:
            self._calm()
            found = check(self._history())
            assert not found.wrong, found.wrong
        finally:
            for one in self.patches:
                one.stop()
            transaction.set_rollback(True)
            self.isolation.__exit__(None, None, None)

    # Time and workers

    def now(self) -> datetime:
        return self.began + timedelta(seconds=self.ahead)

    def _sweep(self) -> None:
        sweep.sweep_once(now=self.now, tick=lambda: self.ahead, linger=0)

    @contextmanager
    def _at(self, number: int, points: list[Any], passes: int, meet: Callable[[], None]) -> Iterator[None]:
        owner, name, wrapped = trap(points[number % len(points)], passes=passes, meet=meet)
        with patch.object(owner, name, wrapped):
            yield

    @rule()
    def a_worker_sweeps(self) -> None:
        self._sweep()

    @rule(point=st.integers(0, len(DEADLY) - 1), passes=st.integers(1, 2))
    def a_worker_dies(self, point: int, passes: int) -> None:
        def die() -> None:
            raise Died

        # As in a process of its own, a death undoes only the transaction that it comes upon.
        with self._at(point, DEADLY, passes, die), suppress(Died):
            self._sweep()

    @rule(point=st.integers(0, len(STANDING) - 1))
    def a_worker_stands_still_while_another_goes_on(self, point: int) -> None:
        def stand() -> None:
            self.ahead += LONG
            self._sweep()

        with self._at(point, STANDING, 1, stand):
            self._sweep()

    @rule(seconds=st.sampled_from((1.0, 5.0, 50.0, 130.0, 400.0)))
    def time_passes(self, seconds: float) -> None:
        self.ahead += seconds

    # Stream

    @rule(trouble=st.sampled_from(Trouble), times=st.integers(1, 4))
    def the_next_calls_go_wrong(self, trouble: Trouble, times: int) -> None:
        self.stream.troubles.extend([trouble] * times)

    @rule(fate=st.sampled_from(TaskFate))
    def tasks_end_like_this(self, fate: TaskFate) -> None:
        self.stream.fate = fate

    @rule(down=st.booleans())
    def stream_goes_down_or_comes_back(self, down: bool) -> None:
        self.stream.is_down = down

    @precondition(lambda self: self.names)
    @rule(number=few)
    def somebody_else_takes_the_id(self, number: int) -> None:
        name = self.names[number % len(self.names)]
        self.stream.users[name] = self.began + FAR_AHEAD
        self.stream.known.add(name)
        self.made_anew.add(name)

    # People

    @precondition(lambda self: len(self.tickets) < 4)
    @rule(kind=st.sampled_from(KINDS), people=st.integers(1, 2), approve=st.booleans())
    def a_request_comes_in(self, kind: str, people: int, approve: bool) -> None:
        names = [f"{kind}-{len(self.tickets)}-{one}" for one in range(people)]
        for name in names if kind != "ghost" else ():
            self.stream.add(name)
        self.names += names
        self.tickets.append(factories.submitted(_plan(kind, names), app=self.app))
        if approve:
            self._approve(self.tickets[-1])

    def _approve(self, ticket: Ticket) -> None:
        approval.approve(
            ticket,
            actor=self.dpo,
            now=self.now(),
            confirm_user_id=ticket.plan["user_ids"][0],
            **factories.seen(ticket, at=self.now()),
        )

    def _some_ticket(self, number: int) -> Ticket:
        return Ticket.objects.get(pk=self.tickets[number % len(self.tickets)].pk)

    @precondition(lambda self: self.tickets)
    @rule(number=few, verb=st.sampled_from(("approve", "cancel", "retry", "give_up")))
    def a_person_acts(self, number: int, verb: str) -> None:
        ticket = self._some_ticket(number)
        with suppress(UnableTo):
            match verb:
                case "approve":
                    self._approve(ticket)
                case "cancel":
                    tickets.cancel(ticket, actor=self.agent, now=self.now())
                case "retry":
                    aftercare.retry(ticket, actor=self.dpo, now=self.now(), note="once more")
                case "give_up":
                    tickets.give_up(ticket, actor=self.dpo, now=self.now(), note="enough")

    @rule()
    def somebody_pauses_or_lifts(self) -> None:
        with suppress(UnableTo):
            if Pause.objects.open().exists():
                pauses.lift(None, actor=self.dpo, now=self.now(), reason="go on")
            else:
                pauses.pause(None, actor=self.dpo, now=self.now(), reason="wait")

    @precondition(lambda self: Pause.objects.open().exists())
    @rule()
    def nothing_is_sent_while_sending_is_paused(self) -> None:
        before = len(self.stream.taken)
        self._sweep()
        assert len(self.stream.taken) == before

    # What holds

    @invariant()
    def nothing_unsafe_has_happened(self) -> None:
        if hasattr(self, "stream"):
            found = unsafe(self._history())
            assert not found, found

    def _calm(self) -> None:
        """Everything goes well again, and whatever moves comes to its end."""
        self.stream.troubles.clear()
        self.stream.fate, self.stream.is_down = TaskFate.DONE, False
        if Pause.objects.open().exists():
            pauses.lift(None, actor=self.dpo, now=self.now(), reason="go on")
        for ticket in self.tickets:
            ticket.refresh_from_db()
            if ticket.state == State.AWAITING_DECISION:
                self._approve(ticket)
        for _ in range(CALM):
            self._sweep()
            if not Ticket.objects.filter(state__in=[State.APPROVED.value, State.RUNNING.value]).exists():
                break
            self.ahead += LONG

    def _history(self) -> History:
        calls, groups = [], []
        for one in self.stream.taken:
            digest, group = records.digest_of(one.operation, one.user_ids, one.body)
            calls.append(Call(one.operation, one.user_ids, digest, one.fate.value if one.fate else "running"))
            groups.append(group)
        return History(
            calls=calls,
            groups=groups,
            attempts=records.attempts(self.attempts_before),
            tickets=records.tickets([ticket.pk for ticket in self.tickets]),
            shown={name: self.stream.presence(name) for name in self.names},
            made_anew=frozenset(self.made_anew),
            in_feeds=frozenset(self.stream.feeds),
            refusals=self.stream.refusals,
            chain_intact=check_chain().intact,
        )


def _plan(kind: str, names: list[str]) -> Plan:
    match kind:
        case "export":
            return factories.export_plan(*names)
        case "soft":
            return factories.soft_plan(*names)
        case "feeds":
            return factories.erase_plan(*names)
        case "copy":
            return factories.erase_plan(*names, copy_first=True)
    return factories.erase_plan(*names, feeds_data=Mode.KEEP)


@pytest.mark.timeout(600)
def test_no_order_of_events_loses_or_doubles_anything() -> None:
    quiet = list(HealthCheck)
    run_state_machine_as_test(
        EngineMachine,
        settings=settings(
            max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=quiet, derandomize=True
        ),
    )
