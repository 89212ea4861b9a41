"""`manage.py audit_keys`: make a year's key for the pseudonyms of the audit log, or record that one was destroyed."""

from __future__ import annotations

import base64
import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from requests_app.audit import keys
from requests_app.workflow import audit_keys, staff
from requests_app.workflow.permissions import NotPermitted
from requests_app.workflow.policies import UnableTo


class Command(BaseCommand):
    help = (
        "Prints a new key for AUDIT_KEYS (this year's, unless one is named). With --destroyed it records that a year's "
        "key was taken out of AUDIT_KEYS and out of every copy: nobody is found by that year's pseudonyms any more."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("year", nargs="?", type=int, help="the year to make a key for")
        parser.add_argument("--destroyed", type=int, metavar="YEAR", help="the year whose key is gone for good")
        parser.add_argument("--by", metavar="USERNAME", help="the administrator who destroyed it")
        parser.add_argument("--reason", default="", help="why, and how the copies were destroyed; names nobody")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["destroyed"] is None:
            self._make(options["year"] or keys.year_of(timezone.now()))
        else:
            self._destroyed(options["destroyed"], username=options["by"] or "", reason=options["reason"])

    def _make(self, year: int) -> None:
        if keys.has_key(year):
            raise CommandError(f"AUDIT_KEYS has a key for {year}. Another one would make its entries unsearchable.")
        own = ",".join(str(known) for known in sorted(settings.AUDIT_KEYS))
        self.stderr.write(
            f"Add this to AUDIT_KEYS{f' beside {own}' if own else ''}, separated by a comma, and restart every "
            "process. Keep it where the database's backups are not."
        )
        self.stdout.write(f"{year}:{base64.b64encode(secrets.token_bytes(32)).decode()}")

    def _destroyed(self, year: int, *, username: str, reason: str) -> None:
        person = get_user_model().objects.filter(username=username, is_active=True).first()
        if person is None:
            raise CommandError("Say --by with the user name of the administrator who destroyed it.")
        actor = staff.as_actor(person, "manage.py audit_keys")
        try:
            count = audit_keys.record_destroyed(year, actor=actor, now=timezone.now(), reason=reason)
        except (NotPermitted, UnableTo) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"Recorded. The {count:,} entries of {year} stay valid and name nobody any more.")
