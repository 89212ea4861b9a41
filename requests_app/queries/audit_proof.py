"""A proof that can be handed out: a ticket's entries, each with its path to the root that a checkpoint was signed over.

It shows that these entries are in the log as it was signed and holds nothing of the others. It does not show that there
are no more about the ticket: for that the whole log is exported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from requests_app.audit import chain, checkpoints, merkle
from requests_app.audit.log import as_entry
from requests_app.models import AuditCheckpoint, AuditEntry, AuditNode, Ticket

FORM = "audit-proof-1"
_BLOCK = 1 << checkpoints.KEPT_LEVEL


class _Nodes:
    """Hashes of complete subtrees: stored ones where they are large, else computed from a block of entries."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._known: dict[tuple[int, int], bytes] = {}

    def __call__(self, level: int, place: int) -> bytes:
        """The hash of the subtree; read or computed once."""
        if (level, place) not in self._known:
            if level < checkpoints.KEPT_LEVEL:
                self._read_block(place >> (checkpoints.KEPT_LEVEL - level))
            else:
                self._known[level, place] = self._stored(level, place)
        return self._known[level, place]

    def _stored(self, level: int, place: int) -> bytes:
        found = AuditNode.objects.filter(level=level, place=place).values_list("hash", flat=True).first()
        if found:
            return bytes.fromhex(found)
        if level == checkpoints.KEPT_LEVEL:
            self._read_block(place)
            return self._known[level, place]
        return merkle.node(self(level - 1, 2 * place), self(level - 1, 2 * place + 1))

    def _read_block(self, block: int) -> None:
        """Compute every complete subtree of some entries that stand together."""
        entries = checkpoints.entries_between(block * _BLOCK, min(self._size, (block + 1) * _BLOCK))
        row = [merkle.leaf(chain.canonical(entry)) for entry, _ in entries]
        for level in range(checkpoints.KEPT_LEVEL + 1):
            first = block << (checkpoints.KEPT_LEVEL - level)
            self._known.update(((level, first + place), found) for place, found in enumerate(row))
            row = [merkle.node(left, right) for left, right in zip(row[::2], row[1::2], strict=False)]


def proof(ticket: Ticket, checkpoint: AuditCheckpoint, *, now: datetime) -> dict[str, object]:
    """The proof as JSON's values, of every entry about the ticket that the checkpoint covers.

    Raises `Broken` where an entry does not lead to the root that was signed.
    """
    nodes = _Nodes(checkpoint.size)
    rows = AuditEntry.objects.filter(ticket_id=ticket.pk, seq__lte=checkpoint.size).order_by("seq")
    return {
        "v": FORM,
        "ticket": ticket.reference,
        "made": chain.timestamp(now),
        "checkpoint": checkpoint.note,
        "entries": [_entry(row, checkpoint, nodes) for row in rows],
    }


def _entry(row: AuditEntry, checkpoint: AuditCheckpoint, nodes: _Nodes) -> Mapping[str, object]:
    data = chain.canonical(as_entry(row))
    path = merkle.inclusion_path(row.seq - 1, checkpoint.size, nodes)
    root = merkle.root_by_path(merkle.leaf(data), row.seq - 1, checkpoint.size, path)
    if root is None or root.hex() != checkpoint.root:
        raise checkpoints.Broken(f"entry {row.seq} does not lead to the signed root: it or one near it was altered")
    return {"entry": data.decode(), "path": [step.hex() for step in path]}


def spelt(found: Mapping[str, object]) -> bytes:
    """The proof as the file that is handed out."""
    return json.dumps(found, ensure_ascii=False, indent=1).encode() + b"\n"
