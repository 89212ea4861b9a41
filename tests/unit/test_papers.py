"""The papers say what is true of the code: settings, libraries, links."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parents[2]
READERS = {"mail", "text", "flag", "number", "words", "choice", "database"}
PAPERS = sorted(
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
)
# What a word in backticks may be: a file or folder of the project, perhaps with a function in it; a command; a target.
PATH = re.compile(
    r"([\w.-]+(?:/[\w.-]+)*(?:/|\.(?:py|md|html|js|css|toml|txt|sql|service|timer|conf|yml)))(?:::?(\w+))?"
)
COMMAND = re.compile(r"(?:^|\s)manage\.py (\w+)")
TARGET = re.compile(r"make ([a-z][\w-]*)")
# Files that the running portal makes, and a pattern of names.
MADE = re.compile(r"var/.*|_name\.html")
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


def quoted(paper: Path) -> list[str]:
    """What stands in backticks, outside the blocks of code."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", paper.read_text(), flags=re.S))


@cache
def files() -> list[Path]:
    """Every file of the project, one that is not committed yet included, as a path within it."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [Path(name) for name in listed.split("\0") if name]


@cache
def places(name: str) -> list[Path]:
    """The files or folders a paper may mean: by the whole path, or by the end of it as within a package."""
    wanted = Path(name).parts
    candidates = {place for file in files() for place in (file, *file.parents)}
    return [place for place in candidates if place.parts[-len(wanted) :] == wanted]


@cache
def names_in(file: Path) -> frozenset[str]:
    """The functions, classes, constants and fields of a Python file, at whatever depth."""
    names = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return frozenset(names)


def defines(file: Path, name: str) -> bool:
    """Whether the file has something of this name."""
    return name in names_in(file)


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


def test_the_list_of_decisions_names_each_page_in_its_order() -> None:
    folder = ROOT / "docs" / "decisions"
    numbers, names = zip(
        *re.findall(r"^(\d+)\. \[[^]]+\]\(([^)]+)\)$", (folder / "0001-record-decisions.md").read_text(), re.M),
        strict=True,
    )

    assert ["0001-record-decisions.md", *names] == sorted(path.name for path in folder.glob("*.md"))
    assert [f"{int(number):04}" for number in numbers] == [name[:4] for name in names]


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_paper_names_only_files_that_are_there(paper: Path) -> None:
    if paper.name == "CHANGELOG.md":
        return  # It tells of what was.
    matches = [match for word in quoted(paper) if (match := PATH.fullmatch(word)) and not MADE.fullmatch(word)]
    missing = [match[1] for match in matches if not places(match[1])]
    assert missing == []

    inside = [(places(match[1]), match[2]) for match in matches if match[2]]
    assert [name for found, name in inside if not any(defines(file, name) for file in found)] == []


@pytest.mark.parametrize("paper", PAPERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_paper_names_only_commands_that_are_there(paper: Path) -> None:
    known = set(get_commands())
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.M))

    assert [name for word in quoted(paper) for name in COMMAND.findall(word) if name not in known] == []
    assert [match[1] for word in quoted(paper) if (match := TARGET.match(word)) and match[1] not in targets] == []


def test_the_installation_names_the_worker_that_is_looked_after() -> None:
    """A bare cluster stands still once an idle worker of it is killed; the README must not install it."""
    named = re.compile(r"[Tt]he worker[,:] `python manage\.py ([^`]+)`")
    readme, operations = (named.findall((ROOT / paper).read_text()) for paper in ("README.md", "docs/operations.md"))
    unit = re.findall(r"^ExecStart=\S+ manage\.py (\w+)", (ROOT / "deploy" / "portal-worker.service").read_text(), re.M)

    assert readme == operations == unit == ["supervise"]


@pytest.mark.parametrize("paper", ["README.md", "deploy/README.md"])
def test_whoever_is_told_of_a_proxy_is_told_to_trust_it(paper: str) -> None:
    assert "`TRUSTED_PROXY=true`" in (ROOT / paper).read_text()
