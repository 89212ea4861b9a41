"""The free texts beside the chain: sealed under the key of their ticket, and read while that key is there.

The text of a ticket is sealed together with the salt of its commitment, so that nobody can try out guesses once the key
is gone. What belongs to no ticket, or to one whose key was destroyed before, is sealed under FIELD_KEY.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from cryptography.fernet import Fernet, InvalidToken
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from requests_app.models import AuditText, TicketKey
from requests_app.models.sealed import UnreadableSecret, seal, unseal

# Hex digits of a salt.
SALT = 32
_BATCH = 2000


@dataclass(frozen=True)
class Spoken:
    """A text that an entry is about to commit to."""

    seq: int
    name: str
    salt: str
    text: str
    ticket_id: int | None


@dataclass(frozen=True)
class Kept:
    """A stored text. `text` is None where no key opens it, `erased_at` says since when, where that was on purpose."""

    seq: int
    name: str
    salt: str
    text: str | None
    erased_at: datetime | None = None
    ticket_id: int | None = None


def sealed(spoken: Sequence[Spoken]) -> list[AuditText]:
    """The rows that keep these texts, unsaved. Makes a key for a ticket that has none yet."""
    ids = {one.ticket_id for one in spoken if one.ticket_id is not None}
    keys = _keys(ids)
    if ids - keys.keys():
        missing = [TicketKey.fresh(ticket_id) for ticket_id in sorted(ids - keys.keys())]
        TicketKey.objects.bulk_create(missing, ignore_conflicts=True)
        keys = _keys(ids)
    return [_row(one, keys.get(one.ticket_id or 0)) for one in spoken]


def _row(one: Spoken, found: tuple[str | None, datetime | None] | None) -> AuditText:
    if found is None or found[1] is not None:
        return AuditText(seq=one.seq, name=one.name, salt=one.salt, sealed=seal(one.text))
    if found[0] is None:
        raise UnreadableSecret
    token = Fernet(found[0]).encrypt(f"{one.salt}{one.text}".encode()).decode()
    return AuditText(seq=one.seq, name=one.name, salt="", sealed=token, ticket_id=one.ticket_id)


def _keys(ticket_ids: Collection[int]) -> dict[int, tuple[str | None, datetime | None]]:
    """The keys of tickets, None for one that cannot be opened, each with the moment at which it was destroyed."""
    if not ticket_ids:
        return {}
    rows = TicketKey.objects.filter(ticket__in=ticket_ids).annotate(token=Cast("key", TextField()))
    return {
        ticket_id: (_opened(token), destroyed_at)
        for ticket_id, token, destroyed_at in rows.values_list("ticket_id", "token", "destroyed_at")
    }


def _opened(token: str) -> str | None:
    try:
        return unseal(token) if token else None
    except UnreadableSecret:
        return None


def kept(rows: QuerySet[AuditText]) -> Iterator[Kept]:
    """Stored texts in the order of their entries, read in batches; what no key opens comes without its text."""
    values = rows.order_by("seq", "name").values_list("seq", "name", "salt", "sealed", "ticket_id")
    found = values.iterator(chunk_size=_BATCH)
    while batch := list(islice(found, _BATCH)):
        keys = _keys({ticket_id for *_, ticket_id in batch if ticket_id is not None})
        for seq, name, salt, token, ticket_id in batch:
            if ticket_id is None:
                yield Kept(seq, name, salt, _opened(token) if token else "")
            else:
                key, erased_at = keys.get(ticket_id, (None, None))
                yield _read(seq, name, token, ticket_id, key, erased_at)


def _read(seq: int, name: str, token: str, ticket_id: int, key: str | None, erased_at: datetime | None) -> Kept:
    if key is None:
        return Kept(seq, name, "", None, erased_at, ticket_id)
    try:
        clear = Fernet(key).decrypt(token.encode()).decode()
    except (InvalidToken, ValueError):
        return Kept(seq, name, "", None, None, ticket_id)
    return Kept(seq, name, clear[:SALT], clear[SALT:], None, ticket_id)
