"""The source files that a worker was started with, and which of them have changed since."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


class Sources:
    """The Python files below some folders, compared with the last look at them."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = tuple(folders)
        self._seen = self._look()

    def changed(self) -> list[Path]:
        """What was written, made or removed since the last look."""
        before, self._seen = self._seen, self._look()
        return sorted(path for path in before.keys() | self._seen.keys() if before.get(path) != self._seen.get(path))

    def _look(self) -> dict[Path, int]:
        found = {}
        for folder in self._folders:
            for path in folder.rglob("*.py"):
                # An editor may take a file away and put another in its place.
                with suppress(FileNotFoundError):
                    found[path] = path.stat().st_mtime_ns
        return found
