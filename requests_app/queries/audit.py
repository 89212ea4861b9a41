"""The audit log as people read it: filters, pages, and the check of the chain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import islice

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from django.utils import timezone

from requests_app.audit.actor import Actor
from requests_app.audit.chain import GENESIS, Entry
from requests_app.audit.log import as_entry
from requests_app.audit.verify import Report, altered_texts, verify
from requests_app.enums import AuditAction, Role
from requests_app.models import AuditEntry, AuditText
from requests_app.models.sealed import UnreadableSecret, unseal
from requests_app.models.ticket import REFERENCE
from requests_app.queries.activity import describe, names_of
from requests_app.workflow import permissions

PAGE = 50
# Who, where it is not a person.
WORKER = 0
MASKED = "Free text, masked for your role"
ERASED = "[erased]"
UNREADABLE = "[cannot be read: its key is missing]"
_BATCH = 2000


@dataclass(frozen=True)
class Filters:
    """What the log is narrowed to; all of it fits into a URL, none of it names a data subject."""

    since: date | None = None
    until: date | None = None
    actor: int | None = None
    action: str = ""
    ticket: str = ""

    @property
    def any(self) -> bool:
        """Whether anything is narrowed at all."""
        return self != Filters()


@dataclass(frozen=True)
class Line:
    """One entry. `words` are its free texts, or what became of them."""

    seq: int
    at: datetime
    who: str
    worker: bool
    what: str
    words: str
    reference: str
    origin: str
    hash: str


@dataclass(frozen=True)
class Page:
    """Some entries, newest first, and whether there are more on either side."""

    lines: list[Line]
    newer: bool
    older: bool


def narrowed(filters: Filters) -> QuerySet[AuditEntry]:
    """The entries that fit, newest first."""
    entries = AuditEntry.objects.order_by("-seq")
    if filters.since:
        entries = entries.filter(at__gte=_midnight(filters.since))
    if filters.until:
        entries = entries.filter(at__lt=_midnight(filters.until + timedelta(days=1)))
    if filters.actor == WORKER:
        entries = entries.filter(actor_role=Role.WORKER.value)
    elif filters.actor is not None:
        entries = entries.filter(actor_id=filters.actor)
    if filters.action:
        entries = entries.filter(action=filters.action)
    if filters.ticket:
        match = REFERENCE.fullmatch(filters.ticket)
        entries = entries.filter(ticket_id=int(match[1])) if match else entries.none()
    return entries


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def page_of(
    entries: QuerySet[AuditEntry], actor: Actor, *, before: int | None = None, after: int | None = None
) -> Page:
    """The newest page of entries, or the one just before or after a sequence number."""
    if after is not None:
        rows = list(entries.filter(seq__gt=after).order_by("seq")[: PAGE + 1])
        if len(rows) > PAGE:
            return Page(_lines(rows[PAGE - 1 :: -1], actor), newer=True, older=True)
        # What is newer does not fill a page: then it is the newest page that is wanted.
        before = None
    if before is not None:
        entries = entries.filter(seq__lt=before)
    rows = list(entries[: PAGE + 1])
    return Page(_lines(rows[:PAGE], actor), newer=before is not None, older=len(rows) > PAGE)


def _lines(rows: list[AuditEntry], actor: Actor) -> list[Line]:
    words = _words(rows, clear=permissions.sees_personal_data(actor.role))
    people = names_of({row.actor_id for row in rows if row.actor_id})
    return [
        Line(
            seq=row.seq,
            at=row.at,
            who=people.get(row.actor_id or 0, row.actor_name) or "Somebody",
            worker=row.actor_role == Role.WORKER,
            what=describe(row),
            words=words.get(row.seq, ""),
            reference=row.ticket_reference,
            origin=row.origin,
            hash=row.hash,
        )
        for row in rows
    ]


def _words(rows: list[AuditEntry], *, clear: bool) -> dict[int, str]:
    """What to show of the free texts of each entry: themselves, or that they are masked, erased or unreadable."""
    committed = {row.seq: sorted(row.texts) for row in rows if row.texts}
    if not clear:
        return dict.fromkeys(committed, MASKED)
    stored = {(seq, name): text for seq, name, _, text in _raw_texts(AuditText.objects.filter(seq__in=committed))}
    return {
        seq: " · ".join(_shown(stored[seq, name]) if (seq, name) in stored else ERASED for name in names)
        for seq, names in committed.items()
    }


def _shown(text: str | None) -> str:
    return UNREADABLE if text is None else text


def _raw_texts(texts: QuerySet[AuditText]) -> Iterator[tuple[int, str, str, str | None]]:
    """Sequence, name, salt and clear text; None for a text that no key opens, instead of failing at it."""
    sealed = texts.annotate(sealed=Cast("text", TextField())).order_by("seq", "name")
    for seq, name, salt, token in sealed.values_list("seq", "name", "salt", "sealed").iterator(chunk_size=_BATCH):
        try:
            yield seq, name, salt, unseal(token) if token else ""
        except UnreadableSecret:
            yield seq, name, salt, None


@dataclass(frozen=True)
class Check:
    """A check of the chain that somebody ran."""

    at: datetime
    intact: bool


def last_check() -> Check | None:
    """The latest check that people ran on the page."""
    entry = AuditEntry.objects.filter(action=AuditAction.AUDIT_CHECKED.value).order_by("-seq").first()
    return Check(entry.at, bool(entry.facts.get("intact"))) if entry else None


def stored_entries(after: int = 0) -> Iterator[tuple[Entry, str]]:
    """The log in its order from behind a sequence number, read in batches."""
    for row in AuditEntry.objects.filter(seq__gt=after).order_by("seq").iterator(chunk_size=_BATCH):
        yield as_entry(row), row.hash


def stored_texts(after: int = 0) -> Iterator[tuple[int, str, str, str | None, str | None]]:
    """Every text beside the chain with the commitment of its entry."""
    texts = _raw_texts(AuditText.objects.filter(seq__gt=after))
    while batch := list(islice(texts, _BATCH)):
        entries = AuditEntry.objects.filter(seq__in={seq for seq, *_ in batch}).values_list("seq", "texts")
        committed = dict(entries)
        for seq, name, salt, text in batch:
            yield seq, name, salt, text, committed.get(seq, {}).get(name)


def check_chain(
    *,
    newest: int | None = None,
    expected: tuple[int, str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Check every entry and every text that still exists; with `newest` no more entries than that, from the end.

    `expected` is a head that was noted before, `progress` is told the sequence number now and then.
    """
    start = _start(newest)
    report = verify(stored_entries(start[0]), start=start, expected=expected, progress=progress)
    if report.first_break is None:
        altered = next(altered_texts(stored_texts(start[0])), None)
        if altered:
            return replace(report, first_break=altered)
    return report


def _start(newest: int | None) -> tuple[int, str]:
    """Sequence and hash of the entry that the check begins behind."""
    if newest is not None:
        last = AuditEntry.objects.order_by("-seq").values_list("seq", "hash")
        found = next(iter(last[newest : newest + 1]), None)
        if found:
            return found
    return 0, GENESIS
