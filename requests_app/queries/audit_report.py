"""What the audit log holds of a period: counts, where the chain stood at its ends, and what was signed in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min

from requests_app.audit import chain
from requests_app.audit_actions import AuditAction
from requests_app.enums import Role
from requests_app.models import AuditCheckpoint, AuditEntry, AuditWitness
from requests_app.queries.activity import describe, names_of
from requests_app.queries.audit import WORKER, Filters, moments, narrowed

# Attempts that were turned away, and what went wrong, by the entries that tell so.
REFUSED = frozenset({AuditAction.ATTEMPT_REFUSED.value, AuditAction.SIGN_IN_FAILED.value})
FAILED = frozenset(
    {
        AuditAction.TICKET_STOPPED.value,
        AuditAction.MAIL_FAILED.value,
        AuditAction.MAIL_LOST.value,
        AuditAction.DATABASE_RESTORED.value,
    }
)
_BATCH = 2000


@dataclass(frozen=True)
class Line:
    """One row of a table."""

    words: str
    number: int


@dataclass(frozen=True)
class Edge:
    """The chain at one end of a period: how many entries it had, the hash of the last, and who signed for it since.

    `covered` is the size of the first checkpoint over all of them, 0 where there is none yet.
    """

    size: int
    head: str
    covered: int
    signed_at: datetime | None


@dataclass(frozen=True)
class PeriodReport:
    """The entries of a period that fit some filters. What is said of the chain is said of all entries of the period."""

    entries: int
    tickets: int
    refused: int
    failed: int
    actions: tuple[Line, ...]
    actors: tuple[Line, ...]
    begin: Edge | None
    end: Edge | None
    checkpoints: int
    # Who holds every checkpoint of the period, outside the database.
    witnesses: tuple[str, ...]


def report(filters: Filters) -> PeriodReport:
    """Count a period, in as many queries however long it is. Its time grows with the entries of the period."""
    entries = narrowed(filters)
    by_action = dict(entries.values_list("action").annotate(number=Count("seq")))
    whole = narrowed(Filters(since=filters.since, until=filters.until))
    # Counted, too: for the ends alone a database would go through the numbers until the period begins.
    ends = whole.aggregate(first=Min("seq"), last=Max("seq"), number=Count("seq"))
    since, until = moments(filters)
    points = AuditCheckpoint.objects.all()
    points = points.filter(made_at__gte=since) if since else points
    points = points.filter(made_at__lt=until) if until else points
    made = points.aggregate(number=Count("size"), newest=Max("size"))
    holders = AuditWitness.objects.filter(size__gte=made["newest"] or 0, size__gt=0).order_by("name")
    return PeriodReport(
        entries=sum(by_action.values()),
        tickets=entries.aggregate(number=Count("ticket_id", distinct=True))["number"],
        refused=sum(number for action, number in by_action.items() if action in REFUSED),
        failed=sum(number for action, number in by_action.items() if action in FAILED),
        actions=_sorted((_label(action), number) for action, number in by_action.items()),
        actors=_actors(filters),
        begin=_edge(ends["first"] - 1) if ends["number"] else None,
        end=_edge(ends["last"]) if ends["number"] else None,
        checkpoints=made["number"],
        witnesses=tuple(holders.values_list("name", flat=True)) if made["number"] else (),
    )


def _sorted(found: Iterator[tuple[str, int]]) -> tuple[Line, ...]:
    return tuple(Line(words, number) for words, number in sorted(found, key=lambda pair: (-pair[1], pair[0])))


def _label(action: str) -> str:
    return dict(AuditAction.choices()).get(action, action)


def _actors(filters: Filters) -> tuple[Line, ...]:
    counted = list(narrowed(filters).values_list("actor_id", "actor_role").annotate(number=Count("seq")))
    names = names_of(actor_id for actor_id, _, _ in counted if actor_id)
    numbers: dict[str, int] = {}
    for actor_id, role, number in counted:
        name = _who(actor_id, role, names)
        numbers[name] = numbers.get(name, 0) + number
    return _sorted(iter(numbers.items()))


def who_of(filters: Filters) -> str:
    """Whose entries alone are wanted; an empty text for everybody's."""
    if filters.actor is None:
        return ""
    role = Role.WORKER.value if filters.actor == WORKER else ""
    return _who(filters.actor, role, names_of([filters.actor]))


def _who(actor_id: int | None, role: str, names: dict[int, str]) -> str:
    if role == Role.WORKER.value:
        return "Portal worker"
    return names.get(actor_id or 0, f"#{actor_id}" if actor_id else "Somebody")


def _edge(size: int) -> Edge:
    head = AuditEntry.objects.filter(seq=size).values_list("hash", flat=True).first() or ""
    point = AuditCheckpoint.objects.filter(size__gte=size).order_by("size").first()
    return Edge(size, head, point.size if point else 0, point.made_at if point else None)


def rows(filters: Filters) -> Iterator[tuple[str, ...]]:
    """The entries of a period as cells of text, oldest first, read in batches. Free texts are in none of them."""
    yield ("Number", "Time (UTC)", "Who", "Role", "Action", "What", "Ticket", "Hash", "Hash before")
    entries = narrowed(filters).order_by("seq" if filters.ticket else "at", "seq").iterator(chunk_size=_BATCH)
    names: dict[int, str] = {}
    for entry in entries:
        if entry.actor_id and entry.actor_id not in names:
            names |= {entry.actor_id: f"#{entry.actor_id}"} | names_of([entry.actor_id])
        yield (
            str(entry.seq),
            chain.timestamp(entry.at),
            _who(entry.actor_id, entry.actor_role, names),
            entry.actor_role,
            entry.action,
            describe(entry),
            entry.ticket_reference,
            entry.hash,
            entry.prev_hash,
        )
