"""`manage.py verify_audit`: check the audit log against itself and against its checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from requests_app.audit.note import notes_in
from requests_app.models import triggers
from requests_app.queries import audit_verify
from requests_app.queries.audit import erased_lawfully


class Command(BaseCommand):
    help = (
        "Checks the audit log from the last checkpoint that was found good, or all of it: chain, texts, signed "
        "checkpoints. Exits 1 at the first entry that does not hold."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--full", action="store_true", help="check every entry, whatever was checked before")
        parser.add_argument("--progress", action="store_true", help="tell how far it is, on standard error")
        parser.add_argument("--head", help="a head noted before, as SEQUENCE:HASH; the chain must still hold it")
        parser.add_argument(
            "--notes", action="append", default=[], help="a file of checkpoints kept outside; all entries are checked"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        expected = _head(options["head"]) if options["head"] else None
        notes = [note for file in options["notes"] for note in _notes(file)]
        whole = options["full"] or expected or notes
        progress = (lambda count: self.stderr.write(f"{count:,} entries hold")) if options["progress"] else None
        start = audit_verify.NOTHING if whole else audit_verify.remembered()
        verdict = audit_verify.check_log(start, notes=notes, expected=expected, progress=progress)
        report = verdict.report
        for name in triggers.missing(connection):
            self.stderr.write(f"The trigger {name} is missing or changed: the database does not protect the log.")
        if not report.intact:
            raise CommandError(str(report))
        self.stdout.write(str(report))
        erased = erased_lawfully()
        if erased:
            self.stdout.write(f"{erased:,} texts beside it are erased lawfully: their tickets' keys were destroyed.")
        self.stdout.write(f"{report.count}:{report.head}")
        self.stdout.write(f"{verdict.roots:,} checkpoints fit; the newest covers {verdict.good:,} entries.")


def _head(text: str) -> tuple[int, str]:
    seq, _, digest = text.partition(":")
    if not seq.isdecimal() or len(digest) != 64:
        raise CommandError("Write the head as SEQUENCE:HASH, with the 64 digits of the hash.")
    return int(seq), digest


def _notes(file: str) -> list[str]:
    try:
        found = notes_in(Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"The notes cannot be read: {type(error).__name__}.") from None
    if not found:
        raise CommandError(f"There is no checkpoint in {file}.")
    return found
