"""When a ticket is late, urgent or due soon: one rule for lists, pages and reminders. Imports no Django.

Days are local calendar dates of the controller; the due date itself is still in time (Regulation 1182/71 Art. 3).
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import IntEnum

# Days that are left on the last day that counts as such.
SOON_DAYS = 5
URGENT_DAYS = 3


class Urgency(IntEnum):
    """How near a due date is; the higher the more pressing."""

    CALM = 0
    SOON = 1
    URGENT = 2
    LATE = 3


def urgency(due_on: date, today: date) -> Urgency:
    """How pressing a due date is on this day."""
    left = (due_on - today).days
    if left < 0:
        return Urgency.LATE
    if left <= URGENT_DAYS:
        return Urgency.URGENT
    return Urgency.SOON if left <= SOON_DAYS else Urgency.CALM


def last_soon(today: date) -> date:
    """The last due date that is due soon."""
    return today + timedelta(days=SOON_DAYS)


def last_urgent(today: date) -> date:
    """The last due date that is urgent."""
    return today + timedelta(days=URGENT_DAYS)


def last_late(today: date) -> date:
    """The last due date that has passed."""
    return today - timedelta(days=1)
