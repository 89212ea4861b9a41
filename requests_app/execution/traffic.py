"""Calls to Stream on their way: made by threads, landed by the one thread that touches the database.

Each app has its own line and its own share of the threads, so that one that answers slowly holds up no other.
What lands together is handled together.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
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
    """The calls of one sweep.

    A thread whose call is over starts the next one of the line by itself: the thread that touches the database is busy
    with rows meanwhile, and nothing waits for it.
    """

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        # Guards the lines and the counts, which every thread changes.
        self._tower = threading.Lock()
        self._lines: dict[int, deque[_Call]] = defaultdict(deque)
        self._flying: Counter[int] = Counter()
        # Launched and not down yet; known to the one thread that launches and lands.
        self._out = 0
        # Down and not handed over yet: what could not be written since the database failed stays here for another try.
        self._kept: dict[Landed, list[Pair]] = {}
        self._down: queue.SimpleQueue[tuple[_Call, object]] = queue.SimpleQueue()

    @property
    def busy(self) -> bool:
        """Whether any call waits, is on its way, or has not been handed over yet."""
        return self._out > 0 or bool(self._kept)

    @property
    def room(self) -> int:
        """How many more calls may wait for a thread."""
        with self._tower:
            return max(0, LINE - sum(map(len, self._lines.values())))

    def launch(
        self, app_id: int, make: Callable[[], object], subject: object, landed: Landed, *, first: bool = False
    ) -> None:
        """Let a thread make the call; `landed` gets the subject with the answer. `first` goes before the line."""
        call = _Call(app_id, make, subject, landed)
        self._out += 1
        with self._tower:
            line = self._lines[app_id]
            if first:
                line.appendleft(call)
            else:
                line.append(call)
        self._take_off()

    def land(self, patience: float) -> int:
        """Hand over what has landed, waiting for the first for `patience` seconds; returns how many calls.

        What a handler fails on is kept and handed over again the next time.
        """
        landed = 0
        ends = time.monotonic() + patience
        while self._out:
            try:
                call, reply = self._down.get(timeout=max(0.0, ends - time.monotonic()))
            except queue.Empty:
                break
            if not landed:
                ends = time.monotonic() + GATHER
            landed += 1
            self._out -= 1
            self._kept.setdefault(call.landed, []).append((call.subject, reply))
        while self._kept:
            hand_over, pairs = next(iter(self._kept.items()))
            hand_over(pairs)
            del self._kept[hand_over]
        return landed

    def _take_off(self) -> None:
        """Start the calls for which there are threads."""
        for call in self._cleared():
            self._pool.submit(self._fly, call)

    def _cleared(self) -> list[_Call]:
        """Take from the lines what may fly now, one call of each app in turn."""
        cleared: list[_Call] = []
        with self._tower:
            while self._flying.total() < THREADS:
                ready = [id_ for id_, line in self._lines.items() if line and self._flying[id_] < CALLS_PER_APP]
                if not ready:
                    break
                for app_id in ready[: THREADS - self._flying.total()]:
                    self._flying[app_id] += 1
                    cleared.append(self._lines[app_id].popleft())
        return cleared

    def _fly(self, call: _Call) -> None:
        self._down.put((call, caught(call.make)))
        with self._tower:
            self._flying[call.app_id] -= 1
        # A pool that is shut down, since the sweep ended by an error, takes nothing more: the other calls are not made,
        # and their rows come free with their leases.
        with suppress(RuntimeError):
            self._take_off()


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
