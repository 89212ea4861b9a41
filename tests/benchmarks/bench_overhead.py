"""What a step costs in the engine and the database alone: Stream answers at once, inside the process."""

from __future__ import annotations

import cProfile
import pstats
from collections.abc import Callable
from pathlib import Path

from requests_app.models import StreamApp
from requests_app.workflow.plan import Plan
from tests import factories
from tests.benchmarks import crowd, drive
from tests.benchmarks.scripted import ScriptedStream, spoken_to
from tests.benchmarks.stage import Stage

STEPS = 1_000
WARM = 20
SHOWN = 45


def run(stage: Stage) -> None:
    """Erasures, which share calls and tasks, and exports, which share nothing."""
    app = factories.stream_app()
    number = stage.count(STEPS)
    with spoken_to(ScriptedStream()):
        drive.to_the_end([crowd.erasure(f"warm-{place}") for place in range(WARM)], app)
        for words, plan in (("erasures", crowd.erasure), ("exports", crowd.export)):
            seconds = drive.to_the_end([plan(f"{words}-{place}") for place in range(number)], app)
            stage.tell(
                f"{words}: steps", number / seconds, "a second", goal="> 200", note=f"{number} in {seconds:.1f} s"
            )
            if stage.profile:
                again = [plan(f"{words}-again-{place}") for place in range(number)]
                profiled(stage.profile / f"{words}-{stage.database.split()[0]}.txt", again, app)


def profiled(path: Path, wanted: list[Plan], app: StreamApp) -> None:
    """Once more under cProfile, which sees the thread that holds the database; the figures above are without it."""

    def around(work: Callable[[], None]) -> None:
        profile = cProfile.Profile()
        profile.runcall(work)
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w") as file:
            stats = pstats.Stats(profile, stream=file)
            stats.sort_stats("cumulative").print_stats(SHOWN)
            stats.sort_stats("tottime").print_stats(SHOWN)

    drive.to_the_end(wanted, app, around=around)
