"""`manage.py export_audit`: the audit log as a file that can be checked without the portal."""

from __future__ import annotations

import os
import socket
import sys
from datetime import date, datetime, time, timedelta
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone

from requests_app.audit import log
from requests_app.audit.actor import worker
from requests_app.audit_actions import AuditAction
from requests_app.queries import audit_export


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CommandError(f"“{text[:20]}” is no date. Write it like 2026-11-23.") from None


class Command(BaseCommand):
    help = (
        "Writes the audit log as JSON lines for deploy/audit_verifier.py, the whole of it or that of a period, with "
        "its checkpoints. That it was exported is an entry, too."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--output", help="the file to write, readable by its owner alone; standard output if none")
        parser.add_argument("--since", type=_day, help="the first day, like 2026-01-01")
        parser.add_argument("--until", type=_day, help="the last day")
        parser.add_argument("--texts", action="store_true", help="with free texts in the clear: personal data")

    def handle(self, *args: Any, **options: Any) -> None:
        now, since, until = timezone.now(), options["since"], options["until"]
        if since and until and since > until:
            raise CommandError("The first day is after the last one.")
        facts = {
            "since": since.isoformat() if since else "",
            "until": until.isoformat() if until else "",
            "texts": options["texts"],
        }
        with transaction.atomic():
            actor = worker(socket.gethostname()[:64])
            log.record(AuditAction.AUDIT_EXPORTED, actor=actor, now=now, facts=facts)
        wanted = audit_export.span(
            since=_midnight(since) if since else None, until=_midnight(until + timedelta(days=1)) if until else None
        )
        if options["output"]:
            # Never over an existing file: it may be the older export that somebody compares with.
            try:
                handle = os.open(options["output"], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except OSError as error:
                raise CommandError(f"{options['output']} cannot be written: {error.strerror}.") from None
            with open(handle, "wb") as file:
                self._write(file, wanted, now, options["texts"])
        else:
            self._write(getattr(self.stdout._out, "buffer", sys.stdout.buffer), wanted, now, options["texts"])
        self.stderr.write(f"{wanted.last - wanted.after:,} of {wanted.size:,} entries exported.")

    def _write(self, file: BinaryIO, wanted: audit_export.Span, now: datetime, texts: bool) -> None:
        for line in audit_export.lines(wanted, now=now, texts=texts):
            file.write(line)
        file.flush()


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
