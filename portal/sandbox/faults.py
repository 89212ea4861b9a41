"""Faults on purpose, for people who test: read from a JSON file that may change while the sandbox runs.

{"calls": {"DeleteUsers": {"error": 503, "rate": 0.5, "lose_answer": true, "latency_ms": 200, "times": 3}},
 "tasks": {"ExportUsers": {"fate": "fail", "users": ["somebody"]}}}

`error` answers with that status before anything happens; `lose_answer` breaks the connection after the effect;
`rate` is the share of calls concerned, `times` how often at most. A task's `fate` is fail, hang, vanish (forgotten
before it did anything), partly (only the first half of its users) or nothing (success is reported, and nothing was
done). With `users` it meets the tasks of these alone.
Of several files the first that has a fault for the call or task decides.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any


class Faults:
    """What goes wrong, and how often it did."""

    def __init__(self, paths: Sequence[str] = (), seed: int = 1) -> None:
        self._paths = [Path(path) for path in paths]
        self._random = random.Random(seed)  # noqa: S311
        self._used: Counter[tuple[Path, str]] = Counter()
        # What each file said when it could be read last: a save that is half done changes nothing.
        self._known: dict[Path, dict[str, Any]] = {}

    def of_call(self, operation: str) -> dict[str, Any]:
        """The fault that meets this call, or nothing."""
        for path in self._paths:
            calls = self._read(path).get("calls", {})
            fault: dict[str, Any] = calls.get(operation, calls.get("*", {}))
            if not fault or self._random.random() >= fault.get("rate", 1.0):
                continue
            if self._used[path, operation] >= fault.get("times", 1_000_000_000):
                continue
            self._used[path, operation] += 1
            return fault
        return {}

    def of_task(self, operation: str, users: Collection[str]) -> str:
        """How the task ends: an empty text for well. A task that hangs does so until the file says otherwise."""
        for path in self._paths:
            fault = self._read(path).get("tasks", {}).get(operation, {})
            if fault.get("fate") and ("users" not in fault or not set(users).isdisjoint(fault["users"])):
                return str(fault["fate"])
        return ""

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            found = json.loads(path.read_text() or "{}")
        except FileNotFoundError:
            found = {}
        except ValueError:
            found = self._known.get(path, {})
        self._known[path] = found if isinstance(found, dict) else {}
        return self._known[path]
