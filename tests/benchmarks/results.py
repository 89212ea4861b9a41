"""Figures, the table people read and the file that another run is compared with."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One thing measured, with its unit, the goal where there is one, and what one must know to read it."""

    benchmark: str
    database: str
    what: str
    value: float
    unit: str
    goal: str = ""
    note: str = ""


def machine(root: Path) -> dict[str, object]:
    """Where and of which state of the code the figures are."""
    git = ["git", "-C", str(root)]
    commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    dirty = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=False).stdout.strip()
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit + (" and changes" if dirty else ""),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "load_before": [round(load, 2) for load in os.getloadavg()],
    }


def table(figures: Sequence[Figure]) -> str:
    """The figures in columns."""
    rows = [
        (figure.benchmark, figure.database, figure.what, _short(figure.value), figure.unit, figure.goal, figure.note)
        for figure in figures
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(6)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[6]]).rstrip()
        for row in rows
    )


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def write(path: Path, machine: dict[str, object], scale: float, figures: Sequence[Figure]) -> None:
    """Keep the figures as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"machine": machine, "scale": scale, "figures": [asdict(figure) for figure in figures]}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
