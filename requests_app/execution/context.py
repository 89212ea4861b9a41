"""What one sweep carries along: the worker, the clock, the clients and the threads.

Only the thread that sweeps touches the database. The pool's threads make HTTP calls and nothing else;
what they learn of rate limits waits here until the sweep writes it down.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from requests_app import gateway
from requests_app.audit.actor import Actor, worker
from requests_app.execution.timing import database_now
from requests_app.models import StreamApp
from requests_app.stream.client import StreamClient
from requests_app.stream.errors import StreamError
from requests_app.stream.limits import RateLimit

T = TypeVar("T")


@dataclass
class Context:
    """One sweep of one worker."""

    pool: Executor
    now: Callable[[], datetime] = database_now
    actor: Actor = field(default_factory=lambda: worker(socket.gethostname()))
    limits: deque[tuple[int, str, RateLimit]] = field(default_factory=deque)
    clients: dict[int, StreamClient] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)
    # Endpoints of apps whose budget is spent, until when by the monotonic clock.
    spent: dict[tuple[int, str], float] = field(default_factory=dict)

    def client(self, app: StreamApp) -> StreamClient:
        """The client of an app, made once a sweep. Raises `ConfigurationError` where its credentials are unfit."""
        if app.pk not in self.clients:

            def learn(endpoint: str, limit: RateLimit) -> None:
                self.limits.append((app.pk, endpoint, limit))
                if limit.remaining == 0:
                    self.spent[app.pk, endpoint] = time.monotonic() + limit.reset_at.timestamp() - time.time()

            def wait(endpoint: str) -> float:
                return self.spent.get((app.pk, endpoint), 0.0) - time.monotonic()

            self.clients[app.pk] = gateway.client_for(app, on_limit=learn, wait=wait)
        return self.clients[app.pk]

    def fetch(self, calls: Iterable[Callable[[], T]]) -> list[T | StreamError]:
        """Run calls to Stream side by side; each gives its result or the typed error it ended with."""
        return list(self.pool.map(_caught, calls))


def _caught(call: Callable[[], T]) -> T | StreamError:
    try:
        return call()
    except StreamError as error:
        return error
