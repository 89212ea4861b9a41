"""`manage.py verify_audit`: check the whole audit chain."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from requests_app.queries.audit import check_chain


class Command(BaseCommand):
    help = "Checks every entry of the audit log and every text beside it; exits 1 at the first that does not hold."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--progress", action="store_true", help="tell how far it is, on standard error")
        parser.add_argument("--head", help="a head noted before, as SEQUENCE:HASH; the chain must still hold it")

    def handle(self, *args: Any, **options: Any) -> None:
        expected = None
        if options["head"]:
            seq, _, digest = options["head"].partition(":")
            if not seq.isdecimal() or len(digest) != 64:
                raise CommandError("Write the head as SEQUENCE:HASH, with the 64 digits of the hash.")
            expected = (int(seq), digest)
        progress = (lambda count: self.stderr.write(f"{count:,} entries hold")) if options["progress"] else None
        report = check_chain(expected=expected, progress=progress)
        if not report.intact:
            raise CommandError(str(report))
        self.stdout.write(str(report))
        self.stdout.write(f"{report.count}:{report.head}")
