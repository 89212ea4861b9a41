"""`python -m tests.end_with_parent PARENT MARK [FOLDER]`: once the parent ended, ends all that carries the mark.

The folder, for temporary files, goes with it, and so do the databases that are named after the mark.

A run of the tests starts this beside itself: whatever way it dies, what it started does not outlive it. Where the run
comes to its end, it ends this first and looks for itself at what is left.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from tests import databases
from tests.processes import LINUX, carriers, end

ROOT = Path(__file__).resolve().parents[1]


def start(mark: str, folder: Path | None) -> subprocess.Popen[bytes] | None:
    """Watch this process, from a session of its own: a signal to the whole group does not end the watch."""
    if not LINUX:
        return None
    command = [sys.executable, "-m", "tests.end_with_parent", str(os.getpid()), mark]
    command += [str(folder)] if folder else []
    # Without the mark, or it would end itself.
    environment = {name: os.environ.get(name, "") for name in ("PATH", "TEST_DATABASE_URL")}
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def wait_for(parent: int) -> None:
    """Until the process has ended. A pipe would not do: its forked children would hold the other end open."""
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(parent)
        # A parent that died before this looked may have left its number to somebody else.
        if os.getppid() == parent:
            select.select([handle], [], [])


def main() -> int:
    """Wait, end what is left, and clear up."""
    parent, mark, *folders = sys.argv[1:]
    wait_for(int(parent))
    end(lambda: carriers(mark))
    for name in databases.named(databases.SERVER, mark):
        databases.drop(name)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
