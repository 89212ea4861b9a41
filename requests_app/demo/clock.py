"""The demo's clock: a line for each step with the time it took, and an end to all waiting."""

from __future__ import annotations

import time
from collections.abc import Callable

PAUSE_SECONDS = 0.1


class DemoFailed(Exception):
    """The demo cannot go on; the text says why."""


class Clock:
    """Tells the seconds since the start and stops what lasts too long."""

    def __init__(self, seconds: float, write: Callable[[str], object]) -> None:
        self._write = write
        self._began = self._last = time.monotonic()
        self._ends = self._began + seconds
        self.seconds = seconds

    def say(self, words: str) -> None:
        """A line with the moment and how long the step took, in seconds."""
        now = time.monotonic()
        self._write(f"{now - self._began:5.1f} s  (+{now - self._last:.1f})  {words}")
        self._last = now

    def left(self) -> float:
        """Seconds until everything must be done; raises where they are spent."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise DemoFailed(f"This took longer than {self.seconds:.0f} s.")
        return left

    def rest(self, what: str) -> None:
        """Wait a moment for something; raises once the time is up."""
        if time.monotonic() >= self._ends:
            raise DemoFailed(f"Waited in vain for {what}: {self.seconds:.0f} s are over.")
        time.sleep(PAUSE_SECONDS)
