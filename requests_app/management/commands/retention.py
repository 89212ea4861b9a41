"""`manage.py retention`: what is past its time, counted or erased."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from requests_app.engine.context import this_worker
from requests_app.upkeep.retention import forget_sessions
from requests_app.workflow import leftovers, retained, retention

# Each run takes at most so long; it is repeated until nothing is left.
SECONDS = 60.0


def table() -> list[str]:
    """The rules of every column, a line each, in Markdown."""
    return [
        f"| `{model}` | {', '.join(f'`{column}`' for column in columns) or 'all'} | {words} |"
        for model, columns, words in retained.in_words()
    ]


class Command(BaseCommand):
    help = "Counts personal data that is past its time (--dry-run), or erases all of it (--now)."

    def add_arguments(self, parser: CommandParser) -> None:
        how = parser.add_mutually_exclusive_group(required=True)
        how.add_argument("--dry-run", action="store_true", help="count, change nothing")
        how.add_argument("--table", action="store_true", help="print the rules as the table of docs/retention.md")
        how.add_argument("--now", action="store_true", help="erase everything that is due")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["table"]:
            for line in table():
                self.stdout.write(line)
            return
        if options["dry_run"]:
            for name, count in (retention.overview(timezone.now()) | leftovers.overview(timezone.now())).items():
                self.stdout.write(f"{count:>8,}  {name}")
            return
        forget_sessions()
        full = True
        while full:
            counts = leftovers.erase(actor=this_worker(), now=timezone.now())
            if counts:
                self.stdout.write(f"Erased: {', '.join(f'{count} {name}' for name, count in counts.items())}.")
            # Rows that are deleted whole go some hundred at a time.
            full = leftovers.AT_ONCE in counts.values()
        more = True
        while more:
            done = retention.run(actor=this_worker(), now=timezone.now(), seconds=SECONDS)
            self.stdout.write(f"Erased: {done}.")
            more = done.more
        if done.failed:
            raise CommandError(f"{done.failed} tickets could not be erased; the log says why.")
