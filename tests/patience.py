"""Waiting for what other processes do, with an end to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

LOOK_SECONDS = 0.05
# A machine that does other things besides takes so many times as long.
BUSY = 2


def until(done: Callable[[], object], *, seconds: float, what: str) -> None:
    """Return as soon as the condition holds, within so many seconds on a quiet machine; fail once the time is up."""
    longest = BUSY * seconds
    ends = time.monotonic() + longest
    pause = threading.Event()
    while not done():
        assert time.monotonic() < ends, f"Waited {longest:.0f} s in vain for {what}."
        pause.wait(LOOK_SECONDS)
