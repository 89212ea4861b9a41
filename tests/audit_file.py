"""Exported audit logs for tests, and the verifier that auditors run, as a process of its own or in this one."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from django.utils import timezone

from requests_app.audit import signing
from requests_app.queries import audit_export

VERIFIER = Path(__file__).resolve().parents[1] / "deploy" / "audit_verifier.py"


def verifier() -> ModuleType:
    """The single-file verifier as a module."""
    spec = importlib.util.spec_from_file_location("audit_verifier", VERIFIER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def exported(*, texts: bool = False, **period: Any) -> bytes:
    """The log as `export_audit` writes it."""
    return b"".join(audit_export.lines(audit_export.span(**period), now=timezone.now(), texts=texts))


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """The verifier as an auditor runs it: apart from everything that is ours."""
    command = [sys.executable, "-I", str(VERIFIER), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


class Checker:
    """Looks at an export in this process; gives what was found, first thing first."""

    def __init__(self, folder: Path) -> None:
        self.module = verifier()
        self.file = folder / "export.jsonl"
        self.keys = [self.module.Key.read(str(key)) for key in signing.verifiers()]

    def findings(self, data: bytes, notes: Sequence[str] = ()) -> list[tuple[str, int]]:
        """Kind and entry of everything that is wrong."""
        self.file.write_bytes(data)
        with self.file.open("rb") as file:
            walk = self.module.Walk(file, [self.module.Point.read(note) for note in notes], self.keys)
            walk.run()
        return [(found.kind, found.seq) for found in walk.broken + walk.rules.broken]


def entry_lines(data: bytes) -> list[bytes]:
    """The lines of the entries alone."""
    return [line for line in data.splitlines(keepends=True) if line.startswith(b'{"hash":')]


def with_lines(data: bytes, change: Callable[[list[bytes]], Sequence[bytes]]) -> bytes:
    """The export with other entry lines; whatever stands between them goes to the end, as nobody compares its place."""
    lines = data.splitlines(keepends=True)
    entries = [line for line in lines if line.startswith(b'{"hash":')]
    return b"".join([lines[0], *change(entries), lines[-1]])


def forged(line: bytes, **changes: Any) -> bytes:
    """An entry line with other content and the hash that fits it."""
    entry = json.loads(line)["entry"] | changes
    body = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return b'{"hash":"%b","entry":%b}\n' % (hashlib.sha256(body).hexdigest().encode(), body)
