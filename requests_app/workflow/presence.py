"""Who else has the page of a ticket open: kept for seconds, told to whoever may see the ticket."""

from __future__ import annotations

from datetime import datetime, timedelta

from requests_app.audit.actor import Actor
from requests_app.models import Presence, Ticket

# An open page asks every two seconds; whoever was not heard of for so long has left, or looks at another tab.
GONE = timedelta(seconds=8)
# So often a row is written at most, however often the page asks.
WRITE_EVERY = timedelta(seconds=3)


def others(ticket: Ticket, *, actor: Actor, now: datetime) -> tuple[str, ...]:
    """The names of those who are on the page, too; and this person is there now. One query, now and then two."""
    rows = Presence.objects.filter(ticket=ticket, seen_at__gt=now - GONE).select_related("person").order_by("person")
    present = {row.person_id: row for row in rows}
    own = present.pop(actor.person_id, None)
    if own is None or own.seen_at <= now - WRITE_EVERY:
        Presence.objects.bulk_create(
            [Presence(ticket=ticket, person_id=actor.person_id, seen_at=now)],
            update_conflicts=True,
            unique_fields=["ticket", "person"],
            update_fields=["seen_at"],
        )
    return tuple(row.person.get_full_name() or row.person.get_username() for row in present.values())


def forget(*, now: datetime) -> int:
    """Clear away the rows of those who left; returns how many."""
    gone, _ = Presence.objects.filter(seen_at__lt=now - 10 * GONE).delete()
    return gone
