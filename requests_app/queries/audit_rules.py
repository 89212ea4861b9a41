"""The rules over the stored log: one ticket after the other, so that memory holds the entries of one alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from requests_app.audit.chain import Break
from requests_app.audit.rules import SEEN, Told, broken
from requests_app.models import AuditEntry

_Row = tuple[int | None, int, str, int | None, dict[str, object]]
_BATCH = 2000
# SQLite takes 999 values in a statement.
_TICKETS = 500


def first_broken(after: int = 0) -> Break | None:
    """The first entry behind a number that breaks a rule. What was before it is looked at where a ticket goes on."""
    found = (one for ticket, told in _by_ticket(after) for one in broken(told, ticket) if one.seq > after)
    return min(found, key=lambda one: one.seq, default=None)


def _by_ticket(after: int) -> Iterator[tuple[int, Iterator[Told]]]:
    entries = AuditEntry.objects.filter(action__in=SEEN, ticket_id__isnull=False).order_by("ticket_id", "seq")
    if not after:
        yield from _grouped(entries.values_list("ticket_id", "seq", "action", "actor_id", "facts").iterator(_BATCH))
        return
    fresh = AuditEntry.objects.filter(seq__gt=after, action__in=SEEN, ticket_id__isnull=False)
    tickets = list(set(fresh.values_list("ticket_id", flat=True)))
    for start in range(0, len(tickets), _TICKETS):
        some = entries.filter(ticket_id__in=tickets[start : start + _TICKETS])
        yield from _grouped(some.values_list("ticket_id", "seq", "action", "actor_id", "facts").iterator(_BATCH))


def _grouped(
    rows: Iterator[tuple[int | None, int, str, int | None, dict[str, object]]],
) -> Iterator[tuple[int, Iterator[Told]]]:
    for ticket, group in groupby(rows, key=lambda row: row[0]):
        yield ticket or 0, (Told(*row[1:]) for row in group)
