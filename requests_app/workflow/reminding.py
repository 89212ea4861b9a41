"""Mails to staff about due dates: noted and queued in one transaction, each once, whatever becomes of the worker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime

from django.db import transaction

from requests_app.enums import MailKind
from requests_app.models import Heartbeat, Mail, Reminder
from requests_app.workflow import outbox

_TURN = "reminders"
_NEVER = datetime(2000, 1, 1, tzinfo=UTC)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """A transaction in which no other worker decides who is told of what."""
    Heartbeat.objects.get_or_create(name=_TURN, defaults={"beat_at": _NEVER})
    with transaction.atomic():
        # On SQLite the transaction itself holds the only write lock.
        Heartbeat.objects.select_for_update().get(name=_TURN)
        yield


def begin_digests(midnight: datetime) -> bool:
    """Whether the digests of the day that began then are still to be queued: true once, for whoever commits it."""
    return Heartbeat.objects.filter(name=_TURN, beat_at__lt=midnight).update(beat_at=midnight) == 1


def queue_digest(person_id: int, day: date, *, recipient: str, subject: str, body: str, now: datetime) -> Mail | None:
    """Queue the digest of a person and day; there is never a second one."""
    key = f"digest:{person_id}:{day.isoformat()}"
    return outbox.queue(MailKind.REMINDER, key=key, recipient=recipient, subject=subject, body=body, now=now)


def queue_reminder(
    person_id: int,
    tickets: Sequence[tuple[int, date, int]],
    *,
    recipient: str,
    subject: str,
    body: str,
    now: datetime,
) -> Mail | None:
    """Queue one mail about some tickets (number, due date, days late), and note that this person was told of each."""
    Reminder.objects.bulk_create(
        Reminder(person_id=person_id, ticket_id=ticket_id, due_on=due_on, days_late=days_late, queued_at=now)
        for ticket_id, due_on, days_late in tickets
    )
    ticket_id, due_on, days_late = tickets[0]
    # No other mail to this person begins with this ticket: the note of it is unique.
    key = f"due:{person_id}:{ticket_id}:{due_on.isoformat()}:{days_late}"
    return outbox.queue(MailKind.REMINDER, key=key, recipient=recipient, subject=subject, body=body, now=now)
