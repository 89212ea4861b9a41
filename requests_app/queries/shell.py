"""What the frame of every page tells. Counting stops at a cap, so that no page pays for a lot."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db.models import QuerySet

from requests_app.audit.actor import Actor
from requests_app.compiled_query import Answers, Text, how_many, whether
from requests_app.enums import Role, State
from requests_app.models import Pause, StreamApp, StreamTask
from requests_app.queries.sending import open_pauses
from requests_app.workflow.access import tickets_seen_by

CAP = 999


def capped(rows: QuerySet[Any], *order: str) -> int:
    """How many rows there are, no further than the cap.

    Where an index has them in some order, naming it makes PostgreSQL walk that index; left to itself it may read the
    whole table, in the hope of meeting enough of them early.
    """
    return rows.order_by(*order)[:CAP].count()


@dataclass(frozen=True)
class Frame:
    """`stand_in`: whether new tickets may go to a stand-in for Stream."""

    awaiting_decision: int
    stream_tasks: int
    stand_in: bool
    pauses: tuple[Pause, ...]


def frame(actor: Actor) -> Frame:
    """What it tells this person."""
    told = _question(actor.role, actor.apps).ask()
    return Frame(
        awaiting_decision=told["awaiting_decision"],
        stream_tasks=told["stream_tasks"],
        stand_in=bool(told["stand_in"]),
        pauses=tuple(open_pauses(actor)) if told["paused"] else (),
    )


@lru_cache(maxsize=100)
def _question(role: Role | None, apps: frozenset[int] | None) -> Answers:
    def build() -> dict[str, Text]:
        waiting = tickets_seen_by(role, apps).standing(State.AWAITING_DECISION).order_by()
        tasks, chosen = StreamTask.objects.filter(next_poll_at__isnull=False), StreamApp.objects.active()
        if apps is not None:
            tasks, chosen = tasks.filter(stream_app__in=apps), chosen.filter(pk__in=apps)
        return {
            "awaiting_decision": how_many(waiting, at_most=CAP),
            "stream_tasks": how_many(tasks.order_by(), at_most=CAP),
            "stand_in": whether(chosen.filter(is_sandbox=True)),
            "paused": whether(Pause.objects.open()),
        }

    return Answers(build)
