"""The processes of a round: forked from one that has everything loaded, each with one thing to do."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from django.db import connections

from requests_app.outages import Outage, outage_of

# Exit codes that no kill leaves behind: it ended with an error, or with that of a database that stayed locked.
BROKEN = 70
LOCKED = 71


def exit_code(error: BaseException) -> int:
    """What a child that ended with the error tells its parent."""
    return LOCKED if outage_of(error) is Outage.LOCKED else BROKEN


@dataclass
class Crew:
    """Children that are alive, running or stopped."""

    log: Path
    running: set[int] = field(default_factory=set)
    stopped: set[int] = field(default_factory=set)
    killed: int = 0
    broken: int = 0
    # How often one waited in vain for a lock while another stood still: what a storm does to people, and no fault.
    locked: int = 0

    def send(self, deed: Callable[[], object]) -> int:
        """Fork a child that does the deed and ends. Connections are not shared with it."""
        connections.close_all()
        child = os.fork()
        if child:
            self.running.add(child)
            return child
        code = BROKEN
        try:
            deed()
            code = 0
        except BaseException as error:
            code = exit_code(error)
            with self.log.open("a") as log:
                traceback.print_exc(file=log)
        finally:
            sys.stdout.flush()
            os._exit(code)

    def wait(self) -> None:
        """Until each child has ended or stands still."""
        while self.running:
            child, status = os.waitpid(-1, os.WUNTRACED)
            self.running.discard(child)
            if os.WIFSTOPPED(status):
                self.stopped.add(child)
            else:
                self.count(status)

    def count(self, status: int) -> None:
        """How a child ended. A lock that nobody who stands still can hold was held for too long by the portal."""
        self.killed += os.WIFSIGNALED(status)
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0
        excused = code == LOCKED and bool(self.stopped)
        self.locked += excused
        self.broken += code in {BROKEN, LOCKED} and not excused

    def kill_all(self) -> None:
        """The whole machine goes down."""
        for child in self.running | self.stopped:
            os.kill(child, signal.SIGKILL)
        self.running |= self.stopped
        self.stopped.clear()

    def let_go_on(self) -> None:
        """Those that stand still go on from where they were."""
        for child in self.stopped:
            os.kill(child, signal.SIGCONT)
        self.running |= self.stopped
        self.stopped.clear()
