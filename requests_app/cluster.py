"""One Django-Q cluster as a process group of its own, so that it can be ended as a whole.

The cluster's parts outlive each other: a killed main process leaves its sentinel and workers behind, a killed sentinel
the workers (decision 7). Whoever replaces a cluster must therefore end the group, not the process.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from requests_app import process_groups

COMMAND = "qcluster"
# Seconds on top of what the jobs at hand may take, before a stopping cluster is killed.
SLACK = 10.0


def stop_seconds() -> float:
    """How long a cluster may take to stop by itself: every job it has at hand, one after the other."""
    queue = settings.Q_CLUSTER
    rounds = -(-(queue["queue_limit"] + queue["bulk"]) // queue["workers"])
    return float(queue["timeout"] * (1 + rounds)) + SLACK


class Cluster:
    """The running cluster. `pid_file` names its group, for a supervisor that comes after a killed one."""

    def __init__(self, pid_file: Path) -> None:
        self._pid_file = pid_file
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """End what an earlier supervisor left behind, and start anew."""
        self.end_leftovers()
        # A session of its own: signals of the terminal reach the supervisor alone, which passes them on.
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "manage.py", COMMAND], cwd=settings.ROOT, start_new_session=True
        )
        process_groups.note(self._pid_file, self._process.pid)

    @property
    def ended(self) -> bool:
        """Whether the main process is gone, whatever its exit code: it exits with 0 where its sentinel was killed."""
        return self._process is None or self._process.poll() is not None

    def stop(self) -> bool:
        """Let the cluster finish the jobs at hand; returns False where it had to be killed."""
        if self._process is None:
            return True
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout=stop_seconds())
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        self.kill()
        return True

    def kill(self) -> None:
        """End every process of the group at once."""
        if self._process is not None:
            process_groups.kill(self._process.pid)
            self._process.wait()
            self._process = None
        self._pid_file.unlink(missing_ok=True)

    def end_leftovers(self) -> None:
        """Kill the group that the file names, as far as it still is a cluster."""
        process_groups.end_noted(self._pid_file, COMMAND)
