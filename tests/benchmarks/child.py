"""The process of one benchmark: sets Django up on its database, lays the tables out, measures, leaves the figures.

`python -m tests.benchmarks.child NAME DATABASE FOLDER SCALE`, started by `__main__` with the environment that it needs.
"""

from __future__ import annotations

import argparse
import importlib
import json
from dataclasses import asdict
from pathlib import Path

import django
from django.core.management import call_command
from django.db import connection

from tests.benchmarks.stage import Stage


def server_version() -> str:
    """Which database this is, in its own words."""
    question = "SHOW server_version" if connection.vendor == "postgresql" else "SELECT sqlite_version()"
    with connection.cursor() as cursor:
        cursor.execute(question)
        return f"{connection.vendor} {cursor.fetchone()[0].split()[0]}"


def main() -> int:
    """Measure and write `figures.json` into the folder."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("database")
    parser.add_argument("folder", type=Path)
    parser.add_argument("scale", type=float)
    parser.add_argument("--profile", type=Path)
    options = parser.parse_args()
    django.setup()
    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    stage = Stage(options.name, server_version(), options.folder, options.scale, options.profile)
    # Only now: the models of what is measured need Django set up.
    module = importlib.import_module(f"tests.benchmarks.bench_{options.name}")
    try:
        module.run(stage)
    finally:
        figures = [asdict(figure) for figure in stage.figures]
        (options.folder / "figures.json").write_text(json.dumps(figures))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
