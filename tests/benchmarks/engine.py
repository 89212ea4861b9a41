"""The engine as a process of its own, and waiting for what it does."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from requests_app.enums import State
from requests_app.models import Heartbeat, Ticket

ROOT = Path(__file__).resolve().parents[2]
LOOK_SECONDS = 0.25


@contextmanager
def working(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`manage.py sweep --loop`, warm: its first sweep is over when this begins."""
    with (
        open(folder / "engine.log", "ab") as log,
        subprocess.Popen(
            [sys.executable, "manage.py", "sweep", "--loop", "0.1"], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            started = time.monotonic()
            while not Heartbeat.objects.filter(name="sweep").exists():
                if process.poll() is not None or time.monotonic() > started + 60:
                    raise RuntimeError((folder / "engine.log").read_text()[-2000:])
                time.sleep(LOOK_SECONDS)
            yield process
        finally:
            process.terminate()
            process.wait(timeout=120)


def completed() -> int:
    """How many tickets are through."""
    return Ticket.objects.filter(state=State.COMPLETED.value).count()


def stopped() -> int:
    """How many tickets wait for a person: none should."""
    return Ticket.objects.filter(state=State.NEEDS_ATTENTION.value).count()


def wait_for(number: int, *, seconds: float) -> float:
    """Wait until so many tickets are through, or the time is over; returns the seconds it took."""
    began = time.monotonic()
    while time.monotonic() < began + seconds and completed() + stopped() < number:
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - began
