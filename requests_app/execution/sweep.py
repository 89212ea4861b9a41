"""One sweep: everything that is due, phase by phase, until nothing is or the budget is spent.

Re-entrant: any number of sweeps may run at once, in any number of processes. Each row goes to whoever claims it
first, and a killed sweep costs no more than the time of a lease.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Min, Q

from requests_app.enums import State, StepState
from requests_app.execution import budgets, health, polling, readback, reconcile, restored, sending, steps
from requests_app.execution.context import Context, ticking
from requests_app.execution.timing import LINGER, database_now
from requests_app.execution.traffic import THREADS
from requests_app.models import Heartbeat, Step, StreamTask, Ticket
from requests_app.workflow import outcomes

HEARTBEAT = "sweep"
# While something is due within this time, a sweep with budget left waits for it instead of ending.
WORTH_WAITING = timedelta(seconds=5)
# Seconds between looks at the rows while nothing is due, and between looks at what changes slowly.
PAUSE_SECONDS = 0.25
HOUSEKEEPING_SECONDS = 1.0
# Seconds for which a pass waits for an answer before it looks at the rows again.
PATIENCE = 0.1
SETTLE_AT_ONCE = 200


@dataclass
class Swept:
    """What one sweep did, and whether something is due again within seconds."""

    passes: int = 0
    begun: int = 0
    sent: int = 0
    reconciled: int = 0
    polled: int = 0
    read_back: int = 0
    landed: int = 0
    settled: int = 0
    more_soon: bool = False

    def __str__(self) -> str:
        return (
            f"{self.begun} begun, {self.sent} taken up to send, {self.reconciled} reconciled, "
            f"{self.polled} asked about, {self.read_back} read back, {self.settled} settled"
        )

    def add(self, other: Swept) -> None:
        """Count another pass in."""
        self.passes += 1
        for name in ("begun", "sent", "reconciled", "polled", "read_back", "landed", "settled"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def work(self) -> int:
        """How many rows were worked on."""
        return self.begun + self.sent + self.reconciled + self.polled + self.read_back + self.landed


def sweep_once(
    *,
    budget_seconds: float = 40.0,
    now: Callable[[], datetime] = database_now,
    tick: Callable[[], float] = ticking,
    linger: float = LINGER,
    wait: bool = False,
    stopped: Callable[[], bool] = lambda: False,
) -> Swept:
    """Work on what is due until nothing is, or the budget (seconds) is spent.

    With `wait`, a sweep stays while something becomes due within seconds, so that young tasks are asked about
    in time. `stopped` is asked between passes. What is on its way when the sweep ends is waited for: no longer than
    the longest call.
    """
    ends = time.monotonic() + budget_seconds
    total = Swept()
    with ThreadPoolExecutor(THREADS) as pool:
        context = Context(pool=pool, now=now, tick=tick, linger=linger)
        restored.look(actor=context.actor, now=now())
        while True:
            done = one_pass(context)
            total.add(done)
            if time.monotonic() >= ends or stopped():
                close(context, total)
                total.more_soon = bool(done.work) or due_soon(now())
                break
            if done.work or context.traffic.busy:
                continue
            if context.lobby:
                time.sleep(PATIENCE)
                continue
            total.more_soon = due_soon(now())
            if not (wait and total.more_soon):
                break
            time.sleep(PAUSE_SECONDS)
    return total


def one_pass(context: Context) -> Swept:
    """Each phase once, in the order in which a ticket goes through them, and then what came back meanwhile."""
    done = Swept()
    begun = steps.begin_approved(actor=context.actor, now=context.now())
    context.touched.update(begun)
    done.begun = len(begun)
    if context.tick() >= context.housekeeping_at:
        _keep_house(context, done)
    done.reconciled = reconcile.reconcile_due(context)
    done.sent = sending.send_due(context)
    done.read_back = readback.read_back_due(context)
    done.polled = polling.poll_due(context)
    done.landed = context.traffic.land(PATIENCE)
    done.settled = _settle(context)
    return done


def close(context: Context, total: Swept) -> None:
    """Let nothing more go out, land what is on its way, and write the last words."""
    context.closing = True
    sending.turn_out(context)
    while context.traffic.busy:
        total.landed += context.traffic.land(PATIENCE)
        total.settled += _settle(context)
    budgets.write_down(context)
    restored.remember(restored.head())


def _keep_house(context: Context, done: Swept) -> None:
    """What need not be looked at in every pass."""
    context.housekeeping_at = context.tick() + HOUSEKEEPING_SECONDS
    budgets.write_down(context)
    health.probe(context)
    budgets.look(context)
    done.reconciled += reconcile.adopt_abandoned(context)
    context.touched.update(forgotten())
    restored.remember(restored.head())
    beat(context.now())


def _settle(context: Context) -> int:
    """Move on every ticket that was touched, where its steps allow it."""
    if not context.touched:
        return 0
    touched = sorted(context.touched)
    context.touched.clear()
    return sum(
        len(outcomes.settle_all(touched[start : start + SETTLE_AT_ONCE], actor=context.actor, now=context.now()))
        for start in range(0, len(touched), SETTLE_AT_ONCE)
    )


def forgotten() -> list[int]:
    """Running tickets of which nothing is due, or of which a step failed: a worker died before the last word.

    The steps behind one that failed are never due, whatever their rows say.
    """
    moving = Step.objects.filter(Q(next_at__isnull=False) | Q(look_again_at__isnull=False, read_back_at__isnull=True))
    on_stream = Step.objects.filter(state__in=[state.value for state in outcomes.IN_FLIGHT])
    failed = Step.objects.filter(state=StepState.FAILED.value, ticket__state=State.RUNNING.value)
    running = Ticket.objects.filter(state=State.RUNNING.value).exclude(pk__in=on_stream.values("ticket_id"))
    still = running.exclude(pk__in=moving.values("ticket_id"))
    stuck = running.filter(pk__in=failed.values("ticket_id"))
    return sorted({*still.values_list("pk", flat=True)[:100], *stuck.values_list("pk", flat=True)[:100]})


def beat(now: datetime) -> None:
    """Leave a sign of life for the pages and the readiness check."""
    Heartbeat.objects.update_or_create(name=HEARTBEAT, defaults={"beat_at": now})


def due_soon(now: datetime) -> bool:
    """Whether any row becomes due within the time that is worth waiting for."""
    horizon = now + WORTH_WAITING
    if Ticket.objects.filter(state=State.APPROVED.value).exists():
        return True
    nearest = [
        Step.objects.filter(next_at__isnull=False).aggregate(at=Min("next_at"))["at"],
        Step.objects.filter(look_again_at__isnull=False).aggregate(at=Min("look_again_at"))["at"],
        StreamTask.objects.filter(next_poll_at__isnull=False).aggregate(at=Min("next_poll_at"))["at"],
    ]
    return any(at is not None and at <= horizon for at in nearest)
