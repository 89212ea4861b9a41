"""Waiting for what other processes do, with an end to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

LOOK_SECONDS = 0.05


def until(done: Callable[[], object], *, seconds: float, what: str) -> None:
    """Return as soon as the condition holds; fail once the time is up."""
    ends = time.monotonic() + seconds
    pause = threading.Event()
    while not done():
        assert time.monotonic() < ends, f"Waited {seconds:.0f} s in vain for {what}."
        pause.wait(LOOK_SECONDS)
