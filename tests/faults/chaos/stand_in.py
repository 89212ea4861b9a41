"""The stand-in's own file, read and written past its API: who is there, what it accepted, what is to go wrong."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.faults.chaos.history import Presence

# Long before any approval, and after every one: seconds since the epoch.
LONG_AGO = 1_700_000_000.0
FAR_AHEAD = 4_000_000_000.0
_RECORDS = ("feed", "activity")


class StandInFile:
    """The file of a stand-in that runs."""

    def __init__(self, folder: Path) -> None:
        self._rows = sqlite3.connect(folder / "sandbox.sqlite3", timeout=20, isolation_level=None)
        self._faults = folder / "faults.json"

    def add(self, names: Iterable[str], *, feeds: bool) -> None:
        """Users, with something of their own in the feeds where wanted."""
        self._rows.execute("BEGIN IMMEDIATE")
        for name in names:
            self._rows.execute(
                "INSERT INTO users VALUES (?, ?, '', 'user', '{}', ?, ?, NULL, NULL, NULL)",
                (name, name, LONG_AGO, LONG_AGO),
            )
            for kind in _RECORDS if feeds else ():
                self._rows.execute(
                    "INSERT INTO records VALUES (?, ?, ?, '{}', ?, NULL)", (kind, f"{kind}:{name}", name, LONG_AGO)
                )
        self._rows.execute("COMMIT")

    def make_anew(self, name: str) -> None:
        """Somebody else takes the id after everything that was approved."""
        self._rows.execute("UPDATE users SET created_at = ?, deleted_at = NULL WHERE id = ?", (FAR_AHEAD, name))

    def go_wrong(self, faults: Mapping[str, Any]) -> None:
        """What goes wrong from now on; nothing where it is empty."""
        fresh = self._faults.with_suffix(".new")
        fresh.write_text(json.dumps(faults))
        fresh.replace(self._faults)

    def last(self) -> int:
        """The number of the call that was accepted last."""
        return int(self._rows.execute("SELECT COALESCE(MAX(seq), 0) FROM accepted").fetchone()[0])

    def accepted(self, after: int) -> list[tuple[str, tuple[str, ...], dict[str, Any], str]]:
        """Operation, user ids, body and task id of the calls that were accepted since."""
        found = self._rows.execute(
            "SELECT operation, user_ids, body, task_id FROM accepted WHERE seq > ? ORDER BY seq", (after,)
        )
        return [(operation, tuple(json.loads(ids)), json.loads(body), task) for operation, ids, body, task in found]

    def task(self, task_id: str) -> tuple[str, frozenset[str]]:
        """How a task ended, and whom it says it left out; one that is forgotten has vanished."""
        found = self._rows.execute("SELECT status, result FROM tasks WHERE id = ?", (task_id,)).fetchone()
        if found is None:
            return "vanished", frozenset()
        result = json.loads(found[1] or "{}")
        left = {name for name, one in result.items() if isinstance(one, dict) and one.get("status") == "error"}
        return str(found[0]), frozenset(left)

    def presence(self, name: str) -> Presence:
        """Whether the user is shown."""
        found = self._rows.execute("SELECT deleted_at, deleted_how FROM users WHERE id = ?", (name,)).fetchone()
        if found is None:
            return Presence.NEVER
        if found[0] is None:
            return Presence.SHOWN
        return Presence.GONE if found[1] == "hard" else Presence.HIDDEN

    def in_feeds(self, name: str) -> bool:
        """Whether the feeds still show something of the user."""
        found = self._rows.execute("SELECT 1 FROM records WHERE user_id = ? AND deleted_at IS NULL", (name,))
        return found.fetchone() is not None
