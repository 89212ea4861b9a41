"""What the children of a round do: sweep like a worker, decide and download like people at the web server."""

from __future__ import annotations

from collections.abc import Callable

from django.test import Client
from django.urls import reverse

from requests_app.engine.sweep import sweep_once
from requests_app.jobs import BUDGET
from requests_app.models import Step, Ticket
from tests import factories, people
from tests.faults.chaos.clock import SharedClock, Tally
from tests.faults.chaos.failpoints import POINTS, Failpoint, Fate, arm

Deed = Callable[[], object]
# Seconds that deletes of one sweep wait for those of the next: long enough for some to share a call.
LINGER = 0.02


def sweep(clock: SharedClock) -> Deed:
    """One sweep of one worker."""
    return lambda: sweep_once(budget_seconds=BUDGET, now=clock.now, tick=clock.tick, linger=LINGER)


def doomed(deed: Deed, point: Failpoint, fate: Fate, passes: int, reached: Tally) -> Deed:
    """The deed of a process that meets its fate at the point."""

    def act() -> object:
        arm(point, fate, passes=passes, reached=lambda: reached.add(POINTS.index(point)))
        return deed()

    return act


def approve(ticket: Ticket) -> Deed:
    """The DPO presses the button."""
    fields = {"confirm_user_id": ticket.plan["user_ids"][0], "note": "", **factories.seen(ticket)}
    return lambda: at_the_site("dora").post(reverse("ticket-approve", args=[ticket.reference]), fields)


def cancel(ticket: Ticket) -> Deed:
    """The agent withdraws the request, as far as that is still possible."""
    return lambda: at_the_site("ada").post(reverse("ticket-cancel", args=[ticket.reference]), {"note": "withdrawn"})


def download(step: Step, seen: Tally) -> Deed:
    """The agent fetches the file; counts in pieces what comes out."""

    def act() -> None:
        url = reverse("step-download", args=[step.ticket.reference, step.pk])
        response = at_the_site("ada").get(url)
        for _ in response:
            seen.add(0)

    return act


def at_the_site(name: str) -> Client:
    """A browser in which this person has signed in."""
    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(people.person(name))
    return client
