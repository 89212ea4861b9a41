"""The papers say what is true of the code: settings, libraries, links."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
READERS = {"mail", "text", "flag", "number", "words", "choice", "database"}
PAPERS = sorted(
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)|(?:src|srcset)=\"([^\"]+)\"")


def variables() -> set[str]:
    """Every environment variable that the settings read."""
    found = set()
    for name in ("settings.py", "environment.py"):
        for node in ast.walk(ast.parse((ROOT / "portal" / name).read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in READERS and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    found.add(str(first.value))
    return found


def libraries() -> list[str]:
    lines = [*(ROOT / "requirements.txt").read_text().splitlines(), *_dev_lines()]
    return [re.split(r"[\[~=<>]", line)[0].lower() for line in lines if line and not line.startswith(("#", "-r"))]


def _dev_lines() -> list[str]:
    return (ROOT / "requirements-dev.txt").read_text().splitlines()


def test_it_finds_the_variables_at_all() -> None:
    assert {"SECRET_KEY", "DATABASE_URL", "HTTPS", "STREAM_API_SECRET", "LOG_LEVEL"} <= variables()


def test_the_page_of_settings_names_every_variable_and_no_other() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs" / "settings.md").read_text(), re.M)

    assert sorted(rows) == sorted(variables())


def test_the_example_names_every_variable_and_no_other() -> None:
    lines = re.findall(r"^# ([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M)

    assert sorted(lines) == sorted(variables())


@pytest.mark.parametrize("paper", ["NOTICE", "docs/decisions/0002-libraries.md"])
def test_every_library_is_named_with_its_reason_and_licence(paper: str) -> None:
    text = (ROOT / paper).read_text().lower()

    assert [name for name in libraries() if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)] == []


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(paper: Path) -> None:
    targets = ["".join(found) for found in LINK.findall(paper.read_text())]
    own = [target for target in targets if not target.startswith(("http://", "https://", "mailto:"))]

    assert [target for target in own if not (paper.parent / target).exists()] == []


def test_each_failure_window_names_tests_that_are_there() -> None:
    paper = (ROOT / "docs" / "failure-windows.md").read_text()
    rows = re.findall(r"^\| (W\d+(?:, W\d+)*) \|.*\| (`.*`) \|$", paper, re.M)
    windows = [window for numbers, _ in rows for window in numbers.split(", ")]

    assert windows == [f"W{number}" for number in range(1, 18)]
    for _, names in rows:
        for file, test in re.findall(r"`([^`:]+)::(\w+)`", names):
            assert f"def {test}(" in (ROOT / file).read_text(), test
