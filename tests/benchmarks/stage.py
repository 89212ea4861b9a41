"""What a benchmark gets: a folder, a scale, and a place for its figures."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.results import Figure


@dataclass
class Stage:
    """One benchmark on one database."""

    benchmark: str
    database: str
    folder: Path
    scale: float
    profile: Path | None = None
    figures: list[Figure] = field(default_factory=list)

    def count(self, full: int) -> int:
        """That many at full scale, fewer at a smaller one, never none."""
        return max(1, round(full * self.scale))

    def tell(self, what: str, value: float, unit: str, *, goal: str = "", note: str = "") -> None:
        """Keep a figure."""
        self.figures.append(Figure(self.benchmark, self.database, what, round(value, 4), unit, goal, note))


def resident(pid: int) -> float:
    """Resident memory of a process in MB; 0 where it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
