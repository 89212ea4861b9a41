"""The small numbers beside the places of the navigation. Counting stops at a cap, so that no page pays for a lot."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from requests_app.audit.actor import Actor
from requests_app.enums import State
from requests_app.models import StreamApp, StreamTask
from requests_app.workflow.access import visible_tickets

CAP = 999


def capped(rows: QuerySet[Any]) -> int:
    """How many rows there are, no further than the cap."""
    return rows.order_by()[:CAP].count()


def numbers(actor: Actor) -> dict[str, int]:
    """How many tickets wait for a DPO and how many tasks Stream works on, by the name of the page."""
    return {
        "approval-list": capped(visible_tickets(actor).filter(state=State.AWAITING_DECISION.value)),
        "stream-task-list": capped(StreamTask.objects.filter(next_poll_at__isnull=False)),
    }


def calls_a_stand_in() -> bool:
    """Whether new tickets may go to a stand-in for Stream."""
    return StreamApp.objects.active().filter(is_sandbox=True).exists()
