"""Many rounds on one database, and what they amount to."""

from __future__ import annotations

import random
from pathlib import Path

from requests_app.queries.audit import check_chain
from tests.faults import errands
from tests.faults.chaos.checker import check
from tests.faults.chaos.clock import SharedClock, Tally
from tests.faults.chaos.crew import Crew
from tests.faults.chaos.failpoints import POINTS
from tests.faults.chaos.history import Findings
from tests.faults.chaos.stand_in import StandInFile
from tests.faults.chaos.storm import Round, World
from tests.people import actor


class Campaign:
    """Rounds one after the other; each has its own tickets, the audit chain goes through all of them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.seed = seed
        self.rounds = 0
        self.wrong: list[str] = []
        self.total = Findings()
        self.world = World(
            app=errands.app(),
            stream=StandInFile(folder),
            clock=SharedClock(),
            crew=Crew(folder / "broken.log"),
            reached=Tally(len(POINTS)),
        )
        for name in ("ada", "dora"):
            actor(name)

    def play(self, number: int) -> Findings:
        """One round, with dice of its own."""
        found = check(Round(self.world, number, random.Random(f"{self.seed}/{number}")).play())
        self.rounds += 1
        self.total.calls += found.calls
        self.total.lost += found.lost
        self.total.doubled += found.doubled
        self.total.repeated_after_a_look += found.repeated_after_a_look
        self.wrong += [f"round {number}: {line}" for line in found.wrong]
        return found

    def close(self) -> None:
        """What is judged once for all rounds."""
        if not check_chain().intact:
            self.wrong.append("The audit chain is broken.")
        if self.world.crew.broken:
            log = self.world.crew.log.read_text()
            self.wrong.append(f"{self.world.crew.broken} processes ended with an error:\n{log[-3000:]}")

    def missed(self) -> list[str]:
        """The points at which no process died or stood still."""
        return [point.name for place, point in enumerate(POINTS) if not self.world.reached[place]]

    def summary(self, seconds: float) -> str:
        """The counts, on one line."""
        total = self.total
        return (
            f"chaos: {self.rounds} rounds in {seconds:.0f} s, {total.calls} calls accepted, "
            f"{self.world.crew.killed} processes killed, {total.lost} lost, {total.doubled} doubled, "
            f"{total.repeated_after_a_look} repeated after a look, "
            f"{self.world.crew.locked} times the database was locked"
        )
