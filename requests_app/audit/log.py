"""The only writer of audit entries.

Call `record` last in the transaction that changes what it records: an action whose entry cannot be
written does not happen. On PostgreSQL an advisory lock orders the writers and the head is read after it;
on SQLite the transaction already holds the only write lock.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
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
    """Append one entry and return it.

    `facts` holds codes, counts and digests, never a name, an id of a person or free text; free text goes
    into `texts`, of which the chain keeps a salted commitment. Raises `OutsideTransaction` where the
    caller has no transaction open.
    """
    if not transaction.get_connection().in_atomic_block:
        raise OutsideTransaction("open a transaction around the change and its audit entry")
    salted = {name: (secrets.token_hex(16), text) for name, text in (texts or {}).items() if text}
    _lock()
    seq, head = _head()
    entry = chain.Entry(
        seq=seq + 1,
        at=now,
        action=action.value,
        actor_id=actor.id,
        actor_role=actor.role.value if actor.role else "",
        actor_name=actor.name,
        origin=actor.origin,
        ticket_id=ticket.pk if ticket else None,
        subjects=tuple(subjects),
        facts=dict(facts or {}),
        texts={name: chain.commitment(salt, text) for name, (salt, text) in salted.items()},
        prev_hash=head,
    )
    row = AuditEntry.objects.create(**_columns(entry), hash=chain.entry_hash(entry))
    for name, (salt, text) in salted.items():
        AuditText.objects.create(seq=row.seq, name=name, salt=salt, text=text)
    return row


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
