"""What `manage.py demo` and `manage.py dev` share: options, and what they refuse before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from requests_app.demo import faults
from requests_app.demo.clock import DemoFailed
from requests_app.stream.errors import StreamError

FIRST_PORT = 8000


def refuse_near_real_app() -> None:
    """Raise where this process could reach an app whose people are real."""
    if settings.STREAM_API_SECRET:
        raise CommandError(
            "STREAM_API_SECRET is set: the demo erases people and must never be near a real app. Unset it first."
        )


class DemoCommand(BaseCommand):
    """A command that runs processes over the demo's data."""

    # The settings are those of the demo itself; nothing of a real installation is looked at.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reset", action="store_true", help="throw the data of the demo away first")
        parser.add_argument("--port", type=int, default=FIRST_PORT, help="the next free one is taken (default 8000)")
        parser.add_argument("--faults", type=Path, metavar="FILE", help="faults of the sandbox (docs/sandbox.md)")

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_near_real_app()
        if not 1 <= options["port"] <= 65_535:
            raise CommandError("--port must be between 1 and 65535.")
        try:
            file = None if options["faults"] is None else faults.checked(options["faults"])
            self.run(file, options)
        except DemoFailed as reason:
            raise CommandError(str(reason)) from None
        except (requests.RequestException, StreamError) as error:
            raise CommandError(f"The demo lost one of its processes ({type(error).__name__}).") from None
        except KeyboardInterrupt:
            self.say("\nStopped. The data is kept; `make demo-reset` starts over.")

    def run(self, faults_file: Path | None, options: dict[str, Any]) -> None:
        """Do it; raises `DemoFailed` where it cannot."""
        raise NotImplementedError

    def say(self, words: str) -> None:
        """A line at once, also where the output is a pipe."""
        self.stdout.write(words)
        self.stdout.flush()
