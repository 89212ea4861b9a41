"""Calls to Stream on their way: made by threads, their answers handed over by the one thread that touches the database.

Each app has its own line and its own share of the threads, so that one that answers slowly holds up no other.
What comes back together is handed over together.
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
from typing import Any, Generic, NamedTuple, TypeVar

from requests_app.stream.errors import StreamError, UnknownOutcome

THREADS = 40
# One app never holds more threads than this: some are left for the others.
CALLS_PER_APP = 32
# So many calls wait for a thread at most; their rows are leased meanwhile.
LINE = 4 * THREADS
# Seconds. After the first answer, others that are just coming in are waited for, so that they share their queries.
GATHER = 0.02

logger = logging.getLogger(__name__)

Subject = TypeVar("Subject")
Answer = TypeVar("Answer")


class Returned(NamedTuple, Generic[Subject, Answer]):
    """What a call was made for, and what came back: the answer or the typed error."""

    subject: Subject
    reply: Answer | StreamError


# Acts on what came back together of one kind of call. A function of a module: the calls of a kind share it.
Handler = Callable[..., None]
HandOver = Callable[[Handler, Sequence[Returned[Any, Any]]], None]


@dataclass(frozen=True)
class _Call:
    app_id: int
    make: Callable[[], object]
    subject: object
    handler: Handler


class OutgoingCalls:
    """The calls of one sweep.

    A thread whose call is over starts the next one of the line by itself: the thread that touches the database is busy
    with rows meanwhile, and nothing waits for it.
    """

    def __init__(self, pool: Executor) -> None:
        self._pool = pool
        # Guards the lines and the counts, which every thread changes.
        self._lock = threading.Lock()
        self._lines: dict[int, deque[_Call]] = defaultdict(deque)
        self._under_way: Counter[int] = Counter()
        # Added and not back yet; known to the one thread that adds calls and hands their answers over.
        self._open = 0
        # Back and not handed over yet: what could not be written since the database failed stays for another try.
        self._kept: dict[Handler, list[Returned[Any, Any]]] = {}
        self._back: queue.SimpleQueue[tuple[_Call, object]] = queue.SimpleQueue()

    @property
    def busy(self) -> bool:
        """Whether any call waits, is on its way, or has not been handed over yet."""
        return self._open > 0 or bool(self._kept)

    @property
    def room(self) -> int:
        """How many more calls may wait for a thread."""
        with self._lock:
            return max(0, LINE - sum(map(len, self._lines.values())))

    def add(
        self, app_id: int, make: Callable[[], object], subject: object, handler: Handler, *, first: bool = False
    ) -> None:
        """Let a thread make the call; the handler gets the subject with the answer. `first` goes before the line."""
        call = _Call(app_id, make, subject, handler)
        self._open += 1
        with self._lock:
            line = self._lines[app_id]
            if first:
                line.appendleft(call)
            else:
                line.append(call)
        self._start_next()

    def hand_over(self, to: HandOver, *, patience: float) -> int:
        """Hand over what came back, waiting for the first answer for `patience` seconds; returns how many calls.

        What a handler fails on is kept and handed over again the next time.
        """
        number = 0
        ends = time.monotonic() + patience
        while self._open:
            try:
                call, reply = self._back.get(timeout=max(0.0, ends - time.monotonic()))
            except queue.Empty:
                break
            if not number:
                ends = time.monotonic() + GATHER
            number += 1
            self._open -= 1
            self._kept.setdefault(call.handler, []).append(Returned(call.subject, reply))
        while self._kept:
            handler, returned = next(iter(self._kept.items()))
            to(handler, returned)
            del self._kept[handler]
        return number

    def _start_next(self) -> None:
        """Start the calls for which there are threads."""
        for call in self._take_startable():
            self._pool.submit(self._make, call)

    def _take_startable(self) -> list[_Call]:
        """Take from the lines what may start now, one call of each app in turn."""
        startable: list[_Call] = []
        with self._lock:
            while self._under_way.total() < THREADS:
                ready = [id_ for id_, line in self._lines.items() if line and self._under_way[id_] < CALLS_PER_APP]
                if not ready:
                    break
                for app_id in ready[: THREADS - self._under_way.total()]:
                    self._under_way[app_id] += 1
                    startable.append(self._lines[app_id].popleft())
        return startable

    def _make(self, call: _Call) -> None:
        self._back.put((call, caught(call.make)))
        with self._lock:
            self._under_way[call.app_id] -= 1
        # A pool that is shut down, since the sweep ended by an error, takes nothing more: the other calls are not made,
        # and their rows come free with their leases.
        with suppress(RuntimeError):
            self._start_next()


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
