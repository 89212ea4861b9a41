"""`manage.py setup_demo`: people and tickets for the demo, made by the verbs that people use."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from requests_app.demo.cover_sheet import keep_cover_sheet
from requests_app.demo.people import PASSWORD, keep_people
from requests_app.demo.tickets import fill
from requests_app.models import StreamApp, Ticket
from requests_app.workflow import recipients

# Who gets data of the app, and is told of an erasure (Art. 19 GDPR).
RECIPIENTS = ("Push service", "Newsletter provider")


class Command(BaseCommand):
    help = "Fills the demo with staff and tickets, once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--people-only", action="store_true", help="the staff without any tickets")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PROFILE not in {"demo", "dev"}:
            raise CommandError("This fills a demo and nothing else. Set PORTAL_PROFILE=demo where that is meant.")
        app = StreamApp.objects.active().filter(is_sandbox=True).order_by("pk").first()
        app = app or StreamApp.objects.filter(from_environment=True).first()
        if app is None:
            raise CommandError(
                "There is no Stream app. Set STREAM_BASE_URL, STREAM_API_KEY and STREAM_API_SECRET, then migrate."
            )
        if Ticket.objects.exists():
            self.stdout.write("The demo is filled already; it is kept as it is.")
            return
        people = keep_people()
        keep_cover_sheet(app, people["mara"])
        recipients.save(app, RECIPIENTS, actor=people["ruth"], now=timezone.now())
        if options["people_only"]:
            self.stdout.write(f"{len(people)} people.")
            return
        count = fill(app, people)
        self.stdout.write(f"{len(people)} people and {count} tickets. Everybody's password is {PASSWORD}.")
