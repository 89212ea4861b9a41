"""`manage.py sweep`: the engine in the foreground, once or for as long as it is left running."""

from __future__ import annotations

import logging
import signal
import threading
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, close_old_connections

from requests_app import outages
from requests_app.engine.context import this_worker
from requests_app.engine.sweep import sweep_once
from requests_app.engine.timing import database_now
from requests_app.upkeep import timetable

LEAST_PAUSE = 0.1
# Seconds between two tries while the database is away.
LONGEST_PAUSE = 30.0
# Seconds between two looks at the timetable, and what one of them may take from the sweeps.
UPKEEP_EVERY = 60.0
UPKEEP_BUDGET = 10.0

logger = logging.getLogger("portal.engine")


class Command(BaseCommand):
    help = "Carries out what is due on Stream. An alternative to qcluster for installations without a queue."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="one pass over everything that is due")
        parser.add_argument("--loop", type=float, metavar="SECONDS", help="again and again, with this pause between")

    def handle(self, *args: Any, **options: Any) -> None:
        once: bool = options["once"]
        pause: float | None = options["loop"]
        if once == (pause is not None):
            raise CommandError("Say either --once or --loop SECONDS.")
        if pause is None:
            self._once()
            return
        if pause < LEAST_PAUSE:
            raise CommandError(f"Give --loop at least {LEAST_PAUSE} seconds.")
        self._again_and_again(pause)

    def _once(self) -> None:
        try:
            self.stdout.write(str(sweep_once()))
        except DatabaseError as error:
            outage = outages.outage_of(error)
            if outage is None:
                raise
            raise CommandError(f"The database {outage.value} ({type(error).__name__}).") from error

    def _again_and_again(self, pause: float) -> None:
        """Until a signal says stop. A database that is locked or away is waited for; no other error ends it."""
        stopped = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stopped.set())
        setbacks, upkeep_at = 0, time.monotonic()
        while not stopped.is_set():
            try:
                close_old_connections()
                sweep_once(stopped=stopped.is_set)
                if time.monotonic() >= upkeep_at:
                    timetable.run_due(actor=this_worker(), now=database_now, budget_seconds=UPKEEP_BUDGET)
                    upkeep_at = time.monotonic() + UPKEEP_EVERY
                setbacks = 0
                outages.LOG.over()
            except Exception as error:
                setbacks += 1
                if outages.outage_of(error):
                    outages.LOG.met(error)
                else:
                    # Its words may hold what must not be logged: its kind will do.
                    logger.error("A sweep ended with %s; another one follows.", type(error).__name__)
            stopped.wait(max(pause, min(LONGEST_PAUSE, 2.0**setbacks)) if setbacks else pause)
