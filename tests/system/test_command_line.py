"""`manage.py` itself, whatever the command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_whoever_reads_no_further_ends_it_without_a_traceback() -> None:
    """As `head -n 1` does behind a pipe."""
    environment = {**os.environ, "PORTAL_PROFILE": "test", "DJANGO_SETTINGS_MODULE": "portal.settings"}
    with subprocess.Popen(
        [sys.executable, "manage.py", "table_diagram"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        complaints = running.stderr.read()

    assert (running.returncode, complaints) == (1, b"")
