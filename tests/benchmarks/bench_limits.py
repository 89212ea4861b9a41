"""Many approved erasures at once under Stream's default limits: how near the engine comes to what they allow.

The bound: Stream takes `LIMIT` DeleteUsers calls in each minute of the clock. A thousand users of one plan are ten full
calls, so six go in the minute in which the tickets come and four when the next one begins. To that come the answer
and the task of the last call. A run begins `HEAD_START` seconds before the minute is over, so that runs compare.
"""

from __future__ import annotations

import time

from requests_app.models import AppHealth, Budget
from tests.benchmarks import crowd, engine, sandbox
from tests.benchmarks.bench_batching import FOURTEEN, LATENCY_MS, TASK_SECONDS, TEN, USERS, erasures
from tests.benchmarks.stage import Stage

LIMIT = 6
WINDOW = 60.0
HEAD_START = 40.0
PATIENCE = 300.0


def run(stage: Stage) -> None:
    """Equal plans, ten different ones, and more than two windows take."""
    for kinds, words in ((1, "equal plans"), (len(TEN), "ten plans"), (len(FOURTEEN), "fourteen plans")):
        with sandbox.running(stage.folder, latency_ms=LATENCY_MS, task_seconds=TASK_SECONDS, limits=True) as stream:
            carry_out(stage, stream, kinds, words)


def bound(seconds_left: float, users: int, kinds: int) -> float:
    """The least seconds from now: the windows that must begin until the last full call may go out, and its task."""
    calls = sum(-(-len(range(kind, users, kinds)) // sandbox.PER_CALL) for kind in range(kinds))
    windows = (calls - 1) // LIMIT
    waiting = seconds_left + (windows - 1) * WINDOW if windows else 0.0
    return waiting + LATENCY_MS / 1000 + TASK_SECONDS


def carry_out(stage: Stage, stream: sandbox.Stream, kinds: int, words: str) -> None:
    """Let the engine carry the erasures out, and tell how far from the bound it stays."""
    wanted = erasures(stage.count(USERS), kinds)
    _forget_budgets()
    stream.make_users([plan.user_ids[0] for plan in wanted])
    through = engine.completed()
    with engine.working(stage.folder):
        time.sleep((WINDOW - HEAD_START - time.time()) % WINDOW)
        crowd.approved(wanted, stream.app())
        least = bound(WINDOW - time.time() % WINDOW, len(wanted), kinds)
        seconds = engine.wait_for(through + len(wanted), seconds=PATIENCE)
        done = engine.completed() - through
    calls = stream.accepted("DeleteUsers")
    note = f"{done} of {len(wanted)} through" + (", so at least" if done < len(wanted) else "")
    stage.tell(f"{words}: wall time", seconds, "s", note=note)
    stage.tell(f"{words}: what the limits allow", least, "s")
    stage.tell(f"{words}: above the bound", 100 * (seconds / least - 1), "%", goal="<= 10")
    minutes = " + ".join(str(number) for number in stream.by_minute("DeleteUsers"))
    note = f"{sum(calls) / max(1, len(calls)):.0f} users a call; by the minute {minutes}"
    stage.tell(f"{words}: delete calls", len(calls), "calls", note=note)


def _forget_budgets() -> None:
    """Each run has a sandbox of its own, which has not seen the calls of the run before."""
    Budget.objects.all().delete()
    AppHealth.objects.update(limits_read_at=None)
