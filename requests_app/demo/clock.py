"""The demo's clock: a line for each step with the time it took, and an end to all waiting."""

from __future__ import annotations

import time
from collections.abc import Callable

PAUSE_SECONDS = 0.1
# So long nobody waits without a word.
SILENT_SECONDS = 3.0


class DemoFailed(Exception):
    """The demo cannot go on; the text says why."""


class Clock:
    """Tells the seconds since the start and stops what lasts too long."""

    def __init__(self, seconds: float, write: Callable[[str], object]) -> None:
        self._write = write
        self._began = self._last = self._told = time.monotonic()
        self._ends = self._began + seconds
        self.seconds = seconds

    def say(self, words: str) -> None:
        """A line with the moment and how long the step took, in seconds."""
        now = time.monotonic()
        self._write(f"{now - self._began:5.1f} s  (+{now - self._last:.1f})  {words}")
        self._last = self._told = now

    def left(self) -> float:
        """Seconds until everything must be done; raises where they are spent."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise DemoFailed(f"This took longer than {self.seconds:.0f} s.")
        return left

    def rest(self, what: str) -> None:
        """Wait a moment for something; raises once the time is up."""
        self.tell_waiting(what)
        time.sleep(PAUSE_SECONDS)

    def tell_waiting(self, what: str) -> None:
        """A line on what is waited for, where there was none for some seconds; raises once the time is up."""
        now = time.monotonic()
        if now >= self._ends:
            raise DemoFailed(f"Waited in vain for {what}: {self.seconds:.0f} s are over.")
        if now - self._told >= SILENT_SECONDS:
            self._write(f"{now - self._began:5.1f} s           … waiting for {what}")
            self._told = now
