"""The table of docs/audit-actions.md, as the tests read it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from portal.environment import ROOT

PAPER = ROOT / "docs" / "audit-actions.md"
TICKETS = frozenset(["app", "kind", "from", "to", "ground", "received_on", "due_on", "answered_on", "plan_digest"])
_COLUMNS = 8
_NAMES = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Row:
    """What the paper says of one action."""

    action: str
    says: str
    writers: tuple[str, ...]
    tables: frozenset[str]
    facts: frozenset[str]
    people: bool
    words: tuple[str, ...]
    tests: tuple[str, ...]

    def allows(self, word: str) -> bool:
        """Whether the paper knows a text of this name; `refused …` stands for each part of a plan."""
        return any(word == one or (one.endswith("…") and word.startswith(one[:-1])) for one in self.words)


def read() -> list[Row]:
    """Every row, in the order of the paper."""
    return [_row(line) for line in PAPER.read_text().splitlines() if line.startswith("| `")]


def _row(line: str) -> Row:
    cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
    assert len(cells) == _COLUMNS, line
    action, says, writers, tables, facts, people, words, tests = cells
    return Row(
        action=action.strip("`"),
        says=says,
        writers=tuple(_NAMES.findall(writers)),
        tables=frozenset(_NAMES.findall(tables)),
        facts=frozenset(_NAMES.findall(facts)) | (TICKETS if facts.startswith("the ticket's") else frozenset()),
        people=people == "yes",
        words=tuple(_NAMES.findall(words)),
        tests=tuple(_NAMES.findall(tests)),
    )


def shown_by() -> dict[str, list[Row]]:
    """The rows that each test shows, by its file and name."""
    found: dict[str, list[Row]] = {}
    for row in read():
        for test in row.tests:
            found.setdefault(f"tests/functional/{test}", []).append(row)
    return found
