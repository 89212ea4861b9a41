"""How many database queries each phase of the engine takes for 1, 10 and 100 tickets.

Everything that a debugging connection notes is counted, BEGIN and COMMIT included, and put down to the phase in whose
call it was made: the outermost function of `engine/` below the loop of the sweep.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from django.db import connection
from django.utils import timezone

from requests_app import engine
from requests_app.engine.sweep import sweep_once
from tests import factories
from tests.benchmarks import crowd, drive
from tests.benchmarks.scripted import ScriptedStream, spoken_to
from tests.benchmarks.stage import Stage

ROWS = (1, 10, 100)
ENGINE = Path(engine.__path__[0])
# The files of the engine that only hand on, and so name no phase.
LOOP = {"sweep.py", "outgoing.py", "context.py", "parking.py"}
PHASES = {
    "begin.py": "begin",
    "send.py": "send",
    "answer.py": "send",
    "check_before.py": "send",
    "waiting.py": "send",
    "intend.py": "send",
    "poll.py": "poll",
    "read_back.py": "read back",
    "reconcile.py": "reconcile",
}
SETTLING = "_settle"
OTHER = "the loop itself"


class Tally:
    """Stands where a debugging connection keeps its queries, and counts them by phase instead."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.commits = 0

    def append(self, query: dict[str, Any]) -> None:
        """One query was made: by whom?"""
        self.counts[_phase(sys._getframe(1))] += 1
        self.commits += query["sql"] == "COMMIT"


def _phase(frame: FrameType | None) -> str:
    """The phase on whose behalf the code below this frame runs."""
    found = OTHER
    while frame:
        path = Path(frame.f_code.co_filename)
        if frame.f_code.co_name == SETTLING:
            return "settle"
        if path.is_relative_to(ENGINE) and path.name not in LOOP:
            found = PHASES.get(path.name, OTHER)
        frame = frame.f_back
    return found


def counted(work: Callable[[], object]) -> Tally:
    """The queries of some work."""
    tally, kept, before = Tally(), connection.queries_log, connection.force_debug_cursor
    connection.queries_log, connection.force_debug_cursor = tally, True
    try:
        work()
    finally:
        connection.queries_log, connection.force_debug_cursor = kept, before
    return tally


def run(stage: Stage) -> None:
    """An idle sweep, then erasures and exports of several numbers."""
    app = factories.stream_app()
    with spoken_to(ScriptedStream()):
        drive.to_the_end([crowd.erasure("warm")], app)
        idle = counted(lambda: sweep_once(now=timezone.now))
        stage.tell("a sweep with nothing due", idle.counts.total(), "queries")
        for words, plan in (("erasures", crowd.erasure), ("exports", crowd.export)):
            for number in ROWS:
                tallies: list[Tally] = []
                wanted = [plan(f"{words}-{number}-{place}") for place in range(number)]
                drive.to_the_end(wanted, app, around=lambda work, seen=tallies: seen.append(counted(work)))
                _tell(stage, tallies[0], words, number)


def _tell(stage: Stage, tally: Tally, words: str, number: int) -> None:
    for phase in ("begin", "send", "poll", "read back", "settle", OTHER):
        count = tally.counts[phase]
        stage.tell(f"{number} {words}: {phase}", count, "queries", note=f"{count / number:.1f} a ticket")
    everything = tally.counts.total()
    stage.tell(f"{number} {words}: in all", everything, "queries", note=f"{everything / number:.1f} a ticket")
    stage.tell(
        f"{number} {words}: transactions", tally.commits, "commits", note=f"{tally.commits / number:.1f} a ticket"
    )
