"""One Django-Q cluster as a process group of its own, so that it can be ended as a whole.

The cluster's parts outlive each other: a killed main process leaves its sentinel and workers behind, a killed sentinel
the workers (decision 7). Whoever replaces a cluster must therefore end the group, not the process.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from django.conf import settings

COMMAND = "qcluster"
LOOK_SECONDS = 0.1
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
        self._pid_file.parent.mkdir(parents=True, exist_ok=True)
        self._pid_file.write_text(str(self._process.pid))

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
            _kill_group(self._process.pid)
            self._process.wait()
            self._process = None
        self._pid_file.unlink(missing_ok=True)

    def end_leftovers(self) -> None:
        """Kill the group that the file names, as far as it still is a cluster: numbers of processes come round."""
        try:
            group = int(self._pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return
        if any(_is_cluster(pid) for pid in _members(group)):
            _kill_group(group)
        self._pid_file.unlink(missing_ok=True)


def _kill_group(group: int) -> None:
    """SIGKILL, and wait until the last member is gone or only waits to be reaped."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    ends = time.monotonic() + SLACK
    while any(_alive(pid) for pid in _members(group)) and time.monotonic() < ends:
        time.sleep(LOOK_SECONDS)


def _members(group: int) -> list[int]:
    members = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(ProcessLookupError, PermissionError):
                if os.getpgid(int(entry.name)) == group:
                    members.append(int(entry.name))
    return members


def _is_cluster(pid: int) -> bool:
    with suppress(OSError):
        return COMMAND.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def _alive(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
