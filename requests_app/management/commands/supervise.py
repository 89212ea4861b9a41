"""`manage.py supervise`: runs the queue's cluster, and replaces it where it died or no longer acknowledges jobs."""

from __future__ import annotations

import logging
import signal
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, close_old_connections
from django.utils import timezone

from requests_app.cluster import Cluster
from requests_app.ops import canary

logger = logging.getLogger("portal.supervise")

LOOK_SECONDS = 0.5
# A cluster that lived so long is no longer one that dies at once, in seconds.
SETTLED = 60.0
SHORTEST_PAUSE = 1.0


class Command(BaseCommand):
    help = (
        "Runs qcluster and replaces it as a whole where it ended, or where its canary is not acknowledged in time. "
        "Ends with 0 after SIGTERM or Ctrl-C; the cluster finishes its jobs first."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--every", type=float, default=60.0, metavar="SECONDS", help="between two canaries")
        parser.add_argument("--patience", type=float, default=180.0, metavar="SECONDS", help="for an acknowledgement")
        parser.add_argument(
            "--longest-pause",
            type=float,
            default=30.0,
            metavar="SECONDS",
            help="before a new cluster, where one after the other ends at once: 1, 2, 4 and so on up to this",
        )
        parser.add_argument("--pid-file", default=str(settings.ROOT / "var" / "qcluster.pid"), metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        every, patience = options["every"], options["patience"]
        if every <= 0 or patience <= every:
            raise CommandError("Give --every more than 0 seconds, and --patience more than --every.")
        longest_pause = options["longest_pause"]
        if longest_pause < SHORTEST_PAUSE:
            raise CommandError(f"Give --longest-pause at least {SHORTEST_PAUSE:.0f} second.")
        stopped = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stopped.set())
        cluster = Cluster(Path(options["pid_file"]))
        try:
            _Watch(
                cluster,
                every=every,
                patience=timedelta(seconds=patience),
                longest_pause=longest_pause,
                stopped=stopped,
            ).run()
        finally:
            logger.info("Stopping the cluster.")
            if not cluster.stop():
                logger.warning("The cluster did not stop by itself and was killed.")


class _Watch:
    """Looks after one cluster until it is told to stop. Spans in seconds."""

    def __init__(
        self, cluster: Cluster, *, every: float, patience: timedelta, longest_pause: float, stopped: threading.Event
    ) -> None:
        self._cluster = cluster
        self._every = every
        self._patience = patience
        self._stopped = stopped
        self._longest_pause = longest_pause
        self._pause = SHORTEST_PAUSE
        self._started_at = 0.0
        self._rung_at = 0.0

    def run(self) -> None:
        self._start()
        while not self._stopped.wait(LOOK_SECONDS):
            if self._cluster.ended:
                self._replace("it ended")
            elif self._silent():
                self._replace(f"no job was acknowledged for {self._patience.total_seconds():.0f} s")

    def _start(self) -> None:
        self._cluster.start()
        self._started_at = self._rung_at = time.monotonic()
        try:
            canary.begin_anew(timezone.now())
        except DatabaseError as error:
            logger.warning("The database does not answer: %s.", type(error).__name__)
        logger.info("The cluster is started.")

    def _replace(self, why: str) -> None:
        logger.warning("The cluster is replaced: %s.", why)
        self._cluster.kill()
        if time.monotonic() - self._started_at > SETTLED:
            self._pause = SHORTEST_PAUSE
        if not self._stopped.wait(self._pause):
            self._pause = min(self._longest_pause, self._pause * 2)
            self._start()

    def _silent(self) -> bool:
        """Whether the canary has been silent for too long; rings the next one when its time has come."""
        try:
            close_old_connections()
            now = timezone.now()
            seen = canary.look(now)
            if seen.silent_for(now) > self._patience:
                return True
            if not seen.waits and time.monotonic() - self._rung_at >= self._every:
                self._rung_at = time.monotonic()
                canary.ring(now)
        except DatabaseError as error:
            # Without a database nothing can be acknowledged: that is no fault of the cluster.
            logger.warning("The database does not answer: %s.", type(error).__name__)
            self._started_at = time.monotonic()
            self._stopped.wait(1.0)
        return False
