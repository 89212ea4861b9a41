"""What is installed is what was locked: each requirement has its place in the lock file, with the hash of each file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
SETS = [("requirements.txt", "requirements.lock"), ("requirements-dev.txt", "requirements-dev.lock")]
# The most that a fresh installation brings.
MOST_PACKAGES = 40


def wanted(name: str) -> list[Requirement]:
    lines = (line.split("#")[0].strip() for line in (ROOT / name).read_text().splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-r")]


def locked(name: str) -> dict[str, tuple[Version, int]]:
    """The version of each package and how many hashes it has."""
    text = (ROOT / name).read_text()
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.M)[1:]
    found = {}
    for entry in entries:
        package, version = re.match(r"([^=\s\[]+)(?:\[[^\]]*\])?==(\S+)", entry).groups()  # type: ignore[union-attr]
        found[canonicalize_name(package)] = (Version(version), entry.count("--hash=sha256:"))
    return found


@pytest.mark.parametrize(("names", "lock"), SETS)
def test_each_requirement_is_locked_to_a_release_that_it_allows(names: str, lock: str) -> None:
    versions = locked(lock)

    for requirement in wanted(names):
        name = canonicalize_name(requirement.name)
        assert name in versions, f"{name} is not in {lock}: run make lock."
        assert requirement.specifier.contains(versions[name][0]), f"{lock} has another {name}: run make lock."


@pytest.mark.parametrize("lock", [lock for _, lock in SETS])
def test_each_package_has_the_hashes_of_its_files(lock: str) -> None:
    assert [name for name, (_, hashes) in locked(lock).items() if not hashes] == []


def test_both_sets_agree_on_what_they_share() -> None:
    portal, development = (locked(lock) for _, lock in SETS)

    assert {name: version for name, (version, _) in portal.items()} == {name: development[name][0] for name in portal}


def test_a_fresh_installation_stays_small() -> None:
    assert len(locked("requirements.lock")) < MOST_PACKAGES


@pytest.mark.parametrize("lock", [lock for _, lock in SETS])
def test_no_lock_names_where_its_files_were_fetched(lock: str) -> None:
    assert not re.search(r"https?://|file:|--(extra-)?index-url|--find-links", (ROOT / lock).read_text())
