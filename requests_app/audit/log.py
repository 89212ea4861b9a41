"""The only writer of audit entries.

Call `record` last in the transaction that changes what it records: an action whose entry cannot be
written does not happen. On PostgreSQL an advisory lock orders the writers and the head is read after it;
on SQLite the transaction already holds the only write lock.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from requests_app.audit import chain
from requests_app.audit.actor import Actor
from requests_app.enums import AuditAction
from requests_app.models import Account, AuditEntry, AuditText, Ticket
from requests_app.models.sealed import derived_key

# Any constant will do: it names "the head of the audit chain" among the database's advisory locks.
CHAIN_LOCK = 0x44535241


class OutsideTransaction(RuntimeError):
    """An entry was about to be written apart from what it records."""


def pseudonym_key() -> bytes:
    """The key of the pseudonyms, from AUDIT_KEY or derived from SECRET_KEY. It never stands in the database."""
    return settings.AUDIT_KEY.encode() if settings.AUDIT_KEY else derived_key("audit")


def subject(app_id: int, user_id: str) -> str:
    """How the log names a Stream user id of an app."""
    return chain.pseudonym(pseudonym_key(), app_id, user_id)


def subjects_of(accounts: Iterable[Account]) -> tuple[str, ...]:
    """How the log names the accounts of a ticket."""
    return tuple(subject(account.stream_app_id, account.user_id) for account in accounts)


def _head() -> tuple[int, str]:
    last = AuditEntry.objects.order_by("-seq").values_list("seq", "hash").first()
    return last or (0, chain.GENESIS)


def _lock() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CHAIN_LOCK])


@dataclass(frozen=True, kw_only=True)
class Record:
    """What an entry is to say.

    `facts` holds codes, counts and digests, never a name, an id of a person or free text; free text goes
    into `texts`, of which the chain keeps a salted commitment.
    """

    action: AuditAction
    actor: Actor
    now: datetime
    ticket_id: int | None = None
    subjects: Iterable[str] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


def record(
    action: AuditAction,
    *,
    actor: Actor,
    now: datetime,
    ticket: Ticket | None = None,
    subjects: Iterable[str] = (),
    facts: Mapping[str, object] | None = None,
    texts: Mapping[str, str] | None = None,
) -> AuditEntry:
    """Append one entry and return it; see `Record`. Raises `OutsideTransaction` where the caller has none open."""
    (entry,) = record_all(
        [
            Record(
                action=action,
                actor=actor,
                now=now,
                ticket_id=ticket.pk if ticket else None,
                subjects=subjects,
                facts=facts or {},
                texts=texts or {},
            )
        ]
    )
    return entry


def record_all(records: Sequence[Record]) -> list[AuditEntry]:
    """Append entries in their order, all or none; returns them.

    Raises `OutsideTransaction` where the caller has no transaction open.
    """
    if not transaction.get_connection().in_atomic_block:
        raise OutsideTransaction("open a transaction around the change and its audit entry")
    if not records:
        return []
    _lock()
    seq, head = _head()
    rows, words = [], []
    for told in records:
        seq += 1
        salted = {name: (secrets.token_hex(16), text) for name, text in told.texts.items() if text}
        entry = _entry(told, salted, seq=seq, head=head)
        head = chain.entry_hash(entry)
        rows.append(AuditEntry(**_columns(entry), hash=head))
        words += [AuditText(seq=seq, name=name, salt=salt, text=text) for name, (salt, text) in salted.items()]
    AuditEntry.objects.bulk_create(rows)
    if words:
        AuditText.objects.bulk_create(words)
    return rows


def _entry(told: Record, salted: Mapping[str, tuple[str, str]], *, seq: int, head: str) -> chain.Entry:
    return chain.Entry(
        seq=seq,
        at=told.now,
        action=told.action.value,
        actor_id=told.actor.id,
        actor_role=told.actor.role.value if told.actor.role else "",
        actor_name=told.actor.name,
        origin=told.actor.origin,
        ticket_id=told.ticket_id,
        subjects=tuple(told.subjects),
        facts=dict(told.facts),
        texts={name: chain.commitment(salt, text) for name, (salt, text) in salted.items()},
        prev_hash=head,
    )


def _columns(entry: chain.Entry) -> dict[str, object]:
    return {
        "seq": entry.seq,
        "at": entry.at,
        "action": entry.action,
        "actor_id": entry.actor_id,
        "actor_role": entry.actor_role,
        "actor_name": entry.actor_name,
        "origin": entry.origin,
        "ticket_id": entry.ticket_id,
        "subjects": list(entry.subjects),
        "facts": dict(entry.facts),
        "texts": dict(entry.texts),
        "prev_hash": entry.prev_hash,
    }


def as_entry(row: AuditEntry) -> chain.Entry:
    """The hashed content of a stored row."""
    return chain.Entry(
        seq=row.seq,
        at=row.at,
        action=row.action,
        actor_id=row.actor_id,
        actor_role=row.actor_role,
        actor_name=row.actor_name,
        origin=row.origin,
        ticket_id=row.ticket_id,
        subjects=tuple(row.subjects),
        facts=row.facts,
        texts=row.texts,
        prev_hash=row.prev_hash,
    )
