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
from functools import cached_property

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

    @cached_property
    def spelt(self) -> bytes:
        """The canonical bytes, made once: the chain hashes them and so does the tree."""
        content = {
            "v": VERSION,
            "seq": self.seq,
            "at": timestamp(self.at),
            "action": self.action,
            "actor": {"id": self.actor_id, "role": self.actor_role, "name": self.actor_name},
            "origin": self.origin,
            "ticket": self.ticket_id,
            "subjects": list(self.subjects),
            "facts": _plain(self.facts),
            "texts": self.texts,
            "prev": self.prev_hash,
        }
        text = _spell(content)
        # ASCII is in NFC as it stands; only facts could hold what has no single spelling.
        return (text if text.isascii() else _spell(_plain(content))).encode()


@dataclass(frozen=True)
class Break:
    """The first place where a log does not hold, and why. With `rule` the chain holds, and what it tells may not be."""

    seq: int
    why: str
    rule: bool = False


_spell = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def _plain(value: object) -> object:
    """The value with texts in NFC; refuses what has no single spelling in JSON (fractions, dates)."""
    if isinstance(value, str):
        return value if value.isascii() else unicodedata.normalize("NFC", value)
    if isinstance(value, bool | int) or value is None:
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no canonical form in the audit log")


def timestamp(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def canonical(entry: Entry) -> bytes:
    """The bytes that are hashed."""
    return entry.spelt


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
