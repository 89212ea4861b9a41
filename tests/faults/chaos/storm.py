"""One round: a few tickets, a storm in which processes die or stand still and Stream misbehaves, and a calm.

Everything that can be chosen comes from the seed. When which process gets the processor does not, so a round that
found something may need a few tries to be seen again.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import close_old_connections
from django.utils import timezone

from requests_app.audit_actions import AuditAction
from requests_app.enums import EXPORT_OPERATIONS, Mode, State, StepState
from requests_app.models import Attempt, AuditEntry, Step, StreamApp, Ticket
from requests_app.workflow import approval
from requests_app.workflow.plan import Plan
from tests import factories
from tests.faults.chaos import deeds, records
from tests.faults.chaos.clock import SharedClock, Tally
from tests.faults.chaos.crew import Crew
from tests.faults.chaos.failpoints import POINTS, Failpoint, Fate, Stage, of_stage
from tests.faults.chaos.history import Call, Download, History
from tests.faults.chaos.stand_in import StandInFile
from tests.people import actor

# Seconds that pass between the waves of a storm: from nothing to more than a lease and the time to settle.
SPANS = (0, 1, 5, 50, 80, 130)
LONG = 130
# Looks at the rows after the storm; each is a little more than a lease later than the one before.
CALM = 25
ROUTES = ("DeleteUsers", "DeleteFeedUserData", "ExportUsers", "ExportFeedUserData")
MID_CALL = {"latency_ms": 40}
LOST = {"lose_answer": True}
TROUBLES: tuple[dict[str, Any], ...] = (
    {"lose_answer": True, "rate": 0.6},
    {"error": 503, "rate": 0.5},
    {"error": 429, "rate": 0.5},
    {"error": 500, "rate": 0.3},
)
MID_CALLS = tuple(point for point in POINTS if point.name in {"before the call", "during the call", "after the answer"})
FATES = ("fail", "vanish", "partly", "hang")


@dataclass
class World:
    """What all rounds share."""

    app: StreamApp
    stream: StandInFile
    clock: SharedClock
    crew: Crew
    reached: Tally


@dataclass
class Round:
    """One round while it is played."""

    world: World
    number: int
    dice: random.Random
    tickets: list[Ticket] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    made_anew: set[str] = field(default_factory=set)
    downloads: list[Download] = field(default_factory=list)

    def play(self) -> History:
        """The tickets, the storm, the calm; returns what is left behind."""
        calls_before = self.world.stream.last()
        attempts_before = Attempt.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        self._open()
        self._overture()
        for _ in range(self.dice.randint(1, 3)):
            self._wave()
        self._calm()
        self._fetch()
        return self._history(calls_before, attempts_before)

    # The tickets

    def _open(self) -> None:
        plans = [self._plan(place) for place in range(self.dice.randint(2, 5))]
        self.world.stream.add(
            [name for name in self.names if not name.startswith("ghost")], feeds=self.dice.random() < 0.5
        )
        for place, plan in enumerate(plans):
            ticket = factories.submitted(plan, app=self.world.app)
            self.tickets.append(ticket)
            if place == 0 or (place < len(plans) - 1 and self.dice.random() < 0.7):
                self._approve(ticket)

    def _plan(self, place: int) -> Plan:
        kinds = ("erase", "erase", "feeds", "soft", "copy", "export", "ghost")
        kind = self.dice.choice(kinds) if place else "erase"
        stem = f"{'ghost' if kind == 'ghost' else 'r'}{self.number}-{place}"
        own = [f"{stem}-{one}" for one in range(self.dice.choice((1, 1, 2)))]
        self.names += own
        match kind:
            case "export":
                return factories.export_plan(*own)
            case "soft":
                return factories.soft_plan(*own)
            case "feeds":
                return factories.erase_plan(*own)
            case "copy":
                return factories.erase_plan(*own, copy_first=True)
        return factories.erase_plan(*own, feeds_data=Mode.KEEP)

    def _approve(self, ticket: Ticket) -> None:
        approval.approve(
            ticket,
            actor=actor("dora"),
            now=timezone.now(),
            confirm_user_id=ticket.plan["user_ids"][0],
            **factories.seen(ticket),
        )

    # The storm

    def _overture(self) -> None:
        """Each round brings about what leads past one of the points, and has its victim there."""
        point = self._point_of_the_round()
        stage = point.stage
        faults: dict[str, Any] = {"calls": dict.fromkeys(ROUTES, MID_CALL)}
        sweep = deeds.sweep(self.world.clock)
        if stage is Stage.UNKNOWN:
            faults["calls"] = dict.fromkeys(ROUTES, LOST)
            self._send(faults, sweep, None, Fate.KILL)
            self.world.clock.forward(LONG)
        elif stage is Stage.ABANDONED:
            self._send(faults, sweep, self.dice.choice(MID_CALLS), Fate.KILL)
            self.world.clock.forward(LONG)
        elif stage is Stage.WEB:
            sweep = deeds.approve(self.tickets[-1])
        self._send(faults, sweep, point, self.dice.choice(point.fates))

    def _point_of_the_round(self) -> Failpoint:
        """One at which nobody died yet; once there is none, the points take turns. Downloads have theirs at the end."""
        missed = [point for place, point in enumerate(POINTS) if not self.world.reached[place]]
        ahead = [point for point in missed if point.stage is not Stage.DOWNLOAD]
        if ahead:
            return ahead[self.number % len(ahead)]
        stages = (Stage.SWEEP, Stage.ABANDONED, Stage.UNKNOWN, Stage.WEB)
        stage, turn = stages[self.number % len(stages)], self.number // len(stages)
        return of_stage(stage)[turn % len(of_stage(stage))]

    def _send(self, faults: dict[str, Any], deed: deeds.Deed, point: Failpoint | None, fate: Fate) -> None:
        """One process alone, and what becomes of it."""
        self.world.stream.go_wrong(faults)
        self.world.crew.send(deed if point is None else deeds.doomed(deed, point, fate, 1, self.world.reached))
        self.world.crew.wait()
        self._overtake()

    def _wave(self) -> None:
        """A few processes at once; then time passes, and whoever stood still goes on."""
        crew, dice = self.world.crew, self.dice
        self._go_wrong()
        for _ in range(dice.randint(1, 3)):
            crew.send(self._deed(dice.choice(POINTS) if dice.random() < 0.7 else None))
        if dice.random() < 0.1:
            crew.kill_all()
        if dice.random() < 0.15:
            self._somebody_else()
        crew.wait()
        self._overtake()
        self.world.clock.forward(dice.choice(SPANS))

    def _go_wrong(self) -> None:
        """Stream as it is in this wave."""
        faults: dict[str, Any] = {"calls": dict.fromkeys(ROUTES, MID_CALL)}
        if self.dice.random() < 0.5:
            for route in self.dice.sample(ROUTES, self.dice.randint(1, 3)):
                faults["calls"][route] = self.dice.choice(TROUBLES)
        if self.dice.random() < 0.2:
            faults["tasks"] = {self.dice.choice(ROUTES): {"fate": self.dice.choice(FATES)}}
        self.world.stream.go_wrong(faults)

    def _deed(self, point: Failpoint | None) -> deeds.Deed:
        waiting = [ticket for ticket in self.tickets if self._state(ticket) == State.AWAITING_DECISION]
        if waiting and (self.dice.random() < 0.3 or (point is not None and point.stage is Stage.WEB)):
            chosen = self.dice.choice(waiting)
            deed = deeds.cancel(chosen) if self.dice.random() < 0.15 else deeds.approve(chosen)
            return self._doomed(deed, point if point and point.stage is Stage.WEB else None)
        if self.dice.random() < 0.08:
            return deeds.cancel(self.dice.choice(self.tickets))
        return self._doomed(deeds.sweep(self.world.clock), point)

    def _doomed(self, deed: deeds.Deed, point: Failpoint | None) -> deeds.Deed:
        if point is None:
            return deed
        fate = self.dice.choice(point.fates)
        return deeds.doomed(deed, point, fate, self.dice.choice((1, 1, 1, 2)), self.world.reached)

    def _state(self, ticket: Ticket) -> str:
        return Ticket.objects.values_list("state", flat=True).get(pk=ticket.pk)

    def _somebody_else(self) -> None:
        name = self.dice.choice(self.names)
        self.world.stream.make_anew(name)
        self.made_anew.add(name)

    def _overtake(self) -> None:
        """While some stand still their leases end and others go on; then they wake up."""
        if not self.world.crew.stopped:
            return
        self.world.clock.forward(LONG)
        self.world.crew.send(deeds.sweep(self.world.clock))
        self.world.crew.wait()
        self.world.crew.let_go_on()
        self.world.crew.wait()

    # The calm

    def _calm(self) -> None:
        """Stream behaves, people decide, and sweeps come one after the other until nothing moves."""
        self.world.stream.go_wrong({})
        for ticket in self.tickets:
            ticket.refresh_from_db()
            if ticket.state == State.AWAITING_DECISION:
                self._approve(ticket)
        sweep = deeds.sweep(self.world.clock)
        for _ in range(CALM):
            sweep()
            if not self._moving():
                break
            self.world.clock.forward(LONG)
        close_old_connections()

    def _moving(self) -> bool:
        states = [State.APPROVED.value, State.RUNNING.value]
        return Ticket.objects.filter(pk__in=self._ids(), state__in=states).exists()

    def _fetch(self) -> None:
        """Somebody downloads what was exported, at a web server that dies of it."""
        exported = Step.objects.filter(
            ticket__in=self._ids(),
            operation__in=[operation.value for operation in EXPORT_OPERATIONS],
            state=StepState.DONE.value,
            stream_task__isnull=False,
        ).select_related("ticket")
        for step in list(exported)[:1]:
            seen = Tally(1)
            points = of_stage(Stage.DOWNLOAD)
            point = points[self.number % len(points)]
            self.world.crew.send(deeds.doomed(deeds.download(step, seen), point, Fate.KILL, 1, self.world.reached))
            self.world.crew.wait()
            entries = AuditEntry.objects.filter(
                ticket_id=step.ticket_id, action=AuditAction.PACKAGE_DOWNLOADED.value
            ).count()
            self.downloads.append(Download(seen[0], entries))

    # What is left behind

    def _ids(self) -> list[int]:
        return [ticket.pk for ticket in self.tickets]

    def _history(self, calls_before: int, attempts_before: int) -> History:
        calls, groups = self._calls(calls_before)
        return History(
            calls=calls,
            groups=groups,
            attempts=records.attempts(attempts_before),
            tickets=records.tickets(self._ids()),
            shown={name: self.world.stream.presence(name) for name in self.names},
            downloads=self.downloads,
            made_anew=frozenset(self.made_anew),
            in_feeds=frozenset(name for name in self.names if self.world.stream.in_feeds(name)),
        )

    def _calls(self, after: int) -> tuple[Sequence[Call], Sequence[str]]:
        calls, groups = [], []
        for operation, user_ids, body, task_id in self.world.stream.accepted(after):
            digest, group = records.digest_of(operation, user_ids, body)
            status, left_out = self.world.stream.task(task_id)
            calls.append(Call(operation, user_ids, digest, status, left_out))
            groups.append(group)
        return calls, groups
