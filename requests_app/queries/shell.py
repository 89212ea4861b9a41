"""The small numbers beside the places of the navigation. Counting stops at a cap, so that no page pays for a lot."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from requests_app.audit.actor import Actor
from requests_app.enums import State
from requests_app.models import StreamApp, StreamTask
from requests_app.workflow.access import visible_tickets

CAP = 999


def capped(rows: QuerySet[Any], *order: str) -> int:
    """How many rows there are, no further than the cap.

    Where an index has them in some order, naming it makes PostgreSQL walk that index; left to itself it may read the
    whole table, in the hope of meeting enough of them early.
    """
    return rows.order_by(*order)[:CAP].count()


def numbers(actor: Actor) -> dict[str, int]:
    """How many tickets wait for a DPO and how many tasks Stream works on, by the name of the page."""
    return {
        "approval-list": capped(visible_tickets(actor).standing(State.AWAITING_DECISION)),
        "stream-task-list": capped(StreamTask.objects.filter(next_poll_at__isnull=False)),
    }


def calls_a_stand_in() -> bool:
    """Whether new tickets may go to a stand-in for Stream."""
    return StreamApp.objects.active().filter(is_sandbox=True).exists()
