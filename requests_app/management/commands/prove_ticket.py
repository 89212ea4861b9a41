"""`manage.py prove_ticket DSR-000123`: a proof of one ticket's audit entries, to hand out without the others."""

from __future__ import annotations

import os
import socket
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from requests_app.audit.actor import worker
from requests_app.audit.checkpoints import Broken
from requests_app.audit.note import Malformed
from requests_app.models import Ticket
from requests_app.queries import audit_proof
from requests_app.views.proofs import prove


class Command(BaseCommand):
    help = "Writes a proof of a ticket's audit entries as JSON; deploy/audit_verifier.py --proof checks it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("reference", help="the ticket, like DSR-000123")
        parser.add_argument("--output", help="the file to write; standard output if none")

    def handle(self, *args: Any, **options: Any) -> None:
        ticket = Ticket.objects.with_reference(options["reference"].upper()).first()
        if ticket is None:
            raise CommandError("There is no such ticket. It is called like DSR-000123.")
        try:
            found = prove(ticket, actor=worker(socket.gethostname()[:64]), now=timezone.now())
        except (Broken, Malformed) as error:
            raise CommandError(f"No proof was made: {error}.") from None
        data = audit_proof.spelt(found)
        if not options["output"]:
            self.stdout.write(data.decode(), ending="")
            return
        try:
            handle = os.open(options["output"], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise CommandError(f"{options['output']} cannot be written: {error.strerror}.") from None
        with open(handle, "wb") as file:
            file.write(data)
