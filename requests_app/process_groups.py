"""Process groups that outlive whoever started them: a file names the group for whoever comes after a killed starter."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

LOOK_SECONDS = 0.1
# Seconds that killed processes are given to be gone.
GONE_SECONDS = 10.0


def note(pid_file: Path, group: int) -> None:
    """Name the group in the file."""
    pid_file.parent.mkdir(parents=True, exist_ok=True)
    pid_file.write_text(str(group))


def end_noted(pid_file: Path, *commands: str) -> bool:
    """Kill the group that the file names, where one of it still runs one of the commands; returns whether it did.

    Numbers of processes come round, so that the number alone says nothing.
    """
    try:
        group = int(pid_file.read_text())
    except (FileNotFoundError, ValueError):
        return False
    is_ours = any(_runs(pid, command) for pid in members(group) for command in commands)
    if is_ours:
        kill(group)
    pid_file.unlink(missing_ok=True)
    return is_ours


def kill(group: int) -> None:
    """SIGKILL, and wait until the last member is gone or only waits to be reaped."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    ends = time.monotonic() + GONE_SECONDS
    while any(_is_alive(pid) for pid in members(group)) and time.monotonic() < ends:
        time.sleep(LOOK_SECONDS)


def members(group: int) -> list[int]:
    """The processes of the group; none where the system does not list them."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(ProcessLookupError, PermissionError):
            if os.getpgid(int(entry.name)) == group:
                found.append(int(entry.name))
    return found


def _runs(pid: int, command: str) -> bool:
    with suppress(OSError):
        return command.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def _is_alive(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
