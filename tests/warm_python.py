"""A Python process that has imported what many others import too, and forks: what starts from it starts at once.

A third of a second of each `manage.py` goes into imports. Here one process of a portal does them, and each command is a
fork of it, in a session of its own, with the files that it is handed as output. From there on it is the same: it runs
`manage.py` from its first line, ends as a process of its own, and can be signalled and killed.

    python -m tests.warm_python SOCKET MODULE …
"""

from __future__ import annotations

import importlib
import json
import os
import random
import runpy
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Protocol

from tests.patience import until

ROOT = Path(__file__).resolve().parents[1]
READ_AT_ONCE = 1 << 20
# Before the first command: Django and what it installs, as `manage.py` does.
SETUP = "django:setup"


class Child(Protocol):
    """A process that was started, as far as tests look at it: `subprocess.Popen` or a fork."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...
    def kill(self) -> None: ...


class Forked:
    """A fork. Its parent is the warm process, which says how it ended."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.returncode: int | None = None
        self.pid = int(json.loads(connection.recv(READ_AT_ONCE))["pid"])

    def poll(self) -> int | None:
        """How it ended, or None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(timeout=0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it ended; the negative number of a signal where one ended it, as `Popen` has it."""
        if self.returncode is None:
            self._connection.settimeout(timeout)
            try:
                said = self._connection.recv(READ_AT_ONCE)
            except (TimeoutError, BlockingIOError) as error:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0) from error
            # Where the warm process was killed, so is whatever it started.
            self.returncode = int(json.loads(said)["code"]) if said else -signal.SIGKILL
            self._connection.close()
        return self.returncode

    def send_signal(self, sig: int) -> None:
        """Nothing where it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, sig)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


class WarmPython:
    """A running one, from outside. `process` is to be ended by whoever made this."""

    def __init__(self, folder: Path, environment: Mapping[str, str], modules: Sequence[str]) -> None:
        # Relative to the folder: the path of a socket must be short.
        self._address = str(folder / "warm.sock")
        command = [sys.executable, "-m", "tests.warm_python", self._address, *modules]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=dict(environment), stdin=subprocess.DEVNULL, start_new_session=True
        )

    def start(
        self,
        words: Sequence[str],
        *,
        output: IO[bytes],
        errors: IO[bytes],
        environment: Mapping[str, str] | None = None,
    ) -> Forked:
        """Start `manage.py` with these words, or Python with `-c` and code; `environment` is all that it has."""
        connection = self._connected()
        request = json.dumps({"words": list(words), "environment": environment and dict(environment)}).encode()
        socket.send_fds(connection, [request], [output.fileno(), errors.fileno()])
        return Forked(connection)

    def run(
        self, words: Sequence[str], *, timeout: float = 90, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The same to its end, with what it said."""
        with TemporaryFile() as output, TemporaryFile() as errors:
            child = self.start(words, output=output, errors=errors, environment=environment)
            try:
                code = child.wait(timeout)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                raise
            output.seek(0)
            errors.seek(0)
            return subprocess.CompletedProcess(list(words), code, output.read().decode(), errors.read().decode())

    def _connected(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)

        def reached() -> bool:
            assert self.process.poll() is None, "The warm Python process has ended: its errors stand above."
            with suppress(FileNotFoundError, ConnectionRefusedError):
                connection.connect(self._address)
                return True
            return False

        until(reached, seconds=30, what="the warm Python process")
        return connection


def serve(address: str) -> dict[str, Any]:
    """Fork for each request. Returns in the forks alone, with what they are to run."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(address)
    listener.listen(16)
    with selectors.DefaultSelector() as events:
        events.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in events.select():
                if key.fileobj is not listener:
                    events.unregister(key.fileobj)
                    _bury(key.fd, *key.data)
                    continue
                connection, _ = listener.accept()
                said, files, _, _ = socket.recv_fds(connection, READ_AT_ONCE, 2)
                pid = os.fork()
                if pid == 0:
                    listener.close()
                    connection.close()
                    return _as_its_own(json.loads(said), files)
                for file in files:
                    os.close(file)
                connection.send(json.dumps({"pid": pid}).encode())
                events.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, connection))


def _bury(handle: int, pid: int, connection: socket.socket) -> None:
    """Say how a fork ended to whoever asked for it, if anybody still listens."""
    os.close(handle)
    _, status = os.waitpid(pid, 0)
    with suppress(OSError):
        connection.send(json.dumps({"code": os.waitstatus_to_exitcode(status)}).encode())
    connection.close()


def _as_its_own(request: dict[str, Any], files: Sequence[int]) -> dict[str, Any]:
    """Make a fork a process like any other: session, output, environment, chance."""
    os.setsid()
    for place, file in zip((1, 2), files, strict=True):
        os.dup2(file, place)
        os.close(file)
    if request["environment"] is not None:
        os.environ.clear()
        os.environ.update(request["environment"])
    random.seed()
    return request


def main() -> None:
    """Import, serve, and in a fork run what was asked for: its end is the end of the process."""
    address, *modules = sys.argv[1:]
    for module in modules:
        if module == SETUP:
            importlib.import_module("django").setup()
        else:
            importlib.import_module(module)
    words = serve(address)["words"]
    if words[:1] == ["-c"]:
        sys.argv = ["-c"]
        exec(compile(words[1], "<string>", "exec"), {"__name__": "__main__"})  # noqa: S102
        return
    sys.argv = ["manage.py", *words]
    runpy.run_path(str(ROOT / "manage.py"), run_name="__main__")


if __name__ == "__main__":
    main()
