"""`manage.py demo`: the whole portal on one machine, with a stand-in for Stream. `--check` proves that it works."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from requests_app.demo import journey
from requests_app.demo.clock import Clock, DemoFailed
from requests_app.demo.processes import Places, Processes
from requests_app.demo.welcome import welcome
from requests_app.stream.errors import StreamError

CHECK_SECONDS = 60.0
FIRST_PORT = 8000


class Command(BaseCommand):
    help = "Starts sandbox, worker and web server, carries out one export and one erase, then serves."
    # The settings are those of the demo itself; nothing of a real installation is looked at.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="the main job on a throw-away database, then stop")
        parser.add_argument("--reset", action="store_true", help="throw the data of the demo away first")
        parser.add_argument("--port", type=int, default=FIRST_PORT, help="the next free one is taken (default 8000)")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.STREAM_API_SECRET:
            raise CommandError(
                "STREAM_API_SECRET is set: the demo erases people and must never be near a real app. Unset it first."
            )
        if not 1 <= options["port"] <= 65_535:
            raise CommandError("--port must be between 1 and 65535.")
        try:
            self._check() if options["check"] else self._serve(options["port"], reset=options["reset"])
        except DemoFailed as reason:
            raise CommandError(str(reason)) from None
        except (requests.RequestException, StreamError) as error:
            raise CommandError(f"The demo lost one of its processes ({type(error).__name__}).") from None
        except KeyboardInterrupt:
            self.stdout.write("\nStopped. The data is kept; `make demo-reset` starts over.")

    def _check(self) -> None:
        with tempfile.TemporaryDirectory(prefix="portal-check-") as folder:
            clock = Clock(CHECK_SECONDS, self.stdout.write)
            with Processes(Places(Path(folder)), task_seconds=1.0, clock=clock) as running:
                running.start(filled=False)
                journey.check(running, clock)
            clock.say("done: an export and an erasure went through, and the audit chain holds")

    def _serve(self, port: int, *, reset: bool) -> None:
        places = Places(settings.DEMO_FOLDER)
        if reset:
            places.clear()
        clock = Clock(CHECK_SECONDS * 3, self.stdout.write)
        with Processes(places, task_seconds=3.0, clock=clock, port=port) as running:
            running.start(filled=True)
            journey.show(running, clock)
            self.stdout.write(welcome(running.portal_url))
            running.wait()
