"""Ten thousand exports in flight: how long after Stream completed each one its outcome is stored.

Stream's completions are spread at random over two minutes, in which all tasks are young: those are asked about every
three seconds at least, as far as the calls and the rows go by. Beyond two minutes the engine asks about a task when a
quarter of its age has passed, so the delay then grows with the age by design.
"""

from __future__ import annotations

import random
import statistics
import time
from datetime import UTC, datetime, timedelta

from requests_app.models import StreamTask
from tests.benchmarks import crowd, engine, sandbox
from tests.benchmarks.stage import Stage, resident

TASKS = 10_000
# Seconds: when the first task completes after the start, and within which time the others do.
FIRST, SPREAD = 30.0, 90.0
PATIENCE = 300.0
SEED = 7


def run(stage: Stage) -> None:
    """Let the engine, warm and idle, find them all running at once."""
    number = stage.count(TASKS)
    chance = random.Random(SEED)
    names = [f"export-task-{place}" for place in range(number)]
    at = time.time()
    done_at = {name: at + FIRST + chance.uniform(0, SPREAD) for name in names}
    tasks = [(name, f"export-{place}", at, done_at[name]) for place, name in enumerate(names)]
    with sandbox.running(stage.folder, tasks=tasks) as stream, engine.working(stage.folder) as process:
        before = resident(process.pid)
        polls = [datetime.fromtimestamp(at, UTC) + timedelta(seconds=chance.uniform(1, FIRST)) for _ in names]
        crowd.running_exports(names, stream.app(), prefix="export", first_polls=polls)
        engine.wait_for(number, seconds=PATIENCE)
        after = resident(process.pid)
        asked = stream.calls("GetTask")
    delays = _delays(done_at)
    through = engine.completed()
    note = f"{through} of {number} through within {PATIENCE:.0f} s" if through < number else f"all {number} through"
    stage.tell("completion to outcome, median", statistics.median(delays), "s", goal="< 5", note=note)
    stage.tell("completion to outcome, 99th percentile", _percentile(delays, 99), "s", goal="< 15")
    stage.tell("completion to outcome, longest", max(delays), "s")
    took = _took(at)
    stage.tell("polls", asked / took, "a second", note=f"{asked} in {took:.0f} s")
    stage.tell("resident memory of the worker", after, "MB", note=f"{before:.0f} MB before")


def _delays(done_at: dict[str, float]) -> list[float]:
    """Seconds from Stream's completion to the stored outcome; what is not stored yet has waited until now."""
    found = StreamTask.objects.values_list("task_id", "finished_at")
    stored = {name: at.timestamp() for name, at in found if at}
    now = time.time()
    return [max(0.0, stored.get(name, now) - due) for name, due in done_at.items() if name in stored or due < now]


def _percentile(values: list[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def _took(began: float) -> float:
    last = StreamTask.objects.filter(polled_at__isnull=False).order_by("-polled_at").first()
    return (last.polled_at.timestamp() if last and last.polled_at else time.time()) - began
