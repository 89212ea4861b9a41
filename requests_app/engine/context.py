"""What one sweep carries along: the worker, the clocks, the clients and the calls on their way.

Only the thread that sweeps touches the database. The pool's threads make HTTP calls and nothing else;
what they learn of rate limits waits here until the sweep writes it down.
"""

from __future__ import annotations

import os
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from django.utils import timezone

from requests_app import gateway
from requests_app.audit.actor import Actor, worker
from requests_app.engine import parking
from requests_app.engine.agenda import Agenda
from requests_app.engine.batching.waiting import WaitingDeletes
from requests_app.engine.outgoing import Handler, OutgoingCalls, Returned, caught
from requests_app.engine.timing import LINGER, database_now
from requests_app.models import Step, StreamApp
from requests_app.stream.client import StreamClient
from requests_app.stream.errors import StreamError, Unavailable
from requests_app.stream.limits import RateLimit

T = TypeVar("T")

# Seconds since the machine started, those that it slept included: nobody can set this clock.
ticking = partial(time.clock_gettime, time.CLOCK_BOOTTIME)


class HeldUp(Unavailable):
    """The worker was stopped for so long that its lease may end during the call. Nothing was sent."""


def this_worker() -> Actor:
    """The actor of this process, told apart from others by host and process number."""
    return worker(f"{socket.gethostname()}:{os.getpid()}"[:64])


@dataclass
class Context:
    """One sweep of one worker. `linger` is how long deletes wait for company, in seconds."""

    pool: Executor
    now: Callable[[], datetime] = database_now
    tick: Callable[[], float] = ticking
    linger: float = LINGER
    actor: Actor = field(default_factory=this_worker)
    limits: deque[tuple[int, str, RateLimit]] = field(default_factory=deque)
    # Apps of which this sweep knows that their limits were asked for lately, or asked itself.
    limits_asked: set[int] = field(default_factory=set)
    clients: dict[int, StreamClient] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)
    # Endpoints of apps whose budget is spent, until when by the monotonic clock.
    spent: dict[tuple[int, str], float] = field(default_factory=dict)
    # What this pass has to do, and which apps it leaves alone.
    agenda: Agenda = field(default_factory=Agenda)
    waiting: WaitingDeletes = field(default_factory=WaitingDeletes)
    calls: OutgoingCalls = field(init=False)
    # The sweep is about to end: calls on their way are waited for, none is begun.
    closing: bool = False
    # The database failed meanwhile: what was read on Stream before is no ground to send on any more.
    resuming: bool = False
    housekeeping_at: float = 0.0

    def __post_init__(self) -> None:
        self.calls = OutgoingCalls(self.pool)

    @property
    def busy(self) -> bool:
        """Whether anything is on its way or waits for company."""
        return self.calls.busy or bool(self.waiting)

    def client(self, app: StreamApp) -> StreamClient:
        """The client of an app, made once a sweep. Raises `ConfigurationError` where its credentials are unfit."""
        if app.pk not in self.clients:

            def learn(endpoint: str, limit: RateLimit) -> None:
                self.limits.append((app.pk, endpoint, limit))
                if limit.remaining == 0:
                    wait_for = limit.capped(timezone.now()).reset_at.timestamp() - time.time()
                    self.spent[app.pk, endpoint] = time.monotonic() + wait_for

            def wait(endpoint: str) -> float:
                return self.spent.get((app.pk, endpoint), 0.0) - time.monotonic()

            self.clients[app.pk] = gateway.client_for(app, on_limit=learn, wait=wait)
        return self.clients[app.pk]

    def hand_over(self, patience: float) -> int:
        """Let what came back be acted on, waiting for it for so many seconds; returns how many calls that were."""
        return self.calls.hand_over(self._act, patience=patience)

    def _act(self, handler: Handler, returned: Sequence[Returned[Any, Any]]) -> None:
        parking.each(lambda some: handler(some, self), returned, self._park_returned, split=parking.parts_of)

    def park(self, step: Step) -> None:
        """Park a claimed step that cannot be handled."""
        self.touched.update(parking.park_steps([step], now=self.now()))

    def _park_returned(self, one: Returned[Any, Any]) -> None:
        self.touched.update(parking.park_subject(one.subject, now=self.now()))

    def fetch(self, calls: Iterable[Callable[[], T]]) -> list[T | StreamError]:
        """Run a few calls to Stream side by side and wait for them; each gives its result or its typed error."""
        return list(self.pool.map(caught, calls))  # type: ignore[arg-type]
