"""The audit log as people read it: filters, pages, and the check of the chain."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import reduce
from itertools import islice
from operator import or_

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from requests_app.audit.actor import Actor
from requests_app.audit.chain import Entry
from requests_app.audit.log import as_entry
from requests_app.audit.texts import kept
from requests_app.audit.verify import Report, altered_texts, verify
from requests_app.audit_actions import AuditAction
from requests_app.enums import Role
from requests_app.models import AuditEntry, AuditText, TicketKey
from requests_app.models.ticket import REFERENCE
from requests_app.queries.activity import MASKED, describe, legible, names_of
from requests_app.queries.search import pseudonyms
from requests_app.workflow import permissions

PAGE = 50
# Of one person, the newest of these are shown at once: what was typed must not travel along with pages.
PERSON = 200
# Who, where it is not a person.
WORKER = 0
ERASED = "[erased]"
_BATCH = 2000
_NOTHING = Q(pk__in=[])


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
    """The entries that fit, in no order: `page_of` knows which one an index has.

    Clocks of workers differ and a transaction may wait for its turn, so times do not follow the numbers exactly: days
    are compared with the times themselves, along indexes that end in them.
    """
    if filters.ticket:
        return _of_ticket(AuditEntry.objects.all(), filters)
    return _within(_who_and_what(filters), filters)


def _within(entries: QuerySet[AuditEntry], filters: Filters) -> QuerySet[AuditEntry]:
    first, end = moments(filters)
    entries = entries.filter(at__gte=first) if first else entries
    return entries.filter(at__lt=end) if end else entries


def moments(filters: Filters) -> tuple[datetime | None, datetime | None]:
    """When the days begin, and when they are over."""
    first = _midnight(filters.since) if filters.since else None
    return first, _midnight(filters.until + timedelta(days=1)) if filters.until else None


def _who_and_what(filters: Filters) -> QuerySet[AuditEntry]:
    entries = AuditEntry.objects.all()
    if filters.actor == WORKER:
        # That it has no id is what leads to the index.
        entries = entries.filter(actor_id__isnull=True, actor_role=Role.WORKER.value)
    elif filters.actor is not None:
        entries = entries.filter(actor_id=filters.actor)
    if filters.action:
        entries = entries.filter(action=filters.action)
    return entries


def _of_ticket(entries: QuerySet[AuditEntry], filters: Filters) -> QuerySet[AuditEntry]:
    """The few entries of a ticket, each looked at.

    Without statistics SQLite takes the index with the most equal columns, and goes through a year of one person's work
    for a handful: so all but the ticket is written as something that no index knows.
    """
    match = REFERENCE.fullmatch(filters.ticket)
    if not match:
        return entries.none()
    plain = _within(entries.filter(ticket_id=int(match[1])), filters).alias(
        actor_told=F("actor_id") + 0,
        role_told=Concat("actor_role", Value("")),
        action_told=Concat("action", Value("")),
    )
    told: dict[str, object] = {"action_told": filters.action} if filters.action else {}
    if filters.actor == WORKER:
        told["role_told"] = Role.WORKER.value
    elif filters.actor is not None:
        told["actor_told"] = filters.actor
    return plain.filter(**told)


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def about(user_id: str) -> tuple[QuerySet[AuditEntry], list[str]]:
    """The entries about a Stream user id of any app, newest first, under every key that is left; and those names."""
    names = pseudonyms(user_id)
    entries = AuditEntry.objects.order_by("-seq")
    if connection.vendor == "postgresql":
        # By the index that a migration makes there; SQLite has none for it and reads the log through.
        return entries.filter(reduce(or_, (Q(subjects__contains=[name]) for name in names), _NOTHING)), names
    hit = reduce(or_, (Q(spelt__contains=name) for name in names), _NOTHING)
    return entries.annotate(spelt=Cast("subjects", TextField())).filter(hit), names


def page_of(
    filters: Filters,
    actor: Actor,
    *,
    before: int | None = None,
    after: int | None = None,
    opened: Collection[int] = (),
) -> Page:
    """The newest page of entries that fit, or the one just before or after an entry, named by its sequence number.

    Newest by their time and then their number, of a ticket by their number alone: each as an index has them.
    Free text is clear for those who see personal data, and in the entries of the tickets that are `opened` for one.
    """
    with _fewest_entries_first():
        return _page_of(filters, actor, before, after, opened)


@contextmanager
def _fewest_entries_first() -> Iterator[None]:
    """Let PostgreSQL take the plan that looks at the fewest entries.

    It would rather go through neighbouring entries in the hope that enough of them fit soon, which reads all of the
    log where none does: a person who never did that, or not in these years.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL random_page_cost = 0; SET LOCAL seq_page_cost = 0")
        yield


def _page_of(filters: Filters, actor: Actor, before: int | None, after: int | None, opened: Collection[int]) -> Page:
    order = ("-seq",) if filters.ticket else ("-at", "-seq")
    if after is not None:
        rows = list(_beyond(filters, after, newer=True).order_by(*(key[1:] for key in order))[: PAGE + 1])
        if len(rows) > PAGE:
            return Page(_lines(rows[PAGE - 1 :: -1], actor, opened), newer=True, older=True)
        # What is newer does not fill a page: then it is the newest page that is wanted.
        before = None
    entries = narrowed(filters) if before is None else _beyond(filters, before, newer=False)
    rows = list(entries.order_by(*order)[: PAGE + 1])
    return Page(_lines(rows[:PAGE], actor, opened), newer=before is not None, older=len(rows) > PAGE)


def _beyond(filters: Filters, seq: int, *, newer: bool) -> QuerySet[AuditEntry]:
    """Those that fit on one side of an entry, in the order of the page."""
    if filters.ticket:
        return narrowed(filters).filter(seq__gt=seq) if newer else narrowed(filters).filter(seq__lt=seq)
    # A number that the log does not have yet stands for its end.
    numbers = AuditEntry.objects.filter(seq__lte=seq).order_by("-seq").values_list("seq", "at")
    edge, at = numbers.first() or (0, None)
    if at is None or edge < seq:
        return narrowed(filters) if newer is (at is None) else AuditEntry.objects.none()
    first, end = moments(filters)
    # One bound on the time at either end, which leads to the place in the index; then those of the very moment.
    if newer:
        found = _who_and_what(filters).filter(at__gte=max(at, first) if first else at)
        found = found.filter(at__lt=end) if end else found
        return found.exclude(at=at, seq__lte=seq)
    found = _who_and_what(filters).filter(at__gte=first) if first else _who_and_what(filters)
    found = found.filter(at__lt=end) if end and end <= at else found.filter(at__lte=at)
    return found.exclude(at=at, seq__gte=seq)


def newest(entries: QuerySet[AuditEntry], actor: Actor, number: int, *, opened: Collection[int]) -> list[Line]:
    """The newest of some entries, no more than that."""
    return _lines(list(entries[:number]), actor, opened)


def _lines(rows: list[AuditEntry], actor: Actor, opened: Collection[int]) -> list[Line]:
    sees = permissions.sees_personal_data(actor.role)
    words = _words(rows, clear={row.seq for row in rows if sees or row.ticket_id in opened})
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


def _words(rows: list[AuditEntry], *, clear: Collection[int]) -> dict[int, str]:
    """What to show of the free texts of each entry: themselves, or that they are masked, erased or unreadable."""
    committed = {row.seq: sorted(row.texts) for row in rows if row.texts}
    wanted = committed.keys() & clear
    if not wanted:
        return dict.fromkeys(committed, MASKED)
    stored = {(one.seq, one.name): legible(one) for one in kept(AuditText.objects.filter(seq__in=wanted))}
    return {
        seq: " · ".join(stored.get((seq, name), ERASED) for name in names) if seq in wanted else MASKED
        for seq, names in committed.items()
    }


def stored_entries(after: int = 0) -> Iterator[tuple[Entry, str]]:
    """The log in its order from behind a sequence number, read in batches."""
    for row in AuditEntry.objects.filter(seq__gt=after).order_by("seq").iterator(chunk_size=_BATCH):
        yield as_entry(row), row.hash


def stored_texts(after: int = 0) -> Iterator[tuple[int, str, str, str | None, str | None]]:
    """Every text beside the chain that was not erased lawfully, with the commitment of its entry."""
    texts = kept(AuditText.objects.filter(seq__gt=after))
    while batch := list(islice(texts, _BATCH)):
        entries = AuditEntry.objects.filter(seq__in={one.seq for one in batch}).values_list("seq", "texts")
        committed = dict(entries)
        told = _told_erased({one.ticket_id for one in batch if one.erased_at})
        for one in batch:
            if not (one.erased_at and one.ticket_id in told):
                yield one.seq, one.name, one.salt, one.text, committed.get(one.seq, {}).get(one.name)


def _told_erased(ticket_ids: Collection[int | None]) -> set[int | None]:
    """Those of these tickets whose entries say that their key was destroyed."""
    told = AuditEntry.objects.filter(ticket_id__in=ticket_ids, action=AuditAction.TICKET_ERASED.value)
    return {ticket_id for ticket_id, facts in told.values_list("ticket_id", "facts") if facts.get("key_destroyed")}


def erased_lawfully() -> int:
    """How many texts beside the chain went with the key of their ticket, as an entry tells."""
    destroyed = TicketKey.objects.filter(destroyed_at__isnull=False).values_list("ticket_id", flat=True)
    return AuditText.objects.filter(ticket_id__in=_told_erased(set(destroyed))).count()


def check_chain() -> Report:
    """Check every entry against the one before it and every text that still exists; no checkpoint is looked at."""
    report = verify(stored_entries())
    altered = next(altered_texts(stored_texts()), None) if report.intact else None
    return replace(report, first_break=altered) if altered else report
