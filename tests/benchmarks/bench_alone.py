"""One erasure alone, from its approval until it is completed, with a Stream that answers and finishes at once.

Through the queue, as an installation runs it: the approval rings, a worker of `qcluster` takes it up.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from requests_app import queue
from requests_app.enums import State
from requests_app.models import Heartbeat, Ticket
from tests import factories
from tests.benchmarks import crowd, sandbox
from tests.benchmarks.stage import Stage

ROOT = Path(__file__).resolve().parents[2]
TIMES = 15
# Seconds between two looks at the ticket, and until a run is given up.
LOOK_SECONDS = 0.002
PATIENCE = 60.0


def run(stage: Stage) -> None:
    """So many erasures, one after the other, each once the one before is through and a while later."""
    with sandbox.running(stage.folder, task_seconds=0) as stream, cluster(stage.folder):
        app = stream.app()
        took = []
        for number in range(stage.count(TIMES) + 1):
            stream.make_users([f"alone-{number}"])
            took.append(seconds_of(number, app))
            # The sweep that carried it out has ended by then, and nothing of it speeds the next one up.
            time.sleep(3)
        # The first waits for the workers to start.
        took = sorted(took[1:])
        stage.tell("from approval to completed, median", statistics.median(took), "s", goal="<= 0.4")
        stage.tell("… the slowest", took[-1], "s", note=f"of {len(took)}")


def seconds_of(number: int, app: object) -> float:
    """Approve, ring, and wait until the ticket is through."""
    ticket = factories.approved(crowd.erasure(f"alone-{number}"), app=app)  # type: ignore[arg-type]
    began = time.monotonic()
    while Ticket.objects.values_list("state", flat=True).get(pk=ticket.pk) != State.COMPLETED:
        if time.monotonic() > began + PATIENCE:
            raise RuntimeError(f"{ticket.reference} is {Ticket.objects.get(pk=ticket.pk).state}.")
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - began


@contextmanager
def cluster(folder: Path) -> Iterator[None]:
    """`manage.py qcluster`, with its schedules."""
    queue.keep_schedules()
    with (
        open(folder / "cluster.log", "ab") as log,
        subprocess.Popen(
            [sys.executable, "manage.py", "qcluster"], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            started = time.monotonic()
            while not Heartbeat.objects.filter(name="sweep").exists():
                if process.poll() is not None or time.monotonic() > started + PATIENCE:
                    raise RuntimeError((folder / "cluster.log").read_text()[-2000:])
                time.sleep(0.25)
            yield
        finally:
            process.terminate()
            process.wait(timeout=120)
