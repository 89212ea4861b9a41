"""The only writer of audit entries.

Call `record` last in the transaction that changes what it records: an action whose entry cannot be
written does not happen. On PostgreSQL an advisory lock orders the writers and the head is read after it;
on SQLite the transaction already holds the only write lock.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db import connection, transaction

from requests_app.audit import chain, keys, texts
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.models import Account, AuditEntry, AuditText, Ticket

# Any constant will do: it names "the head of the audit chain" among the database's advisory locks.
CHAIN_LOCK = 0x44535241
_TABLE, _FIELDS = AuditEntry._meta.db_table, AuditEntry._meta.concrete_fields
# Values that PostgreSQL takes in a statement; SQLite takes fewer, and says how many.
_MOST_VALUES = 65_535


class OutsideTransaction(RuntimeError):
    """An entry was about to be written apart from what it records."""


@dataclass(frozen=True)
class Subject:
    """A Stream user id of an app; its entry names it by a pseudonym under the key of the entry's year."""

    app_id: int
    user_id: str


# What an entry is about: a user id, or the pseudonym that is left of an erased one.
Subjects = Iterable[Subject | str]


def subject(app_id: int, user_id: str) -> Subject:
    """Somebody whom an entry is about."""
    return Subject(app_id, user_id)


def subjects_of(accounts: Iterable[Account]) -> tuple[Subject | str, ...]:
    """The accounts of a ticket as an entry's subjects; of an erased user id the pseudonym that stays."""
    return tuple(
        account.subject if account.is_erased else subject(account.stream_app_id, account.user_id)
        for account in accounts
    )


def _named(subjects: Subjects, at: datetime) -> tuple[str, ...]:
    year = keys.year_of(at)
    return tuple(one if isinstance(one, str) else keys.subject(year, one.app_id, one.user_id) for one in subjects)


def _locked_head() -> tuple[int, str]:
    """Take the lock, then read the newest entry: number and hash.

    On PostgreSQL both go in one message as two statements, so that the second sees what was committed before the lock
    was given. Written out, because every append of everybody waits for this.
    """
    head = f'SELECT seq, hash FROM "{_TABLE}" ORDER BY seq DESC LIMIT 1'  # noqa: S608
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"SELECT pg_advisory_xact_lock({CHAIN_LOCK}); {head}")
            cursor.nextset()
        else:
            cursor.execute(head)
        return cursor.fetchone() or (0, chain.GENESIS)


def _insert(rows: Sequence[AuditEntry]) -> None:
    """Store new rows, some in a statement: what `bulk_create` does, for less than half of its time."""
    one = f"({', '.join(['%s'] * len(_FIELDS))})"
    names = ", ".join(f'"{field.column}"' for field in _FIELDS)
    at_once = (connection.features.max_query_params or _MOST_VALUES) // len(_FIELDS)
    with connection.cursor() as cursor:
        for start in range(0, len(rows), at_once):
            some = rows[start : start + at_once]
            values = [
                field.get_db_prep_save(getattr(row, field.attname), connection) for row in some for field in _FIELDS
            ]
            places = ", ".join([one] * len(some))
            cursor.execute(f'INSERT INTO "{_TABLE}" ({names}) VALUES {places}', values)  # noqa: S608
            for row in some:
                row._state.adding, row._state.db = False, connection.alias


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
    subjects: Subjects = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


def record(
    action: AuditAction,
    *,
    actor: Actor,
    now: datetime,
    ticket: Ticket | None = None,
    subjects: Subjects = (),
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
    # Whatever needs no place in the chain is made before the lock: others wait behind it.
    told = [_told(record) for record in records]
    seq, head = _locked_head()
    rows: list[AuditEntry] = []
    words: list[texts.Spoken] = []
    for entry, salted in told:
        seq += 1
        entry = replace(entry, seq=seq, prev_hash=head)
        head = chain.entry_hash(entry)
        rows.append(AuditEntry(**_columns(entry), hash=head))
        words += [texts.Spoken(seq, name, salt, text, entry.ticket_id) for name, (salt, text) in salted.items()]
    _insert(rows)
    if words:
        AuditText.objects.bulk_create(texts.sealed(words))
    return rows


def _told(told: Record) -> tuple[chain.Entry, Mapping[str, tuple[str, str]]]:
    """The entry but for its place in the chain, and its free texts with their salts."""
    salted = {name: (secrets.token_hex(16), text) for name, text in told.texts.items() if text}
    entry = chain.Entry(
        seq=0,
        at=told.now,
        action=told.action.value,
        actor_id=told.actor.id,
        actor_role=told.actor.role.value if told.actor.role else "",
        actor_name=told.actor.name,
        origin=told.actor.origin,
        ticket_id=told.ticket_id,
        subjects=_named(told.subjects, told.now),
        facts=dict(told.facts),
        texts={name: chain.commitment(salt, text) for name, (salt, text) in salted.items()},
        prev_hash="",
    )
    return entry, salted


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
