"""Checking the stored log against itself and against every checkpoint there is, from where the last check ended.

What was checked is noted in a file outside the database: whoever changes the log cannot change that, too.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from requests_app.atomic_files import replace_text
from requests_app.audit import chain, checkpoints, merkle, signing
from requests_app.audit.chain import Break, Entry
from requests_app.audit.note import Checkpoint, Malformed, Note, Verifier
from requests_app.audit.verify import Report, altered_texts, verify
from requests_app.audit_actions import AuditAction
from requests_app.models import AuditCheckpoint, AuditEntry
from requests_app.queries import audit_rules
from requests_app.queries.audit import stored_texts


@dataclass(frozen=True)
class Checked:
    """How far the log is known to be good: a checkpoint's size, its last entry's hash and its tree."""

    size: int
    head: str
    frontier: tuple[str, ...]


NOTHING = Checked(0, chain.GENESIS, ())


@dataclass(frozen=True)
class Verdict:
    """What a check found. `roots` checkpoints fit, `good` is the size of the largest of them."""

    report: Report
    roots: int
    good: int


class _Differs(Exception):
    """A root is not the one that was signed."""

    def __init__(self, found: Break) -> None:
        super().__init__(found.why)
        self.found = found


def remembered() -> Checked:
    """What the last check noted in AUDIT_VERIFIED_FILE; nothing where there is no such file, or none to be read."""
    if not settings.AUDIT_VERIFIED_FILE:
        return NOTHING
    try:
        kept = json.loads(Path(settings.AUDIT_VERIFIED_FILE).read_text())
        found = Checked(int(kept["size"]), str(kept["head"]), tuple(kept["frontier"]))
        merkle.Frontier.stored(found.size, found.frontier)
    except (OSError, ValueError, KeyError, TypeError):
        return NOTHING
    return found


def remembered_at() -> datetime | None:
    """When a check from the beginning, or from where the last one ended, was last found good."""
    if not settings.AUDIT_VERIFIED_FILE:
        return None
    try:
        return datetime.fromtimestamp(Path(settings.AUDIT_VERIFIED_FILE).stat().st_mtime, UTC)
    except OSError:
        return None


def remember(checked: Checked) -> None:
    """Note it for the next check; the file is replaced as a whole. Raises `OSError`."""
    if not settings.AUDIT_VERIFIED_FILE or not checked.size:
        return
    file = Path(settings.AUDIT_VERIFIED_FILE)
    known = {"size": checked.size, "head": checked.head, "frontier": list(checked.frontier)}
    replace_text(file, json.dumps(known))


def listed_keys() -> list[Verifier]:
    """The keys that sign now, and those that the log says signed before."""
    found = {str(key): key for key in signing.verifiers()}
    entries = AuditEntry.objects.filter(action=AuditAction.AUDIT_KEYS_LISTED.value)
    for facts in entries.values_list("facts", flat=True):
        for text in facts.get("keys", []):
            found.setdefault(str(text), Verifier.parse(str(text)))
    return list(found.values())


class _Points:
    """The checkpoints that the tree is compared with on its way, by their size."""

    def __init__(self, after: int, notes: Sequence[str]) -> None:
        self.good = after
        self.roots = 0
        self.checked: Checked | None = None
        self._keys = listed_keys()
        self._at: dict[int, list[tuple[str, str]]] = defaultdict(list)
        stored = AuditCheckpoint.objects.filter(size__gt=after).order_by("size")
        for size, root, note in stored.values_list("size", "root", "note"):
            point = self._opened(note, "stored", size)
            if (point.size, point.root.hex()) != (size, root):
                raise _Differs(Break(size, f"the stored checkpoint of {size:,} entries was altered"))
            self._at[size].append((root, "stored"))
        for note in notes:
            point = self._opened(note, "kept", 0)
            self._at[point.size].append((point.root.hex(), "kept"))

    def _opened(self, note: str, where: str, size: int) -> Checkpoint:
        try:
            signed = Note.parse(note)
            point = Checkpoint.parse(signed.text)
            if not signed.signed_by(self._keys):
                why = f"the {where} checkpoint of {point.size:,} entries is not signed by a key of this log"
                raise _Differs(Break(point.size, why))
        except Malformed as error:
            raise _Differs(Break(size, f"a {where} checkpoint was altered: {error}")) from None
        return point

    def compare(self, tree: merkle.Frontier, head: str) -> None:
        """Compare the tree with each checkpoint of its size; raises `_Differs`."""
        for root, where in self._at.pop(tree.size, ()):
            if root != tree.root().hex():
                why = (
                    f"the entries up to {tree.size:,} are not those that were signed ({where} checkpoint); "
                    f"entries up to {self.good:,} are"
                )
                raise _Differs(Break(self.good + 1, why))
            self.roots += 1
            self.good = tree.size
            self.checked = Checked(tree.size, head, tuple(tree.hashes()))

    def beyond(self, count: int) -> Break | None:
        """A checkpoint over more entries than there are."""
        size = max(self._at, default=0)
        if size <= count:
            return None
        return Break(count + 1, f"entries were removed at the end: {size:,} were signed and {count:,} are there")


def check_log(
    start: Checked = NOTHING,
    *,
    notes: Sequence[str] = (),
    expected: tuple[int, str] | None = None,
    progress: Callable[[int], None] | None = None,
    limit: int | None = None,
    noted: bool = True,
) -> Verdict:
    """Check the entries behind `start`, their texts, every checkpoint over more than that, and the rules.

    A good end is remembered.
    `notes` are checkpoints that were kept outside; none may be over less than `start`. `expected` is an older head.
    With `limit` no more entries than that are looked at; where not `noted` nothing is remembered.
    """
    tree, head = merkle.Frontier.stored(start.size, start.frontier), start.head
    begun = (start.size, start.head)
    try:
        points = _Points(start.size, notes)
        if start.size and not AuditEntry.objects.filter(seq=start.size, hash=start.head).exists():
            raise _Differs(Break(start.size, f"entry {start.size:,} is not the one that was checked last time"))
        entries = checkpoints.entries_between(tree.size, tree.size + limit if limit else None)
        report = verify(_compared(entries, tree, head, points), start=begun, expected=expected, progress=progress)
    except _Differs as differs:
        return Verdict(Report(tree.size, "", differs.found, start.size), 0, start.size)
    if report.intact:
        report = replace(report, first_break=points.beyond(_newest_number()))
    if report.intact:
        report = replace(report, first_break=next(altered_texts(stored_texts(start.size)), None))
    if report.intact:
        report = replace(report, first_break=audit_rules.first_broken(start.size))
    if report.intact and points.checked and noted:
        remember(points.checked)
    return Verdict(report, points.roots, points.good)


def _newest_number() -> int:
    return AuditEntry.objects.order_by("-seq").values_list("seq", flat=True).first() or 0


def check_newest(limit: int) -> Verdict:
    """Check as many of the newest entries, all of them where there are no more.

    It begins at a stored checkpoint whose tree is the one that was signed; the entries before it are not looked at.
    """
    try:
        start = _signed_start(limit)
    except _Differs as differs:
        return Verdict(Report(0, "", differs.found), 0, 0)
    return check_log(start, limit=limit, noted=start == NOTHING)


def _signed_start(limit: int) -> Checked:
    count = _newest_number()
    if count <= limit:
        return NOTHING
    near = AuditCheckpoint.objects.filter(size__gte=count - limit, size__lt=count).order_by("size").first()
    point = near or checkpoints.newest()
    if point is None:
        return NOTHING
    try:
        signed = Note.parse(point.note)
        told = Checkpoint.parse(signed.text)
        tree = merkle.Frontier.stored(point.size, point.frontier)
    except (Malformed, ValueError):
        raise _Differs(Break(point.size, f"the stored checkpoint of {point.size:,} entries was altered")) from None
    if (told.size, told.root) != (tree.size, tree.root()) or not signed.signed_by(listed_keys()):
        raise _Differs(Break(point.size, f"the stored checkpoint of {point.size:,} entries was altered"))
    return Checked(point.size, point.head, tuple(point.frontier))


def _compared(
    entries: Iterable[tuple[Entry, str]], tree: merkle.Frontier, head: str, points: _Points
) -> Iterator[tuple[Entry, str]]:
    """The entries behind the tree, which grows with each and is compared before the next one."""
    for entry, stored in checkpoints.growing(entries, tree):
        points.compare(tree, head)
        yield entry, stored
        head = stored
    points.compare(tree, head)
