"""Calls to Stream on their way: made by threads, landed by the one thread that touches the database.

Each app has its own line and its own share of the threads, so that one that answers slowly holds up no other.
What lands together is handled together.
"""

from __future__ import annotations

import logging
import queue
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from requests_app.stream.errors import StreamError, UnknownOutcome

THREADS = 40
# One app never holds more threads than this: some are left for the others.
CALLS_PER_APP = 32
# So many calls wait for a thread at most; their rows are leased meanwhile.
LINE = 4 * THREADS
# Seconds. After the first answer, others that are just coming in are waited for, so that they share their queries.
GATHER = 0.02

logger = logging.getLogger(__name__)

# What was asked, and the answer or the typed error.
Pair = tuple[Any, Any]
Landed = Callable[[Sequence[Pair]], None]


@dataclass(frozen=True)
class _Call:
    app_id: int
    make: Callable[[], object]
    subject: object
    landed: Landed


class Traffic:
    """The calls of one sweep."""

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        self._lines: dict[int, deque[_Call]] = defaultdict(deque)
        self._flying: Counter[int] = Counter()
        self._down: queue.SimpleQueue[tuple[_Call, object]] = queue.SimpleQueue()

    @property
    def busy(self) -> bool:
        """Whether any call waits or is on its way."""
        return bool(self._flying.total() or any(self._lines.values()))

    @property
    def room(self) -> int:
        """How many more calls may wait for a thread."""
        return max(0, LINE - sum(map(len, self._lines.values())))

    def launch(
        self, app_id: int, make: Callable[[], object], subject: object, landed: Landed, *, first: bool = False
    ) -> None:
        """Let a thread make the call; `landed` gets the subject with the answer. `first` goes before the line."""
        call = _Call(app_id, make, subject, landed)
        line = self._lines[app_id]
        if first:
            line.appendleft(call)
        else:
            line.append(call)
        self._take_off()

    def land(self, patience: float) -> int:
        """Hand over what has landed, waiting for the first for `patience` seconds; returns how many calls."""
        if not self.busy:
            return 0
        groups: dict[Landed, list[Pair]] = defaultdict(list)
        landed = 0
        ends = time.monotonic() + patience
        while self.busy:
            try:
                call, reply = self._down.get(timeout=max(0.0, ends - time.monotonic()))
            except queue.Empty:
                break
            if not landed:
                ends = time.monotonic() + GATHER
            landed += 1
            self._flying[call.app_id] -= 1
            groups[call.landed].append((call.subject, reply))
            self._take_off()
        for hand_over, pairs in groups.items():
            hand_over(pairs)
        return landed

    def _take_off(self) -> None:
        """Give free threads to the lines, one call of each app in turn."""
        while True:
            ready = [app_id for app_id, line in self._lines.items() if line and self._flying[app_id] < CALLS_PER_APP]
            if not ready or self._flying.total() >= THREADS:
                return
            for app_id in ready:
                if self._flying.total() < THREADS:
                    self._flying[app_id] += 1
                    self._pool.submit(self._fly, self._lines[app_id].popleft())

    def _fly(self, call: _Call) -> None:
        self._down.put((call, caught(call.make)))


def caught(make: Callable[[], object]) -> object:
    """The call's result, or the typed error it ended with.

    An error that nobody foresaw is an unknown outcome: it must neither stop the sweep nor pass for a refusal.
    """
    try:
        return make()
    except StreamError as error:
        return error
    except Exception as error:
        logger.error("A call to Stream ended with %s.", type(error).__name__)
        return UnknownOutcome("The portal could not make sense of Stream's answer.")
