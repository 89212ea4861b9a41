"""`manage.py demo`: the whole portal on one machine, with a stand-in for Stream. `--check` proves that it works."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import requests
from django.conf import settings
from django.core.management.base import CommandParser

from requests_app.demo import journey
from requests_app.demo.clock import Clock, DemoFailed
from requests_app.demo.places import Places
from requests_app.demo.processes import Processes, end_leftovers
from requests_app.demo.welcome import welcome
from requests_app.management.demo_command import DemoCommand
from requests_app.stream.errors import StreamError

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
            if options["reset"]:
                raise DemoFailed("--check works on data of its own, which it throws away: leave --reset out.")
            self._check(faults_file)
        else:
            self._serve(faults_file, options["port"], reset=options["reset"])

    def _check(self, faults_file: Path | None) -> None:
        with tempfile.TemporaryDirectory(prefix="portal-check-") as folder:
            clock = Clock(LONGEST_SECONDS, self.say)
            with Processes(Places(Path(folder)), task_seconds=1.0, clock=clock, faults=faults_file) as running:
                running.start(filled=False)
                running.begin_faults()
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
                self._show(running, clock)
                running.begin_faults()
                self.say(welcome(running.portal_url))
                running.wait()

    def _show(self, running: Processes, clock: Clock) -> None:
        """The main job, on top of whatever an earlier run left: where that keeps it from its end, all serves still.

        Faults that are over leave a pause of an app behind, and a ticket that waits for somebody.
        """
        try:
            journey.show(running, clock)
        except (DemoFailed, requests.RequestException, StreamError) as error:
            running.check_alive()
            why = str(error) if isinstance(error, DemoFailed) else f"no answer came ({type(error).__name__})."
            clock.say(f"the main job was not shown to its end: {why}")
            self.say("        `make demo-reset` starts with fresh data, `make demo-check` proves the main job.")
