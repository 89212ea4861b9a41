"""Whether a step costs more where many tickets are stored already."""

from __future__ import annotations

import statistics

from django.db import connection

from tests import factories
from tests.benchmarks import crowd, drive
from tests.benchmarks.scripted import ScriptedStream, spoken_to
from tests.benchmarks.stage import Stage

STORED = (1_000, 10_000, 100_000)
STEPS = 200
ROUNDS = 5


def run(stage: Stage) -> None:
    """The same work with more and more finished tickets beside it. The figure is the median of some rounds."""
    app = factories.stream_app()
    stored, first = 0, 0.0
    with spoken_to(ScriptedStream()):
        drive.to_the_end([crowd.erasure(f"warm-{place}") for place in range(STEPS)], app)
        for full in STORED:
            number = stage.count(full)
            crowd.finished(number - stored, app)
            stored = number
            # What autovacuum does in the background, and `PRAGMA optimize` on SQLite.
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE")
            costs = []
            for turn in range(ROUNDS):
                wanted = [crowd.erasure(f"{number}-{turn}-{place}") for place in range(STEPS)]
                costs.append(1000 * drive.to_the_end(wanted, app) / STEPS)
            cost = statistics.median(costs)
            first = first or cost
            note = f"{min(costs):.2f} to {max(costs):.2f} in {ROUNDS} rounds of {STEPS} erasures"
            stage.tell(f"{number:,} stored: a step", cost, "ms", note=note)
            stage.tell(f"{number:,} stored: against the fewest", cost / first, "times", goal="<= 1.2")
