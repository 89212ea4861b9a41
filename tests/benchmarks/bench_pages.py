"""What each page costs the server with a thousand tickets stored, and with a million and two million audit entries.

The time is that of a whole request inside the process: middleware, view, queries, template, audit entry and commit.
Pages are taken in turn, so that what else the machine does meets all of them. The figure is the median.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.test import Client
from django.utils import timezone

from requests_app.enums import State
from requests_app.models import Ticket
from tests import factories
from tests.benchmarks import multitude
from tests.benchmarks.stage import Stage
from tests.people import person

FEW, MANY = 1_000, 1_000_000
ROUNDS = 40
WARM_UP = 3
OK = 200
# Pages that have a goal of their own beside the growth.
GOAL_MS = {"list of tickets", "page of a ticket"}


@dataclass(frozen=True)
class Page:
    """One page as somebody opens it."""

    name: str
    who: str
    ask: Callable[[Client], object]


def pages() -> tuple[Page, ...]:
    """What people open all day, and what could grow."""
    closed = Ticket.objects.filter(closed_at__isnull=False).order_by("-pk").first()
    waiting = Ticket.objects.filter(pk__gte=multitude.FIRST, closed_at__isnull=True).order_by("pk").first()
    if closed is None or waiting is None:
        raise RuntimeError("there are no tickets to look at")
    middle = Ticket.objects.filter(pk__gte=(multitude.FIRST + closed.pk) // 2).order_by("pk").first() or closed
    deep = f"{middle.due_on.isoformat()}_{middle.pk}"
    address = middle.accounts.get().user_id
    today = timezone.localdate().isoformat()
    return (
        Page("my work", "ada", _get("/")),
        Page("list of tickets", "ada", _get("/tickets/")),
        Page("list, closed, newest first", "ada", _get("/tickets/?view=closed")),
        Page("list, closed, by deadline, in the middle", "ada", _get(f"/tickets/?view=closed&sort=due&after={deep}")),
        Page("list, narrowed to one kind and app", "ada", _get("/tickets/?view=closed&kind=export&sort=due")),
        Page("search by user id", "ada", _post("/tickets/", q=address)),
        Page("search by reference", "ada", _post("/tickets/", q=middle.reference)),
        Page("page of a ticket", "ada", _get(f"/tickets/{middle.reference}/")),
        Page("page of a ticket that waits, for the DPO", "dora", _get(f"/tickets/{waiting.reference}/")),
        Page("approvals", "dora", _get("/approvals/")),
        Page("Stream tasks", "ada", _get("/stream-tasks/")),
        Page("audit log", "otto", _get("/audit/")),
        Page("audit log of a ticket", "otto", _get(f"/audit/?ticket={middle.reference}")),
        Page("audit log of today", "otto", _get(f"/audit/?since={today}")),
    )


def _get(path: str) -> Callable[[Client], object]:
    return lambda client: _checked(client.get(path))


def _post(path: str, **data: str) -> Callable[[Client], object]:
    return lambda client: _checked(client.post(path, data))


def _checked(answer: object) -> object:
    status = getattr(answer, "status_code", 0)
    if status != OK:
        raise RuntimeError(f"a page answered {status}")
    return answer


def run(stage: Stage) -> None:
    """Measure at the small size, grow, measure again, and compare."""
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "testserver"]
    first = multitude.templates(factories.stream_app())
    small = _measured(FEW, first)
    large = _measured(stage.count(MANY), first)
    for name, cost in large.items():
        goal = "< 30" if name in GOAL_MS else ""
        note = f"{small[name]:.1f} ms with {FEW:,} tickets"
        stage.tell(f"{name}, {stage.count(MANY):,} tickets", cost, "ms", goal=goal, note=note)
        stage.tell(f"{name}: against {FEW:,}", cost / small[name], "times", goal="<= 1.2")


def _measured(tickets: int, first: Mapping[State, Ticket]) -> dict[str, float]:
    """The median of each page in ms with so many tickets stored."""
    multitude.grow(tickets, first)
    clients = {name: Client() for name in ("ada", "dora", "otto")}
    for name, client in clients.items():
        client.force_login(person(name))
    costs: dict[str, list[float]] = {}
    for turn in range(WARM_UP + ROUNDS):
        for page in pages():
            began = time.perf_counter()
            page.ask(clients[page.who])
            took = 1000 * (time.perf_counter() - began)
            if turn >= WARM_UP:
                costs.setdefault(page.name, []).append(took)
    return {name: statistics.median(taken) for name, taken in costs.items()}
