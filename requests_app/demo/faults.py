"""The file of faults for the demo's sandbox (docs/sandbox.md), looked through before anything starts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from requests_app.demo.clock import DemoFailed

WORDS = {
    "calls": {"error", "rate", "lose_answer", "latency_ms", "times"},
    "tasks": {"fate", "users"},
}
FATES = ("fail", "hang", "vanish", "partly", "nothing")


def checked(file: Path) -> Path:
    """The whole path of the file; raises `DemoFailed` where the sandbox could not read it or would pass over a word."""
    try:
        found = json.loads(file.read_text())
    except OSError as error:
        raise DemoFailed(f"The file of faults {file} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise DemoFailed(f"The file of faults {file} is not JSON.") from None
    problem = _problem(found)
    if problem:
        raise DemoFailed(f"The file of faults {file}: {problem} docs/sandbox.md shows what it may say.")
    return file.resolve()


def _problem(found: Any) -> str:
    if not isinstance(found, dict) or not all(isinstance(part, dict) for part in found.values()):
        return "it must be an object with “calls” and “tasks”, which are objects."
    for part, by_operation in found.items():
        if part not in WORDS:
            return f"“{part}” is neither “calls” nor “tasks”."
        for operation, fault in by_operation.items():
            if not isinstance(fault, dict):
                return f"the fault of {operation} must be an object."
            unknown = sorted(set(fault) - WORDS[part])
            if unknown:
                return f"{operation} has a word that is none: “{unknown[0]}”."
            if part == "tasks" and fault.get("fate") not in FATES:
                return f"the fate of {operation} must be one of {', '.join(FATES)}."
    return ""
