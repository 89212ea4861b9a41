"""The audit log as a file that can be checked without the portal (`deploy/audit_verifier.py` tells its form).

A line for each entry holds the very bytes that are hashed; texts and checkpoints stand behind the entry they belong to.
An export of a later part begins with the frontier of the tree before it, so that roots can be computed there, too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Count, Max, Min

from requests_app.audit import chain, checkpoints, signing
from requests_app.models import AuditCheckpoint, AuditEntry
from requests_app.queries.audit import stored_texts

FORM = "audit-export-1"


@dataclass(frozen=True)
class Span:
    """Entries behind `after` up to `last`, of a log of `size` entries."""

    after: int
    last: int
    size: int


def span(*, since: datetime | None = None, until: datetime | None = None) -> Span:
    """Every entry of a period without a gap, or the whole log. Times are moments; `until` is not part of it.

    Entries of other times stand between where workers' clocks differed: numbers are what has no gap.
    """
    size = AuditEntry.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
    found = AuditEntry.objects.all()
    if since:
        found = found.filter(at__gte=since)
    if until:
        found = found.filter(at__lt=until)
    if not since and not until:
        return Span(0, size, size)
    # Counted, too: for the ends alone a database would go through the numbers until the period begins.
    ends = found.aggregate(first=Min("seq"), last=Max("seq"), number=Count("seq"))
    return Span(ends["first"] - 1, ends["last"], size) if ends["number"] else Span(size, size, size)


def signed(found: Span) -> Span:
    """The same up to the next checkpoint, so that a signature covers each entry of it; as it is where there is none."""
    if found.after == found.last:
        return found
    sizes = AuditCheckpoint.objects.filter(size__gte=found.last, size__lte=found.size).order_by("size")
    return replace(found, last=sizes.values_list("size", flat=True).first() or found.last)


def _spelt(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def lines(wanted: Span, *, now: datetime, texts: bool = False) -> Iterator[bytes]:
    """The export line by line. With `texts` the free texts that still exist, in the clear: personal data."""
    tree, head = checkpoints.tree_at(wanted.after)
    start = {"size": wanted.after, "head": head, "frontier": tree.hashes()}
    rest = hashlib.sha256()

    def beside(value: object) -> bytes:
        line = _spelt(value)
        rest.update(line)
        return line

    opening = {"v": FORM, "origin": signing.origin(), "after": start, "last": wanted.last, "log": wanted.size}
    points = AuditCheckpoint.objects.filter(size__gte=max(1, wanted.after), size__lte=wanted.last).order_by("size")
    yield beside({"export": opening | {"checkpoints": points.count(), "made": chain.timestamp(now)}})
    words = stored_texts(wanted.after) if texts else iter(())
    notes = points.values_list("size", "note").iterator()
    word, note = next(words, None), next(notes, None)
    if note and note[0] == wanted.after:
        yield beside({"checkpoint": note[1]})
        note = next(notes, None)
    for entry, stored in checkpoints.entries_between(wanted.after, wanted.last):
        yield b'{"hash":"%b","entry":%b}\n' % (stored.encode(), chain.canonical(entry))
        head = stored
        while word and word[0] <= entry.seq:
            seq, name, salt, text, _ = word
            if text is not None:
                yield beside({"text": {"seq": seq, "name": name, "salt": salt, "text": text}})
            word = next(words, None)
        if note and note[0] == entry.seq:
            yield beside({"checkpoint": note[1]})
            note = next(notes, None)
    yield _spelt({"end": {"head": head, "rest": rest.hexdigest(), "size": wanted.last}})
