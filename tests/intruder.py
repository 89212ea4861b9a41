"""Somebody with every right on the database: takes the triggers away and changes the log, with new hashes where wanted.

All of it in the test's own transaction, so that the triggers are back afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import connection

from requests_app.audit import chain, log
from requests_app.models import AuditEntry, AuditText, triggers


def unprotect() -> None:
    """Take every trigger away."""
    postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        for name, (table, _) in (triggers.POSTGRESQL if postgresql else triggers.SQLITE).items():
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}" + (f" ON {table}" if postgresql else ""))


def alter(seq: int, **columns: Any) -> None:
    """Change an entry and nothing else."""
    AuditEntry.objects.filter(seq=seq).update(**columns)


def rewrite(rows: Iterable[AuditEntry], *, start: int) -> None:
    """Put these in the place of everything from `start` on, numbered and hashed anew; their texts go along."""
    rows = list(rows)
    words = list(AuditText.objects.filter(seq__gte=start))
    AuditText.objects.filter(seq__gte=start).delete()
    AuditEntry.objects.filter(seq__gte=start).delete()
    last = AuditEntry.objects.filter(seq__lt=start).order_by("-seq").first()
    head = last.hash if last else chain.GENESIS
    for seq, row in enumerate(rows, start=start):
        for word in (word for word in words if word.seq == row.seq):
            AuditText.objects.create(
                seq=seq, name=word.name, salt=word.salt, sealed=word.sealed, ticket_id=word.ticket_id
            )
        row.seq, row.prev_hash = seq, head
        row.hash = head = chain.entry_hash(log.as_entry(row))
        row.save(force_insert=True)


def tail(start: int) -> list[AuditEntry]:
    """The entries from `start` on, apart from the database."""
    return list(AuditEntry.objects.filter(seq__gte=start).order_by("seq"))
