"""`manage.py canary`: one look at the queue from outside, for a timer; exit code 1 where it no longer lives."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from requests_app.ops import canary


class Command(BaseCommand):
    help = "Rings a job through the queue and ends with 1 where none was acknowledged in time. Call it each minute."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--patience", type=float, default=180.0, metavar="SECONDS", help="for an acknowledgement")
        parser.add_argument("--forget", action="store_true", help="the queue is watched no more; the pages say nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["forget"]:
            canary.forget()
            self.stdout.write("The queue is watched no more.")
            return
        if options["patience"] <= 0:
            raise CommandError("Give --patience more than 0 seconds.")
        now = timezone.now()
        seen = canary.look(now)
        silent = seen.silent_for(now)
        if silent > timedelta(seconds=options["patience"]):
            canary.begin_anew(now)
            raise CommandError(
                f"The queue acknowledged no job for {silent.total_seconds():.0f} s: restart its cluster."
            )
        if not seen.waits:
            canary.ring(now)
        self.stdout.write(f"The queue acknowledged a job {silent.total_seconds():.0f} s ago.")
