"""Faults on purpose, for people who test: read from a JSON file that may change while the sandbox runs.

{"calls": {"DeleteUsers": {"error": 503, "rate": 0.5, "lose_answer": true, "latency_ms": 200, "times": 3}},
 "tasks": {"ExportUsers": {"fate": "fail"}}}

`error` answers with that status before anything happens; `lose_answer` breaks the connection after the effect;
`rate` is the share of calls concerned, `times` how often at most. A task's `fate` is fail, hang, vanish (forgotten
before it did anything) or partly (only the first half of its users).
"""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any


class Faults:
    """What goes wrong, and how often it did."""

    def __init__(self, path: str | None = None, seed: int = 1) -> None:
        self._path = Path(path) if path else None
        self._random = random.Random(seed)  # noqa: S311
        self._used: Counter[str] = Counter()

    def _read(self) -> dict[str, Any]:
        if self._path is None or not self._path.exists():
            return {}
        found = json.loads(self._path.read_text() or "{}")
        return found if isinstance(found, dict) else {}

    def of_call(self, operation: str) -> dict[str, Any]:
        """The fault that meets this call, or nothing."""
        calls = self._read().get("calls", {})
        fault: dict[str, Any] = calls.get(operation, calls.get("*", {}))
        if not fault or self._random.random() >= fault.get("rate", 1.0):
            return {}
        if self._used[operation] >= fault.get("times", 1_000_000_000):
            return {}
        self._used[operation] += 1
        return fault

    def of_task(self, operation: str) -> str:
        """How the task ends: an empty text for well. A task that hangs does so until the file says otherwise."""
        tasks = self._read().get("tasks", {})
        return str(tasks.get(operation, {}).get("fate", ""))
