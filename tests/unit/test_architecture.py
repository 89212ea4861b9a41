"""The house keeps its direction: lower layers may not import higher ones, equals not each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "requests_app"

# From the bottom up. Names in one row are equals and may not import each other.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("enums", "stream", "outages", "atomic_files", "process_groups", "compiled_query"),
    ("audit_actions",),
    ("models",),
    ("audit",),
    ("queue", "broker", "steps"),
    ("workflow",),
    ("queries",),
    ("gateway",),
    ("engine",),
    ("ops",),
    ("upkeep",),
    ("jobs", "cluster"),
    ("forms",),
    ("views",),
    ("demo",),
    ("urls", "admin", "checks", "management", "templatetags", "apps", "signals"),
)
# `stream` and the pure files know the vocabularies.
EQUALS_ALLOWED = {("stream", "enums")}
PURE = (
    "enums.py",
    "audit_actions.py",
    "stream",
    "audit/chain.py",
    "audit/actor.py",
    "audit/merkle.py",
    "audit/note.py",
    "audit/verify.py",
    "steps/lifecycle.py",
    "steps/drawing.py",
    "workflow/states.py",
    "workflow/verbs.py",
    "workflow/rights.py",
    "workflow/permissions.py",
    "workflow/policies.py",
    "workflow/plan.py",
    "workflow/presets.py",
    "workflow/reached.py",
    "workflow/erased.py",
    "workflow/sightings.py",
    "workflow/deadlines.py",
    "workflow/urgency.py",
)
HEIGHT = {name: height for height, row in enumerate(LAYERS) for name in row}


def sources(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "migrations" not in path.parts)


def room(path: Path) -> str:
    """The layer a file belongs to: the folder or file name directly below the package."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """Every absolute module name that a file imports, with its line."""
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *([node.module] if node.module else [])))
            yield module, node.lineno
            for name in node.names:
                yield f"{module}.{name.name}", node.lineno


def own_rooms(path: Path) -> set[tuple[str, int]]:
    rooms = set()
    for module, line in imported(path):
        parts = module.split(".")
        if parts[0] == "requests_app" and len(parts) > 1 and parts[1] in HEIGHT:
            rooms.add((parts[1], line))
    return rooms


@pytest.mark.parametrize("path", sources(PACKAGE), ids=lambda path: str(path.relative_to(ROOT)))
def test_it_imports_only_downwards(path: Path) -> None:
    here = room(path)
    if here == "__init__":
        return
    assert here in HEIGHT, f"{path.name} stands in no layer: give it a room in LAYERS and docs/architecture.md"
    for other, line in own_rooms(path):
        allowed = other == here or HEIGHT[other] < HEIGHT[here] or (here, other) in EQUALS_ALLOWED
        assert allowed, f"{path.relative_to(ROOT)}:{line} ({here}) may not import {other}"


@pytest.mark.parametrize("place", PURE)
def test_it_keeps_the_pure_files_free_of_django(place: str) -> None:
    target = PACKAGE / place
    paths = sources(target) if target.is_dir() else [target]
    for path in paths:
        for module, line in imported(path):
            assert module.split(".")[0] not in {"django", "django_q"}, (
                f"{path.relative_to(ROOT)}:{line} imports {module}"
            )


def test_it_never_imports_the_site_from_the_domain() -> None:
    for path in sources(PACKAGE):
        for module, line in imported(path):
            assert module.split(".")[0] != "portal", f"{path.relative_to(ROOT)}:{line} imports {module}"


def test_it_never_imports_the_domain_from_the_sandbox() -> None:
    for path in sources(ROOT / "portal" / "sandbox"):
        for module, line in imported(path):
            own = module.split(".")[0] in {"requests_app", "django"} or (
                module.startswith("portal.") and not module.startswith("portal.sandbox")
            )
            assert not own, f"{path.relative_to(ROOT)}:{line} imports {module}"


def test_it_knows_the_queue_in_two_files_only() -> None:
    users = {
        str(path.relative_to(PACKAGE))
        for path in sources(PACKAGE)
        for module, _ in imported(path)
        if module.split(".")[0] == "django_q"
    }
    assert users <= {"queue.py", "broker.py"}


@pytest.mark.parametrize(
    "path", sources(PACKAGE) + sources(ROOT / "portal"), ids=lambda path: str(path.relative_to(ROOT))
)
def test_it_hides_no_import_in_a_function(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for inner in ast.walk(node):
            if isinstance(inner, ast.ImportFrom):
                own = inner.level or (inner.module or "").split(".")[0] in {"portal", "requests_app"}
                assert not own, f"{path.relative_to(ROOT)}:{inner.lineno} hides an import in {node.name}"


@pytest.mark.parametrize(
    "path", sources(PACKAGE) + sources(ROOT / "portal"), ids=lambda path: str(path.relative_to(ROOT))
)
def test_it_keeps_files_and_functions_short(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 400, f"{path.relative_to(ROOT)} is too long: give its parts rooms of their own"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < 60, f"{path.relative_to(ROOT)}:{node.lineno} {node.name} is too long"
