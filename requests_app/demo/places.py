"""Where a demo keeps its data, for one process at a time."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from requests_app.demo.clock import DemoFailed


@dataclass(frozen=True)
class Places:
    """The files of a demo."""

    folder: Path

    @property
    def portal_database(self) -> Path:
        """SQLite file of the portal."""
        return self.folder / "portal.sqlite3"

    @property
    def sandbox_database(self) -> Path:
        """SQLite file of the stand-in."""
        return self.folder / "sandbox.sqlite3"

    @property
    def secret_file(self) -> Path:
        """The secret that portal and stand-in share; made anew with the data."""
        return self.folder / "secret"

    @property
    def address_file(self) -> Path:
        """Where the stand-in answers, or answered last."""
        return self.folder / "sandbox.address"

    def secret(self) -> str:
        """What the secret's file holds; makes it where there is none."""
        if not self.secret_file.exists():
            self.secret_file.touch(mode=0o600)
            self.secret_file.write_text(secrets.token_hex(32))
        return self.secret_file.read_text()

    @property
    def cluster_file(self) -> Path:
        """Names the running cluster's process group."""
        return self.folder / "qcluster.pid"

    def pid_file_of(self, name: str) -> Path:
        """Names the process group of a child."""
        return self.folder / f"{name}.pid"

    @property
    def faults_file(self) -> Path:
        """What goes wrong on purpose for one ticket of the demo (docs/sandbox.md)."""
        return self.folder / "faults.json"

    @property
    def given_faults_file(self) -> Path:
        """Leads to the file of faults that the demo was started with, from the moment when they begin."""
        return self.folder / "given-faults.json"

    @property
    def lock_file(self) -> Path:
        """Locked by whoever works in the folder. It lies beside it, since the folder can be thrown away."""
        return self.folder.with_name(f"{self.folder.name}.lock")

    def log_of(self, name: str) -> Path:
        """What a child prints."""
        return self.folder / f"{name}.log"

    def clear(self) -> None:
        """Throw everything away."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep every other demo and development server out of the folder; raises `DemoFailed` where one works in it.

        The system gives the lock back however this process ends.
        """
        self.lock_file.parent.mkdir(parents=True, exist_ok=True)
        with self.lock_file.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                raise DemoFailed(
                    f"A demo or a development server (process {file.read().strip() or 'unknown'}) works in "
                    f"{self.folder} already. Stop it with Ctrl-C first."
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield
