"""A clock that all processes of a round share: the real one, and how far it was put forward.

The offset lies in memory that survives the fork. The engine's wall clock and its ticking clock go forward together,
as they do where a machine really waits.
"""

from __future__ import annotations

import mmap
import struct
from datetime import datetime, timedelta

from requests_app.engine.context import ticking
from requests_app.engine.timing import database_now

_NUMBER = struct.Struct("d")


class SharedClock:
    """Seconds put forward so far; only ever more."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _NUMBER.size)

    @property
    def offset(self) -> float:
        """How many seconds ahead of the real clocks."""
        return float(_NUMBER.unpack_from(self._memory)[0])

    def forward(self, seconds: float) -> None:
        """Let time pass, for everybody."""
        _NUMBER.pack_into(self._memory, 0, self.offset + seconds)

    def now(self) -> datetime:
        """What the engine takes for the time."""
        return database_now() + timedelta(seconds=self.offset)

    def tick(self) -> float:
        """What the engine measures spans with."""
        return ticking() + self.offset


class Tally:
    """Counters that survive the fork and the death of whoever counts."""

    def __init__(self, size: int) -> None:
        self._memory = mmap.mmap(-1, size)

    def add(self, place: int) -> None:
        """One more, up to 255."""
        self._memory[place] = min(255, self._memory[place] + 1)

    def __getitem__(self, place: int) -> int:
        return self._memory[place]
