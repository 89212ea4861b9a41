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

# An exit code that no kill leaves behind.
BROKEN = 70


@dataclass
class Crew:
    """Children that are alive, running or stopped."""

    log: Path
    running: set[int] = field(default_factory=set)
    stopped: set[int] = field(default_factory=set)
    killed: int = 0
    broken: int = 0

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
        except BaseException:
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
                continue
            self.killed += os.WIFSIGNALED(status)
            self.broken += os.WIFEXITED(status) and os.WEXITSTATUS(status) == BROKEN

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
