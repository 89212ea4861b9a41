"""`manage.py in_demo shell`: any command on the data of the demo, whether or not the demo runs."""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from requests_app.demo.places import Places
from requests_app.demo.surroundings import surroundings
from requests_app.management.demo_command import refuse_near_real_app


class Command(BaseCommand):
    help = "Runs another command on the data of the demo, like `manage.py in_demo shell`."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND", help="the command and its options")

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_near_real_app()
        words, places = options["words"], Places(settings.DEMO_FOLDER)
        if not words:
            raise CommandError("Say which command, like `manage.py in_demo shell`.")
        if not (places.portal_database.exists() and places.address_file.exists()):
            raise CommandError("There is no demo yet. `make demo` or `make dev` makes one.")
        if _holds_nothing(places.portal_database):
            raise CommandError(
                f"The database of the demo, {places.portal_database}, holds nothing. Put back the file that was there, "
                "or start over with `make demo-reset`."
            )
        if words[0] == "dbshell" and shutil.which("sqlite3") is None:
            raise CommandError(
                "The program sqlite3 is missing: install the package sqlite3 (Debian, Ubuntu) or sqlite (Fedora)."
            )
        address = places.address_file.read_text()
        environment = surroundings(places, profile="dev", sandbox_url=address, secret=places.secret())
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, "manage.py", *words], dict(environment))  # noqa: S606


def _holds_nothing(database: Path) -> bool:
    """Whether another file has taken the place of the demo's, as happens where that was moved away meanwhile."""
    with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        return not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
