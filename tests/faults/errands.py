"""What tests let a portal of their own do, run inside its processes by `manage.py shell`."""

from __future__ import annotations

import json
import os
import resource
import traceback
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from django.conf import settings
from django.db import connection, connections, transaction
from django.utils import timezone

from requests_app.audit import checkpoints, log
from requests_app.audit_actions import AuditAction
from requests_app.engine.context import this_worker
from requests_app.engine.phases import answer
from requests_app.engine.sweep import sweep_once
from requests_app.engine.timing import database_now
from requests_app.enums import MailKind, Mode, State
from requests_app.models import AuditCheckpoint, AuditEntry, Mail, Pause, Step, StreamApp, Ticket
from requests_app.queries.audit import check_chain
from requests_app.queries.audit_verify import check_log
from requests_app.stream.client import StreamClient
from requests_app.stream.credentials import Credentials
from requests_app.upkeep import post
from requests_app.workflow import outbox, pauses
from tests import factories
from tests.canary import API_KEY, SECRET
from tests.factories import WORKER
from tests.people import actor


def app() -> StreamApp:
    """The app that calls the stand-in."""
    return factories.stream_app(base_url=settings.STREAM_BASE_URL, api_key=API_KEY)


def people(*names: str) -> None:
    """Make users on the stand-in."""
    client = StreamClient(Credentials(settings.STREAM_BASE_URL, API_KEY, SECRET))
    for start in range(0, len(names), 100):
        body = {"users": {name: {"id": name} for name in names[start : start + 100]}}
        client.transport.exchange("UpdateUsers", "POST", "/users", body=body, changes=True)


def approve(prefix: str, erasures: int, exports: int = 0) -> None:
    """Tickets of new people, approved: of two kinds of erasure in turn, and exports."""
    names = [f"{prefix}-{place}" for place in range(erasures + exports)]
    people(*names)
    for place, name in enumerate(names[:erasures]):
        calls = Mode.HARD if place % 2 else Mode.KEEP
        factories.approved(factories.erase_plan(name, feeds_data=Mode.KEEP, files=False, calls=calls), app=app())
    for name in names[erasures:]:
        factories.approved(factories.export_plan(name), app=app())
    print(json.dumps(len(names)))


def sweep(seconds_ahead: float = 0.0, budget_seconds: float = 40.0) -> None:
    """Sweep once, with a clock that is ahead."""
    now = lambda: database_now() + timedelta(seconds=seconds_ahead)  # noqa: E731
    print(sweep_once(budget_seconds=budget_seconds, now=now, linger=0))


def lift() -> None:
    """Let sending go on."""
    pauses.lift(None, actor=actor("dora"), now=timezone.now(), reason="Everything was compared.")


def write_mails(count: int) -> None:
    """Queue mails."""
    for place in range(count):
        key, to = f"mail-{place}", f"person-{place}@example.org"
        outbox.queue(MailKind.LETTER, key=key, recipient=to, subject=key, body="Hello.", now=timezone.now())


def send_mails(seconds_ahead: float = 0.0) -> None:
    """Send what is due until nothing is, with a clock that is ahead."""
    while post.send_due(this_worker(), database_now() + timedelta(seconds=seconds_ahead)):
        pass
    print(json.dumps(Counter(Mail.objects.values_list("state", flat=True))))


def report() -> None:
    """How the portal stands, as JSON."""
    found = {
        "tickets": Counter(f"{state}/{outcome}" for state, outcome in Ticket.objects.values_list("state", "outcome")),
        "moving": Ticket.objects.filter(state__in=[State.APPROVED.value, State.RUNNING.value]).count(),
        "steps": Counter(Step.objects.values_list("state", flat=True)),
        "paused": Pause.objects.open().count(),
        "actions": Counter(AuditEntry.objects.values_list("action", flat=True)),
        "origins": sorted(set(AuditEntry.objects.filter(actor_role="worker").values_list("origin", flat=True))),
        "intact": check_chain().intact,
        "most_attempts": max(Step.objects.values_list("attempt_count", flat=True), default=0),
    }
    print(json.dumps(found))


def scribble(writer: int, count: int) -> None:
    """Write entries as fast as can be, each in a transaction of its own; a fifth is rolled back. Sign now and then."""
    for number in range(count):
        with suppress(_ThoughtBetter), transaction.atomic():
            log.record(
                AuditAction.AUDIT_READ, actor=WORKER, now=timezone.now(), facts={"writer": writer, "number": number}
            )
            if number % 5 == 4:
                raise _ThoughtBetter
        if number % 10 == 0:
            checkpoints.make_and_hand_out(actor=WORKER, now=timezone.now())


def scribble_at_once(writers: int, count: int) -> None:
    """So many processes that `scribble` at the same time, each with a connection of its own; then say what they left.

    They are forked, so that all of them write from the first moment on, instead of starting up one after the other.
    """
    connections.close_all()
    children = [_forked(writer, count) for writer in range(writers)]
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    numbers(codes)


def _forked(writer: int, count: int) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        scribble(writer, count)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


class _ThoughtBetter(Exception):
    """The transaction is rolled back."""


def numbers(codes: list[int]) -> None:
    """What writers that ended with these codes left, as JSON."""
    written = AuditEntry.objects.filter(action=AuditAction.AUDIT_READ.value)
    verdict = check_log().report.first_break
    found = {
        "codes": codes,
        "seqs": list(AuditEntry.objects.order_by("seq").values_list("seq", flat=True)),
        "by_writer": Counter(facts["writer"] for facts in written.values_list("facts", flat=True)),
        "listed": AuditEntry.objects.filter(action=AuditAction.AUDIT_KEYS_LISTED.value).count(),
        "sizes": list(AuditCheckpoint.objects.values_list("size", flat=True)),
        "verdict": verdict.why if verdict else "",
    }
    print(json.dumps(found))


def sweep_without_a_database() -> None:
    """Sweep, and lose the database for good at the moment in which Stream's answer is to be written down."""
    real = answer.write_down

    def write_down(*words: Any) -> None:
        _take_the_database_away()
        real(*words)

    with patch.object(answer, "write_down", write_down):
        sweep(budget_seconds=2)


def _take_the_database_away() -> None:
    """SQLite: the disk is full, no file may grow any more. PostgreSQL: the server ends the connection, and takes no
    other one of this process.
    """
    if connection.vendor == "sqlite":
        grown = Path(f"{connection.settings_dict['NAME']}-wal").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (grown, resource.RLIM_INFINITY))
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = cursor.fetchone()[0]
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [backend])
    other.close()
    connection.settings_dict["PORT"] = "9"
