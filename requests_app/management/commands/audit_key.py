"""`manage.py audit_key`: a new key for the audit log's checkpoints, or the public half of the keys in use."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from requests_app.audit import signing
from requests_app.audit.note import Malformed, Signer


class Command(BaseCommand):
    help = (
        "Makes a new Ed25519 key pair for the audit log and prints it; nothing is stored. "
        "With --show it prints the public keys that sign now, for whoever verifies."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--show", action="store_true", help="print the public keys in use, one a line")
        parser.add_argument("--name", help="the name of the log and its key; that of the key in use if not given")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["show"]:
                for key in signing.verifiers():
                    self.stdout.write(str(key))
                return
            fresh = Signer.new(options["name"] or signing.origin())
        except Malformed as error:
            raise CommandError(f"{str(error).capitalize()}.") from None
        self.stdout.write("The private key. Put it into AUDIT_SIGNING_KEY and nowhere else:")
        self.stdout.write(fresh.secret)
        self.stdout.write("The public key. Give it to whoever verifies the log, by a way of its own:")
        self.stdout.write(str(fresh.verifier))
