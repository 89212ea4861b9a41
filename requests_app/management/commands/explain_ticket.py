"""`manage.py explain_ticket DSR-000123`: where a ticket stands, what holds it and until when, in one print."""

from __future__ import annotations

import os
import pwd
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from requests_app.engine import gates
from requests_app.engine.timing import database_now
from requests_app.enums import STEP_FINAL, StepState
from requests_app.models import Ticket
from requests_app.models.ticket import REFERENCE
from requests_app.queries import ticket_record
from requests_app.queries.heartbeat import worker_signs
from requests_app.queries.ticket_record import Record, Section, moment
from requests_app.workflow import policies, unmasking

LIMIT = 40


class Command(BaseCommand):
    help = (
        "Prints where a ticket stands and what holds each of its steps until when, with attempts, leases, tasks, "
        "read-backs and audit entries. User ids, names, addresses, free texts and Stream's own words are masked, and "
        "nothing is recorded. With --clear they are shown, and an audit entry (ticket.unmask) records that, with the "
        "account of this machine under which it was run."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("reference", help="the ticket, like DSR-000123")
        parser.add_argument("--clear", action="store_true", help="show whom it is about; recorded in the audit log")
        parser.add_argument(
            "--limit", type=int, default=LIMIT, help=f"lines of each part at most, 0 for all (default {LIMIT})"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        ticket = _ticket(options["reference"].strip().upper())
        if options["limit"] < 0:
            raise CommandError("--limit takes a number of lines, or 0 for all of them.")
        if options["clear"]:
            self._record(ticket)
        record = ticket_record.read(ticket, clear=options["clear"], limit=options["limit"])
        for line in _lines(record):
            self.stdout.write(line)

    def _record(self, ticket: Ticket) -> None:
        """What cannot be recorded is not shown; of an erased ticket there is nothing to show, and so to record."""
        try:
            unmasking.show_on_server(ticket, account=_account(), now=database_now())
        except policies.UnableTo as why:
            self.stderr.write(str(why))


def _account() -> str:
    """The account of this machine that runs the command, by its number where it has no name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"


def _ticket(reference: str) -> Ticket:
    if not REFERENCE.fullmatch(reference):
        raise CommandError("A reference looks like DSR-000123.")
    rows = Ticket.objects.select_related("stream_app").defer("stream_app__api_secret").prefetch_related("accounts")
    ticket = rows.with_reference(reference).first()
    if ticket is None:
        raise CommandError(
            f"There is no ticket {reference} in this database. Look at the reference again, "
            "and whether DATABASE_URL names the database of the portal."
        )
    return ticket


def _lines(record: Record) -> Iterator[str]:
    now = database_now()
    held = gates.of_ticket(record.ticket, record.steps, now=now)
    yield f"{record.ticket.reference} at {moment(now)}. {worker_signs()[1]}."
    above = ticket_record.sections_above(record)
    holds = Section("What holds it", tuple(_gate(record, gate) for gate in held.ticket))
    for section in (*above, holds, _steps(record, held), *ticket_record.sections_below(record)):
        yield from _printed(section)


def _steps(record: Record, held: gates.Held) -> Section:
    """Steps that are not finished come first, each with its gates on lines of their own."""
    ordered = sorted(record.steps, key=lambda step: step.state in STEP_FINAL)
    counts = Counter(StepState(step.state).label.lower() for step in ordered)
    blocks = (
        "\n".join(
            [
                ticket_record.step_line(record, step),
                *(f"    {_gate(record, gate)}" for gate in held.steps.get(step.pk, ())),
            ]
        )
        for step in ordered
    )
    summary = ", ".join(f"{count} {state}" for state, count in counts.items())
    return record.cut("Steps", blocks, summary=summary)


def _gate(record: Record, gate: gates.Gate) -> str:
    times = ticket_record.pairs(("since", moment(gate.since)), ("until", moment(gate.until)))
    reason = f" Reason: {record.private(gate.reason)}" if gate.reason else ""
    return f"[{gate.name}] {gate.words}{'; ' if times else ''}{times}{'.' if reason else ''}{reason}"


def _printed(section: Section) -> Iterator[str]:
    yield f"\n{section.title}{f' ({section.summary})' if section.summary else ''}"
    for line in section.lines:
        for part in line.splitlines():
            # What others wrote must not move the cursor of whoever reads.
            yield "  " + "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in part)
    if section.more:
        yield f"  … and {section.more} more: --limit 0 prints all."
    if not section.lines:
        yield "  none"
