"""An audit log of millions of entries in minutes, made inside the database: for pages and plans, not for a verifier.

The hashes are made up. Days, actors, actions and tickets are spread so that each pair of filters has a case in which
both are frequent and nothing fits: what a filter that goes through one of them pays for most.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.db import connection

from requests_app.audit_actions import AuditAction
from requests_app.models import AuditEntry

ACTIONS = (
    AuditAction.TICKET_READ,
    AuditAction.TICKET_OPENED,
    AuditAction.TICKET_SUBMITTED,
    AuditAction.TICKET_APPROVED,
    AuditAction.CALL_INTENDED,
    AuditAction.CALL_ANSWERED,
    AuditAction.STREAM_TASK_FINISHED,
    AuditAction.TICKET_COMPLETED,
    AuditAction.AUDIT_READ,
    AuditAction.SIGNED_IN,
)
# Among so many entries each is one of the worker's; the others go round the people.
TURNS = 5
FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 700
ENTRIES_A_TICKET = 12


def grow(number: int, people: Sequence[int], *, base: int = 0) -> None:
    """Add entries until there are so many behind entry `base`, spread over all days; ids of four people."""
    begin = AuditEntry.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
    postgresql = connection.vendor == "postgresql"
    seconds = f"CAST({FIRST_DAY.timestamp()} + (n - {base}) * {DAYS * 86_400 / number} AS bigint)"
    at = f"to_timestamp({seconds})" if postgresql else f"strftime('%Y-%m-%d %H:%M:%S', {seconds}, 'unixepoch')"
    actions = " ".join(f"WHEN {place} THEN '{action.value}'" for place, action in enumerate(ACTIONS))
    persons = " ".join(f"WHEN {place + 1} THEN {person}" for place, person in enumerate(people))
    empty_list, empty = ("'[]'::jsonb", "'{}'::jsonb") if postgresql else ("'[]'", "'{}'")
    hexadecimal = "lpad(to_hex(n), 63, '0')" if postgresql else "printf('%063x', n)"
    series = f"generate_series(CAST({begin + 1} AS bigint), {base + number}) AS series(n)" if postgresql else "series"
    count = f"SELECT {begin + 1} UNION ALL SELECT n + 1 FROM series WHERE n < {base + number}"  # noqa: S608
    head = "" if postgresql else f"WITH RECURSIVE series(n) AS ({count}) "
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{AuditEntry._meta.db_table}" (seq, at, action, actor_id, actor_role, actor_name, origin, '  # noqa: S608
            "ticket_id, subjects, facts, texts, prev_hash, hash) "
            f"{head}SELECT n, {at}, CASE n % {len(ACTIONS)} {actions} END, "
            f"CASE n % {TURNS} {persons} END, CASE n % {TURNS} WHEN 0 THEN 'worker' ELSE 'agent' END, 'somebody', "
            f"'198.51.100.7', (n - {base}) / {ENTRIES_A_TICKET} + 1, {empty_list}, {empty}, {empty}, "
            f"'b' || {hexadecimal}, 'a' || {hexadecimal} FROM {series}"
        )
        # What autovacuum does in the background, and `PRAGMA optimize` on SQLite.
        cursor.execute("ANALYZE")


def day(number: int) -> datetime:
    """The day of the log with that number, from 0 on."""
    return FIRST_DAY + timedelta(days=number)
