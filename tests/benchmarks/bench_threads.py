"""How near polling comes to what threads and latency allow: 32 threads and 100 ms are 320 answers a second."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

from django.utils import timezone

from requests_app.engine import sweep
from tests import factories
from tests.benchmarks import crowd
from tests.benchmarks.scripted import ScriptedStream, spoken_to
from tests.benchmarks.stage import Stage

TASKS = 3_200
THREADS = 32
LATENCY = 0.1
# What the engine may call its numbers, and how many times the threads each of them is.
SIZES = {"THREADS": 1, "CALLS_PER_APP": 1, "LINE": 4}


def run(stage: Stage) -> None:
    """Ask about many running tasks once, with the engine's own number of threads and with 32."""
    moment = timezone.now()
    for threads in (sweep.THREADS, THREADS):
        number = stage.count(TASKS)
        with spoken_to(ScriptedStream(latency=LATENCY, endless=True)) as stream, sized(threads):
            names = [f"{threads}-{place}" for place in range(number)]
            app = factories.stream_app()
            crowd.running_exports(names, app, prefix=f"threads-{threads}", first_polls=[moment] * number)
            began = time.perf_counter()
            # The clock stands still, so that each task is due once.
            sweep.sweep_once(now=lambda: moment, budget_seconds=600)
            seconds = time.perf_counter() - began
        rate, bound = stream.calls["GetTask"] / seconds, threads / LATENCY
        note = f"{stream.calls['GetTask']} tasks in {seconds:.1f} s"
        stage.tell(f"{threads} threads, 100 ms: polls", rate, "a second", note=note)
        goal = ">= 90" if threads == THREADS else ""
        stage.tell(
            f"{threads} threads, 100 ms: of the bound", 100 * rate / bound, "%", goal=goal, note=f"{bound:.0f}/s"
        )


@contextmanager
def sized(threads: int) -> Iterator[None]:
    """The engine with another number of threads."""
    engine = [module for name, module in sys.modules.items() if name.startswith("requests_app.engine.")]
    with ExitStack() as stack:
        for module in engine:
            for name in SIZES.keys() & vars(module).keys():
                stack.enter_context(patch.object(module, name, SIZES[name] * threads))
        yield
