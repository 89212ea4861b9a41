"""`manage.py recompute_deadlines`: the dates of all open tickets by the settings of now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from requests_app.engine.context import this_worker
from requests_app.engine.timing import database_now
from requests_app.upkeep import deadlines


class Command(BaseCommand):
    help = "Counts the dates of all open tickets anew; the audit log keeps the old and the new ones."

    def handle(self, *args: Any, **options: Any) -> None:
        count = deadlines.recompute(this_worker(), database_now(), every=True)
        self.stdout.write(f"{count} {'ticket has' if count == 1 else 'tickets have'} other dates now.")
