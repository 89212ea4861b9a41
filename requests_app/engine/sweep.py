"""One sweep: everything that is due, phase by phase, until nothing is or the budget is spent.

Re-entrant: any number of sweeps may run at once, in any number of processes. Each row goes to whoever claims it
first, and a killed sweep costs no more than the time of a lease.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db import DatabaseError, close_old_connections
from django.db.models import Exists, OuterRef, Q, QuerySet

from requests_app import outages
from requests_app.compiled_query import Answers, Text, whether
from requests_app.engine import agenda, breaker, budgets, parking, restored, stranded
from requests_app.engine.context import Context, ticking
from requests_app.engine.outgoing import THREADS
from requests_app.engine.parking import guarded
from requests_app.engine.phases import begin, poll, read_back, reconcile, send
from requests_app.engine.timing import LINGER, database_now
from requests_app.enums import STEP_IN_FLIGHT, State, StepState
from requests_app.models import AppHealth, Budget, Heartbeat, Step, Ticket
from requests_app.workflow import outcomes

HEARTBEAT = "sweep"
# While something is due within this time, a sweep with budget left waits for it instead of ending: the schedule rings
# no earlier.
WORTH_WAITING = timedelta(minutes=1)
# Seconds between looks at the rows while nothing is due, less where that is soon; and between looks at what changes
# slowly.
PAUSE_SECONDS, LONG_PAUSE_SECONDS = 0.05, 1.0
HOUSEKEEPING_SECONDS = 1.0
# Seconds for which a pass waits for an answer before it looks at the rows again.
PATIENCE = 0.1
# Seconds between two tries while the database is locked or away.
OUTAGE_PAUSE = 0.5
SETTLE_AT_ONCE = 200
FORGOTTEN_AT_ONCE = 200


@dataclass
class Swept:
    """What one sweep did, and whether something is due again before the schedule rings."""

    passes: int = 0
    begun: int = 0
    sent: int = 0
    reconciled: int = 0
    polled: int = 0
    read_back: int = 0
    handed_over: int = 0
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
        for name in ("begun", "sent", "reconciled", "polled", "read_back", "handed_over", "settled"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def work(self) -> int:
        """How many rows were worked on."""
        return self.begun + self.sent + self.reconciled + self.polled + self.read_back + self.handed_over


def sweep_once(
    *,
    budget_seconds: float = 40.0,
    now: Callable[[], datetime] = database_now,
    tick: Callable[[], float] = ticking,
    linger: float = LINGER,
    wait: bool = False,
    stopped: Callable[[], bool] = lambda: False,
    sleep: Callable[[float], object] = time.sleep,
) -> Swept:
    """Work on what is due until nothing is, or the budget (seconds) is spent.

    With `wait`, a sweep stays while something becomes due before the schedule rings again, and `sleep`s until then, so
    that young tasks are asked about in time and calls without an answer looked for once they settled. `stopped` is
    asked between passes. What is on its way when the sweep ends is waited for: no longer than the longest call. While
    the database is locked or away the sweep waits, and goes on where it was; once the budget is spent, the error is
    the caller's.
    """
    ends = time.monotonic() + budget_seconds
    total = Swept()

    def spent() -> bool:
        return time.monotonic() >= ends or stopped()

    with ThreadPoolExecutor(THREADS) as pool:
        context = Context(pool=pool, now=now, tick=tick, linger=linger)
        going = True
        while going:
            try:
                going = _go_on(context, total, spent=spent, sleep=sleep if wait else None)
                outages.LOG.over()
            except DatabaseError as error:
                if not outages.outage_of(error):
                    raise
                outages.LOG.met(error)
                if spent():
                    raise
                _rest(context)
    return total


def _go_on(
    context: Context, total: Swept, *, spent: Callable[[], bool], sleep: Callable[[float], object] | None
) -> bool:
    """One pass, and a rest where nothing is due yet; returns whether the sweep is to go on. Without `sleep` it ends."""
    if context.resuming or not total.passes:
        restored.look(actor=context.actor, now=context.now())
    if context.resuming:
        # Reading works on a locked SQLite as well: only something written proves that the outage is over.
        beat(context.now())
        total.handed_over += context.hand_over(0)
        context.resuming = False
    done = one_pass(context)
    total.add(done)
    if spent():
        close(context, total)
        total.more_soon = bool(done.work) or _until_next(context) is not None
        return False
    if done.work or context.calls.busy:
        return True
    if context.waiting:
        time.sleep(PATIENCE)
        return True
    seconds = _until_next(context)
    total.more_soon = seconds is not None
    if sleep and seconds is not None:
        # Not until then at one go: what somebody approves meanwhile is to be taken up.
        sleep(min(LONG_PAUSE_SECONDS, max(PAUSE_SECONDS, seconds)))
        return True
    write_last_words(context)
    return False


def _until_next(context: Context) -> float | None:
    """Seconds until the next row is due, where that is worth waiting for; nothing is due where they are None."""
    now = context.now()
    due = agenda.next_due(now, until=now + WORTH_WAITING)
    return None if due is None else (due - now).total_seconds()


def _rest(context: Context) -> None:
    """Wait for the database. Its transaction was rolled back; the rows that were claimed stand under their leases."""
    context.resuming = True
    time.sleep(OUTAGE_PAUSE)
    close_old_connections()


def one_pass(context: Context) -> Swept:
    """Each phase once, in the order in which a ticket goes through them, and then what came back meanwhile."""
    done = Swept()
    if context.tick() >= context.housekeeping_at:
        # First of all: an app that answers its probe is called in this very pass.
        guarded(lambda: _keep_house(context))
    due = context.agenda = agenda.read(context.now())
    if due.begin:
        done.begun = guarded(lambda: _begin(context))
    if due.adopt:
        done.reconciled += guarded(lambda: reconcile.adopt_abandoned(context))
    if due.reconcile:
        done.reconciled += guarded(lambda: reconcile.reconcile_due(context))
    if due.send or due.begin or context.waiting:
        done.sent = guarded(lambda: send.send_due(context))
    if due.look:
        done.read_back = guarded(lambda: read_back.read_back_due(context))
    if due.poll:
        done.polled = guarded(lambda: poll.poll_due(context))
    done.handed_over = context.hand_over(PATIENCE)
    if done.handed_over and context.calls.busy:
        # A look that came in has made a call, whose answer is often there at once.
        done.handed_over += context.hand_over(PATIENCE)
    done.settled = _settle(context)
    return done


def _begin(context: Context) -> int:
    """Take up approved tickets, each by itself where they cannot be taken up together."""
    return len(begin.begin_due(actor=context.actor, now=context.now()))


def close(context: Context, total: Swept) -> None:
    """Let nothing more go out, land what is on its way, and write the last words."""
    context.closing = True
    send.release_waiting(context)
    while context.calls.busy:
        total.handed_over += context.hand_over(PATIENCE)
        total.settled += _settle(context)
    write_last_words(context)


def write_last_words(context: Context) -> None:
    """What a sweep knows that stands nowhere else: the limits that it learnt, and how the log stands."""
    budgets.write_down(context)
    restored.remember(restored.head())


def _keep_house(context: Context) -> int:
    """What need not be looked at in every pass; returns how many apps were probed."""
    is_first, now = not context.housekeeping_at, context.now()
    # Before anything can fail: whatever does is not tried again in every pass.
    context.housekeeping_at = context.tick() + HOUSEKEEPING_SECONDS
    if not is_first:
        write_last_words(context)
    there = _TO_LOOK_AFTER.ask(now)
    left_alone = breaker.left_alone() if there["left_alone"] else []
    probed = breaker.probe(left_alone, context)
    stranded.hand_to_people(left_alone, context)
    if there["spent"]:
        budgets.look(context)
    if there["hanging"]:
        poll.release_hanging(context)
    if there["forgotten"]:
        context.touched.update(_forgotten().values_list("pk", flat=True)[:FORGOTTEN_AT_ONCE])
    beat(now)
    return probed


def _to_look_after(now: datetime) -> dict[str, Text]:
    """Of these there is seldom anything."""
    return {
        "left_alone": whether(AppHealth.objects.left_alone()),
        "spent": whether(Budget.objects.spent(now)),
        "hanging": whether(poll.hanging()),
        "forgotten": whether(_forgotten()),
    }


def _settle(context: Context) -> int:
    """Move on every ticket that was touched, where its steps allow it."""
    if not context.touched:
        return 0
    touched, settled = sorted(context.touched), 0

    def settle(some: Sequence[int]) -> None:
        nonlocal settled
        settled += len(outcomes.settle_all(some, actor=context.actor, now=context.now()))

    park = partial(parking.park_ticket, actor=context.actor, now=context.now())
    for start in range(0, len(touched), SETTLE_AT_ONCE):
        parking.each(settle, touched[start : start + SETTLE_AT_ONCE], park)
    context.touched.clear()
    return settled


def _forgotten() -> QuerySet[Ticket]:
    """Running tickets of which nothing is due, or of which a step failed: a worker died before the last word.

    The steps behind one that failed are never due, whatever their rows say.
    """
    its = Step.objects.filter(ticket=OuterRef("pk"))
    in_flight = its.filter(state__in=[state.value for state in STEP_IN_FLIGHT])
    due = its.filter(Q(next_at__isnull=False) | Q(look_again_at__isnull=False, read_back_at__isnull=True))
    failed = its.filter(state=StepState.FAILED.value)
    running = Ticket.objects.standing(State.RUNNING).filter(~Exists(in_flight))
    return running.filter(Exists(failed) | ~Exists(due)).order_by("pk")


_TO_LOOK_AFTER = Answers(_to_look_after)


def beat(now: datetime) -> None:
    """Leave a sign of life for the pages and the readiness check."""
    if not Heartbeat.objects.filter(name=HEARTBEAT).update(beat_at=now):
        Heartbeat.objects.update_or_create(name=HEARTBEAT, defaults={"beat_at": now})
