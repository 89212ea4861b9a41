"""The engine inside this process, from approved tickets to the last word, with the waiting left out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from requests_app.engine.sweep import sweep_once
from requests_app.engine.timing import database_now
from requests_app.enums import State
from requests_app.models import StreamApp, Ticket
from requests_app.workflow.plan import Plan
from tests.benchmarks import crowd

# Longer than the first pause before a task is asked about.
STRIDE = timedelta(seconds=3)
MOVING = (State.APPROVED.value, State.RUNNING.value)
# Sweeps; a ticket takes three or four.
AT_MOST = 60


@dataclass
class Shifted:
    """The database's clock, moved on between sweeps: asking it costs what it costs in production."""

    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return database_now() + self.ahead


def to_the_end(
    wanted: list[Plan], app: StreamApp, *, around: Callable[[Callable[[], None]], None] | None = None
) -> float:
    """Seconds from approved tickets to the last one settled. `around` may wrap the work, to look at it."""
    crowd.approved(wanted, app)
    began = time.perf_counter()
    if around:
        around(_sweep_all)
    else:
        _sweep_all()
    return time.perf_counter() - began


def _sweep_all() -> None:
    clock = Shifted()
    for _ in range(AT_MOST):
        sweep_once(now=clock, budget_seconds=600)
        if not Ticket.objects.filter(state__in=MOVING).exists():
            return
        clock.ahead += STRIDE
    raise RuntimeError(f"Tickets still move after {AT_MOST} sweeps.")
