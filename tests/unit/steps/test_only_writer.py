"""Only `steps/write.py` writes what the engine owns of a step: read off the syntax trees."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from requests_app.steps.lifecycle import OWNED

PACKAGE = Path(__file__).resolve().parents[3] / "requests_app"
# Migrations are no part of the running portal. `workflow/retention.py` empties `user_ids`, `detail` and `evidence` of
# closed tickets by the rules of `workflow/retained.py`, through the models' base managers: an erasure is no event of
# the engine, and its columns are listed there. `write.py` hands its rows to `update_alike`.
WRITER = "steps/write.py"
WRITES = {
    "update",
    "bulk_update",
    "bulk_create",
    "create",
    "get_or_create",
    "update_or_create",
    "update_alike",
    "save",
    "abulk_create",
    "acreate",
    "aupdate",
}
ROWS = re.compile(r"\bStep\.(objects|_default_manager|_base_manager)\b|\.steps\b|\bStep\(")


def writes(tree: ast.AST) -> Iterator[int]:
    """The lines on which steps are written with columns that the engine owns."""
    for scope in [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))]:
        names = _names_of_rows(scope)
        for node in ast.walk(scope):
            if isinstance(node, ast.Call) and _is_write(node, names) and _is_owned(node):
                yield node.lineno


def _names_of_rows(scope: ast.AST) -> set[str]:
    """The variables that hold steps or a query of steps, as far as they come from one another."""
    names: set[str] = set()
    for _ in range(3):
        for node in ast.walk(scope):
            if isinstance(node, ast.Assign):
                if _mentions(node.value, names):
                    names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
            elif isinstance(node, ast.For) and isinstance(node.target, ast.Name) and _mentions(node.iter, names):
                names.add(node.target.id)
    return names


def _mentions(node: ast.AST, names: set[str]) -> bool:
    """Whether the expression is steps: what it begins with, not what it compares."""
    while isinstance(node, ast.Call | ast.Attribute | ast.Subscript):
        if ROWS.search(_head(node)):
            return True
        node = node.func if isinstance(node, ast.Call) else node.value
    return isinstance(node, ast.Name) and node.id in names


def _head(node: ast.AST) -> str:
    """The expression without the arguments of its calls."""
    if isinstance(node, ast.Call):
        return f"{_head(node.func)}()"
    if isinstance(node, ast.Attribute):
        return f"{_head(node.value)}.{node.attr}"
    return ast.unparse(node) if isinstance(node, ast.Name) else ""


def _is_write(node: ast.Call, names: set[str]) -> bool:
    if isinstance(node.func, ast.Name):
        return node.func.id in WRITES and any(_mentions(argument, names) for argument in node.args)
    if not isinstance(node.func, ast.Attribute) or node.func.attr not in WRITES:
        return False
    return _mentions(node.func.value, names) or (
        node.func.attr == "update_alike" and any(_mentions(argument, names) for argument in node.args)
    )


def _is_owned(node: ast.Call) -> bool:
    """Whether it may write an owned column: one by name, or any by a mapping or an object."""
    named = {keyword.arg for keyword in node.keywords}
    return bool(node.args) or not named or None in named or bool(named & {"state", *OWNED})


def test_nobody_else_writes_what_the_engine_owns_of_a_step() -> None:
    sources = {path.relative_to(PACKAGE): path.read_text() for path in PACKAGE.rglob("*.py")}
    others = {
        f"{path}:{line}"
        for path, source in sources.items()
        if "migrations" not in path.parts and str(path) != WRITER and ROWS.search(source)
        for line in writes(ast.parse(source))
    }

    assert others == set()


def test_the_writer_is_seen_to_write() -> None:
    lines = (PACKAGE / WRITER).read_text().splitlines()
    seen = {lines[number - 1].strip() for number in writes(ast.parse("\n".join(lines)))}

    assert any("bulk_create(" in line for line in seen)
    assert any("update_alike(Step.objects.all()," in line for line in seen)


@pytest.mark.parametrize(
    "source",
    [
        "Step.objects.filter(pk=1).update(state='done')",
        "ticket.steps.update(**new)",
        "rows = Step.objects.all()\ndone = rows.filter(pk=1)\ndone.update(next_at=None)",
        "Step.objects.bulk_create(made)",
        "Step(ticket=ticket).save()",
        "for step in ticket.steps.all():\n    step.save()",
        "claims.update_alike(Step.objects.all(), changes)",
        "update_alike(ticket.steps.all(), changes)",
        "def give_up():\n    planned = ticket.steps.filter(state='planned')\n    planned.update(lease_until=None)",
    ],
)
def test_a_write_is_noticed(source: str) -> None:
    assert list(writes(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        "Step.objects.filter(pk=1).update(delivered_at=now)",
        "Attempt.objects.filter(steps__in=written).update(outcome='unknown')",
        "update_alike(Attempt.objects.filter(outcome='open'), changes)",
        "context.touched.update(step.ticket_id for step in steps)",
        "Step.objects.filter(state='done').exists()",
    ],
)
def test_what_is_no_write_of_a_step_passes(source: str) -> None:
    assert not list(writes(ast.parse(source)))
