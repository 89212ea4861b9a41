"""Pages for whoever changes things name files, functions, tests and commands: each of them is there."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
from django.core.management import get_commands

from portal.environment import ROOT

HOW_TO = ROOT / "docs" / "how-to"
PAGES = sorted(page for page in HOW_TO.glob("*.md") if page.name != "README.md")
GLOSSARY = ROOT / "docs" / "glossary.md"
# Whatever stands in backticks here must be there, down to single names.
STRICT = (*PAGES, HOW_TO / "README.md", GLOSSARY)
# Here files and commands must; single names may be words of another program.
LENIENT = (ROOT / "CONTRIBUTING.md", ROOT / "docs" / "architecture.md")
# Where a path may begin. Pages about the engine leave the package out.
STARTS = (ROOT, ROOT / "requests_app")

QUOTED = re.compile(r"`([^`\n]+)`")
BLOCK = re.compile(r"^```.*?^```$", re.M | re.S)
FILE = re.compile(r"(?P<path>[\w./-]+(?:/|\.(?:py|md|html|js|txt|toml)))(?:::?(?P<name>[\w.]+))?")
COMMAND = re.compile(r"(?P<tool>make|(?:python )?manage\.py) (?P<name>[\w-]+)(?: .*)?")
LINK = re.compile(r"\]\(([\w.-]+\.md)\)")


def quoted(text: str) -> list[str]:
    """What stands in backticks, blocks of code left out."""
    return QUOTED.findall(BLOCK.sub("", text))


@cache
def names(path: Path) -> frozenset[str]:
    """What a Python file defines: functions, classes, constants, and what its classes hold, as `Class.name`."""
    return frozenset(_names(ast.parse(path.read_text()).body, ""))


def _names(body: list[ast.stmt], inside: str) -> list[str]:
    defined: list[str] = []
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            defined.append(inside + node.name)
        elif isinstance(node, ast.ClassDef):
            defined += [inside + node.name, *_names(node.body, f"{inside}{node.name}.")]
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            words = [name for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]
            defined += [inside + word.id for word in words]
    return defined


@cache
def sources() -> str:
    """Everything that is no paper, and not this file."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    kept = [ROOT / name for name in listed.split("\0") if name.endswith((".py", ".html")) and "test_how_to" not in name]
    return "\n".join(path.read_text() for path in kept if path.exists())


def trouble(reference: str, *, strict: bool) -> str:
    """Why what stands in backticks is not there, or an empty text."""
    command, file = COMMAND.fullmatch(reference), FILE.fullmatch(reference)
    if command:
        return _no_command(command["tool"], command["name"])
    if file:
        return _no_file(file["path"], file["name"])
    word = re.search(rf"(?<![\w-]){re.escape(reference)}(?![\w-])", sources()) if strict else True
    return "" if word else f"“{reference}” stands nowhere in the sources"


def troubles(page: Path, *, strict: bool) -> list[str]:
    """Everything that a page names and that is not there."""
    return [why for reference in quoted(page.read_text()) if (why := trouble(reference, strict=strict))]


def _no_command(tool: str, name: str) -> str:
    known = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M) if tool == "make" else get_commands()
    return "" if name in known else f"{tool} has no “{name}”"


def _no_file(path: str, name: str | None) -> str:
    file = next((start / path for start in STARTS if (start / path).exists()), None)
    if file is None:
        return f"there is no {path}"
    if name and name not in names(file):
        return f"{path} defines no {name}"
    return ""


@pytest.mark.parametrize("page", STRICT, ids=lambda page: page.name)
def test_everything_that_a_page_names_is_there(page: Path) -> None:
    assert troubles(page, strict=True) == []


@pytest.mark.parametrize("page", LENIENT, ids=lambda page: page.name)
def test_every_file_and_command_of_the_wider_papers_is_there(page: Path) -> None:
    assert troubles(page, strict=False) == []


@pytest.mark.parametrize(
    ("reference", "why"),
    [
        ("workflow/states.py:TABLE", "defines no TABLE"),
        ("workflow/nowhere.py", "there is no"),
        ("nowhere/", "there is no"),
        ("tests/unit/test_papers.py::test_nothing", "defines no test_nothing"),
        ("enums.py:Verb.SING", "defines no Verb.SING"),
        ("make coffee", "has no “coffee”"),
        ("manage.py brew --hot", "has no “brew”"),
        ("Verb.SING_ALONG", "nowhere in the sources"),
    ],
)
def test_what_is_not_there_is_noticed(reference: str, why: str) -> None:
    assert why in trouble(reference, strict=True)


@pytest.mark.parametrize(
    "reference",
    [
        "workflow/states.py:TRANSITIONS",
        "tests/unit/test_papers.py::test_every_link_leads_somewhere",
        "enums.py:Verb.ANSWER",
        "portal/sandbox/",
        "make chaos SEED=7",
        "manage.py sweep --once",
        "ticket-answer",
    ],
)
def test_what_is_there_is_left_in_peace(reference: str) -> None:
    assert trouble(reference, strict=True) == ""


def test_the_list_of_pages_names_each_of_them_and_no_other() -> None:
    assert sorted(LINK.findall((HOW_TO / "README.md").read_text())) == [page.name for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_page_names_a_test_that_fails_until_it_is_done_and_stays_short(page: Path) -> None:
    text = page.read_text()

    assert any("::test_" in reference for reference in quoted(text))
    assert 20 <= len(text.splitlines()) <= 45
