"""`manage.py demo`: the whole portal on one machine, with a stand-in for Stream. `--check` proves that it works."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from requests_app.demo import journey
from requests_app.demo.clock import Clock
from requests_app.demo.places import Places
from requests_app.demo.processes import Processes, end_leftovers
from requests_app.demo.welcome import welcome
from requests_app.management.demo_command import DemoCommand

# Half a minute as a rule; a machine that is at work with other things takes longer.
LONGEST_SECONDS = 180.0


class Command(DemoCommand):
    help = "Starts sandbox, worker and web server, carries out one export and one erase, then serves."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--check", action="store_true", help="the main job on a throw-away database, then stop")

    def run(self, faults_file: Path | None, options: dict[str, Any]) -> None:
        """Check, or serve until Ctrl-C."""
        if options["check"]:
            self._check(faults_file)
        else:
            self._serve(faults_file, options["port"], reset=options["reset"])

    def _check(self, faults_file: Path | None) -> None:
        with tempfile.TemporaryDirectory(prefix="portal-check-") as folder:
            clock = Clock(LONGEST_SECONDS, self.say)
            with Processes(Places(Path(folder)), task_seconds=1.0, clock=clock, faults=faults_file) as running:
                running.start(filled=False)
                journey.check(running, clock)
            clock.say("done: an export and an erasure went through, and the audit chain holds")

    def _serve(self, faults_file: Path | None, port: int, *, reset: bool) -> None:
        places = Places(settings.DEMO_FOLDER)
        with places.held():
            end_leftovers(places)
            if reset:
                places.clear()
            clock = Clock(LONGEST_SECONDS, self.say)
            with Processes(places, task_seconds=3.0, clock=clock, port=port, faults=faults_file) as running:
                running.start(filled=True)
                journey.show(running, clock)
                self.say(welcome(running.portal_url))
                running.wait()
