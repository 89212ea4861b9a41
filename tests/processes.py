"""The processes that tests start: which ones they are, whatever became of their parents, and how each of them ends.

A process belongs to a run of the tests when its environment, or that of a process above it, carries the run's mark in
PORTAL_TEST_SESSION. Children inherit the mark, in process groups and sessions of their own too. It reads like a path:
whoever starts processes that end apart from the rest adds a part, and the end of the whole is the end of each part.

All of this reads /proc: on other systems than Linux no process is seen, and none is ended here.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "PORTAL_TEST_SESSION"
LINUX = sys.platform == "linux"
LOOK_SECONDS = 0.05
END_SECONDS = 10.0
# Whatever was told to end gets this long before it counts as left.
GRACE_SECONDS = 5.0
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Process:
    """One that runs: a number alone comes round."""

    pid: int
    parent: int
    started: int
    command: str

    def __str__(self) -> str:
        return f"process {self.pid}: {self.command}"


def nested_mark() -> str:
    """A mark that nothing carries yet, below the one of this process."""
    above = os.environ.get(VARIABLE, "")
    return f"{above}.{secrets.token_hex(3)}".lstrip(".")


def adopt_orphans() -> None:
    """Become the parent of every descendant that loses its own, so that none gets out of sight."""
    if LINUX:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def running() -> dict[int, Process]:
    """Every process of this machine that has not ended, whether or not its parent knows."""
    if not LINUX:
        return {}
    found = (_read(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    return {process.pid: process for process in found if process}


def below(root: int) -> list[Process]:
    """The descendants of a process."""
    return _with_descendants({root}, running())[1:] if LINUX else []


def carriers(mark: str) -> list[Process]:
    """The processes that carry a mark or one below it, and their descendants; never this process."""
    table = running()
    roots = {pid for pid in table if _carries(pid, mark)} - {os.getpid()}
    return [process for process in _with_descendants(roots, table) if process.pid != os.getpid()]


def end(find: Callable[[], Collection[Process]]) -> None:
    """Kill what is found until nothing is: what dies may have started another one meanwhile."""
    ends = time.monotonic() + END_SECONDS
    killed: set[int] = set()
    pause = threading.Event()
    while found := find():
        for process in found:
            killed.add(process.pid)
            with suppress(ProcessLookupError, PermissionError):
                os.kill(process.pid, signal.SIGKILL)
        if time.monotonic() > ends:
            raise AssertionError(f"Could not be ended: {'; '.join(map(str, found))}")
        pause.wait(LOOK_SECONDS)
    for pid in killed:
        # Orphans are this process's to bury where it adopted them.
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def lasting(find: Callable[[], Collection[Process]], seconds: float) -> list[Process]:
    """What is still found once whatever was about to end had its time."""
    ends = time.monotonic() + seconds
    pause = threading.Event()
    while (found := find()) and time.monotonic() < ends:
        pause.wait(LOOK_SECONDS)
    return list(found)


@contextmanager
def ended_with_it() -> Iterator[None]:
    """Whatever is started meanwhile and left running is named in an error, and ended."""
    # By a mark of its own: a browser that several tests share starts and ends processes as it likes.
    mark, outer = nested_mark(), os.environ.get(VARIABLE)
    os.environ[VARIABLE] = mark
    try:
        yield
    finally:
        if outer is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = outer
        left = lasting(lambda: carriers(mark), GRACE_SECONDS)
        end(lambda: carriers(mark))
    assert not left, f"The test left behind: {'; '.join(map(str, left))}"


def _read(pid: int) -> Process | None:
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        if fields[0] not in "ZX":
            words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            return Process(pid, int(fields[1]), int(fields[19]), words.strip()[:200] or "(no command line)")
    return None


def _carries(pid: int, mark: str) -> bool:
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            name, _, value = entry.decode(errors="replace").partition("=")
            if name == VARIABLE:
                return f"{value}.".startswith(f"{mark}.")
    return False


def _with_descendants(roots: Collection[int], table: dict[int, Process]) -> list[Process]:
    children: dict[int, list[int]] = {}
    for process in table.values():
        children.setdefault(process.parent, []).append(process.pid)
    found: dict[int, Process] = {}
    ahead = [pid for pid in roots if pid in table]
    while ahead:
        pid = ahead.pop(0)
        if pid not in found:
            found[pid] = table[pid]
            ahead += children.get(pid, [])
    return list(found.values())
