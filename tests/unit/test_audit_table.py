"""docs/audit-actions.md names every action, the code that writes it, and a test that shows it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from portal.environment import ROOT
from requests_app.audit_actions import AuditAction
from tests.audit_table import Row, read

ROWS = read()


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_the_table_has_a_row_for_every_action_and_no_other() -> None:
    assert [row.action for row in ROWS] == [action.value for action in AuditAction]
    assert [row.says for row in ROWS] == [action.label for action in AuditAction]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.action)
def test_what_a_row_names_is_there(row: Row) -> None:
    for writer in row.writers:
        file, _, name = writer.partition(":")
        assert name in functions(ROOT / "requests_app" / file), writer
    assert row.writers
    assert row.tests
    for test in row.tests:
        file, _, name = test.partition("::")
        assert name in functions(ROOT / "tests" / "functional" / file), test
