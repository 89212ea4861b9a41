"""The file of faults for the demo's sandbox (docs/sandbox.md), looked through before anything starts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from requests_app.demo.clock import DemoFailed

WORDS = {
    "calls": {"error", "rate", "lose_answer", "latency_ms", "times"},
    "tasks": {"fate", "users"},
}
# What a word of a call may hold: a test of the value, and how to say what is wanted.
VALUES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "error": (lambda value: _is_number(value) and value in range(400, 600), "a status from 400 to 599"),
    "rate": (lambda value: _is_number(value) and 0 <= value <= 1, "a share from 0 to 1"),
    "lose_answer": (lambda value: isinstance(value, bool), "true or false"),
    "latency_ms": (lambda value: _is_number(value) and value >= 0, "milliseconds, 0 or more"),
    "times": (lambda value: _is_number(value) and value >= 1, "a number, 1 or more"),
    "users": (lambda value: isinstance(value, list), "a list of user ids"),
}
# The calls that the sandbox knows, by Stream's names.
OPERATIONS = frozenset(
    [
        "DeactivateUser",
        "DeactivateUsers",
        "DeleteFeedUserData",
        "DeleteUsers",
        "ExportFeedUserData",
        "ExportUsers",
        "GetApp",
        "GetFeedsRateLimits",
        "GetRateLimits",
        "GetTask",
        "QueryActivities",
        "QueryBookmarkFolders",
        "QueryBookmarks",
        "QueryCalls",
        "QueryChannels",
        "QueryCollections",
        "QueryComments",
        "QueryFeeds",
        "QueryFollows",
        "QueryUsers",
        "ReactivateUser",
        "ReactivateUsers",
        "RestoreUsers",
        "Search",
        "UpdateUsers",
        "UpdateUsersPartial",
    ]
)
FATES = ("fail", "hang", "vanish", "partly", "nothing")


def checked(file: Path) -> Path:
    """The whole path of the file; raises `DemoFailed` where the sandbox could not read it or would pass over a word."""
    if file == Path():
        raise DemoFailed("--faults names no file. Say which, or leave it out.")
    try:
        found = json.loads(file.read_text())
    except OSError as error:
        raise DemoFailed(f"The file of faults {file} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
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
            if operation not in OPERATIONS | {"*"}:
                return f"the sandbox knows no call “{operation}”."
            unknown = sorted(set(fault) - WORDS[part])
            if unknown:
                return f"{operation} has a word that is none: “{unknown[0]}”."
            if part == "tasks" and fault.get("fate") not in FATES:
                return f"the fate of {operation} must be one of {', '.join(FATES)}."
            for word, (fits, wanted) in VALUES.items():
                if word in fault and not fits(fault[word]):
                    return f"“{word}” of {operation} must be {wanted}."
    return ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
