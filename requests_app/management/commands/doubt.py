"""`manage.py doubt`: the database was restored where no worker could notice it; trust nothing that is under way."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from requests_app.engine import restored
from requests_app.engine.context import this_worker


class Command(BaseCommand):
    help = "Pauses all sending and lets every step under way be compared with Stream. For use after restoring a backup."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--yes", action="store_true", help="the database was restored")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["yes"]:
            raise CommandError("Say --yes if the database was restored from a backup. All sending is paused then.")
        steps = restored.mark_unknown_after_restore(actor=this_worker(), now=timezone.now())
        self.stdout.write(f"Sending is paused. {steps} steps under way are compared with Stream by the next worker.")
