"""The audit chain: canonical bytes of an entry, its hash, and the check of a run of entries.

Form `audit-v1`: JSON with sorted keys, no blanks, UTF-8, integers and texts only; times are RFC 3339 in
UTC with microseconds; the hash is SHA-256 over the bytes, which hold the previous entry's hash.
Free text is not in the chain: an entry holds the commitment SHA-256("d1" || salt || text), so that text
and salt can be erased (Art. 17 GDPR) and the chain still checks. Imports no Django.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

VERSION = "audit-v1"
GENESIS = "0" * 64


@dataclass(frozen=True, kw_only=True)
class Entry:
    """The hashed content of one entry."""

    seq: int
    at: datetime
    action: str
    actor_id: int | None
    actor_role: str
    actor_name: str
    origin: str
    ticket_id: int | None
    subjects: tuple[str, ...]
    facts: Mapping[str, object]
    texts: Mapping[str, str]
    prev_hash: str


@dataclass(frozen=True)
class Break:
    """The first place where a chain does not hold, and why."""

    seq: int
    why: str


def _plain(value: object) -> object:
    """The value with texts in NFC; refuses what has no single spelling in JSON (fractions, dates)."""
    if isinstance(value, bool | int) or value is None:
        return value
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical form in the audit log")


def timestamp(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def canonical(entry: Entry) -> bytes:
    """The bytes that are hashed."""
    content = {
        "v": VERSION,
        "seq": entry.seq,
        "at": timestamp(entry.at),
        "action": entry.action,
        "actor": {"id": entry.actor_id, "role": entry.actor_role, "name": entry.actor_name},
        "origin": entry.origin,
        "ticket": entry.ticket_id,
        "subjects": list(entry.subjects),
        "facts": entry.facts,
        "texts": entry.texts,
        "prev": entry.prev_hash,
    }
    return json.dumps(_plain(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def entry_hash(entry: Entry) -> str:
    """SHA-256 over the canonical bytes, lower-case hex."""
    return hashlib.sha256(canonical(entry)).hexdigest()


def commitment(salt: str, text: str) -> str:
    """What an entry says of a free text without holding it."""
    return hashlib.sha256(b"d1" + bytes.fromhex(salt) + unicodedata.normalize("NFC", text).encode()).hexdigest()


def pseudonym(key: bytes, app_id: int, user_id: str) -> str:
    """A Stream user id as a keyed pseudonym: HMAC-SHA-256 over app and id, first 32 hex digits.

    Never a plain hash: user ids can be guessed and counted through (EDPB Guidelines 01/2025).
    """
    return hmac.new(key, f"{app_id}\0{user_id}".encode(), hashlib.sha256).hexdigest()[:32]


def breaks(entries: Iterable[tuple[Entry, str]], *, seq: int = 0, head: str = GENESIS) -> Iterator[Break]:
    """Walk entries in their order with their stored hashes; yield what does not hold, and stop there.

    `seq` and `head` are those of the last entry that is known to be good.
    """
    for entry, stored in entries:
        if entry.seq != seq + 1:
            yield Break(
                seq + 1, f"entry {seq + 1} is missing" if entry.seq > seq else f"entry {entry.seq} stands twice"
            )
            return
        if entry.prev_hash != head:
            yield Break(entry.seq, f"entry {entry.seq} does not follow the entry before it")
            return
        if entry_hash(entry) != stored:
            yield Break(entry.seq, f"entry {entry.seq} was altered")
            return
        seq, head = entry.seq, stored
