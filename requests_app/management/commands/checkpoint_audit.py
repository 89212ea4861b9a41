"""`manage.py checkpoint_audit`: sign the audit log as it stands now."""

from __future__ import annotations

import math
import socket
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from requests_app.audit import checkpoints
from requests_app.audit.actor import worker
from requests_app.audit.note import Malformed


class Command(BaseCommand):
    help = "Makes a signed checkpoint of the audit log, appends it to AUDIT_CHECKPOINT_FILE, and prints it."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            actor = worker(socket.gethostname()[:64])
            found = checkpoints.catch_up(actor=actor, now=timezone.now(), seconds=math.inf)
        except (checkpoints.Broken, Malformed) as error:
            raise CommandError(f"No checkpoint was made: {error}.") from None
        if found is None:
            raise CommandError("The audit log is empty: there is nothing to sign yet.")
        self.stdout.write(found.note, ending="")
