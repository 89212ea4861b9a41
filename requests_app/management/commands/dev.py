"""`manage.py dev`: the demo's sandbox, worker and data under Django's own server, for whoever changes the code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings

from requests_app.demo.clock import Clock
from requests_app.demo.development import Development
from requests_app.demo.places import Places
from requests_app.demo.processes import end_leftovers
from requests_app.demo.welcome import welcome_to_develop
from requests_app.management.demo_command import DemoCommand

START_SECONDS = 180.0


class Command(DemoCommand):
    help = "Starts sandbox, worker and Django's server over the data of the demo; worker and server follow the code."

    def run(self, faults_file: Path | None, options: dict[str, Any]) -> None:
        """Serve until Ctrl-C."""
        places = Places(settings.DEMO_FOLDER)
        with places.held():
            end_leftovers(places)
            if options["reset"]:
                places.clear()
            clock = Clock(START_SECONDS, self.say)
            port = options["port"]
            with Development(places, task_seconds=3.0, clock=clock, port=port, faults=faults_file) as running:
                running.start(filled=True)
                running.begin_faults()
                self.say(welcome_to_develop(running.portal_url, places.folder))
                running.wait()
