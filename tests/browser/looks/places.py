"""Every page of the portal, found in its URLs, with tickets and more to show: a new page is looked at by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from requests_app.enums import Channel, ExtensionGround, PauseOfClock
from requests_app.models import StreamApp, Ticket
from requests_app.urls import urlpatterns
from requests_app.workflow import holds, time_limit
from requests_app.workflow.permissions import PAGE_ROLES
from tests import factories
from tests.people import CAST, actor, person

# In this order: whoever sees most of a page looks at it.
VISITORS = ("dora", "ada", "ruth", "otto")
IMPORT = "request,user_ids,received_on,preset,requester_name,requester_email,note\nerase,u-1,2026-01-05,everything,,,\n"


@dataclass(frozen=True)
class Place:
    """A page as somebody opens it."""

    name: str
    who: str
    path: str


def furnish(app: StreamApp) -> dict[str, Ticket]:
    """Something on every page: tickets in many states, questions, an extension, a hold, letters."""
    now, today = timezone.now(), timezone.localdate()
    holds.place(app, "m.okafor", actor=actor("dora"), now=now, reason="A claim is open.")
    tickets = {
        "waiting": factories.submitted(factories.erase_plan("marie.curie"), app=app),
        "done": factories.completed(factories.export_plan("jonas-weber"), app=app),
        "stopped": factories.stopped(factories.soft_plan("b.kowalski"), app=app),
        "refused": factories.refused(app=app),
        "draft": factories.draft(factories.erase_plan("nora.lind"), app=app),
    }
    time_limit.ask(
        tickets["waiting"],
        actor=actor("ada"),
        now=now,
        kind=PauseOfClock.CLARIFICATION,
        asked_on=today,
        question="Which of the two accounts?",
    )
    time_limit.extend(
        tickets["draft"],
        actor=actor("dora"),
        now=now,
        ground=ExtensionGround.COMPLEXITY,
        reason="Three thousand channels.",
        notice_on=today,
        notice_channel=Channel.EMAIL,
    )
    return tickets


def every(app: StreamApp) -> list[Place]:
    """All that answers a GET with a whole page, each as the first of the visitors who may open it."""
    tickets = furnish(app)
    clients = {name: Client() for name in VISITORS}
    for name, client in clients.items():
        client.force_login(person(name))
    token = _imported(clients["ada"], app)
    found = []
    for name, arguments in _addresses(app, tickets, token):
        who = next((one for one in VISITORS if CAST[one][1] in PAGE_ROLES.get(name, ())), None)
        if who is None:
            continue
        path = reverse(name, kwargs=arguments) + ("?kind=erase" if name == "ticket-new" else "")
        answer = clients[who].get(path)
        kind = answer.get("Content-Type", "")
        if answer.status_code == 200 and kind.startswith("text/html") and b"<html" in answer.content:
            found.append(Place(f"{name} {arguments.get('reference', '')}".strip(), who, path))
    return sorted(found, key=lambda one: one.who)


def _imported(client: Client, app: StreamApp) -> str:
    file = SimpleUploadedFile("requests.csv", IMPORT.encode())
    answer = client.post("/imports/", {"stream_app": app.pk, "file": file})
    return str(answer.get("Location", "/imports/none/")).rstrip("/").rpartition("/")[2]


def _addresses(app: StreamApp, tickets: dict[str, Ticket], token: str) -> Iterator[tuple[str, dict[str, object]]]:
    """Each URL with what it takes: the page of a ticket for one in each state, the others for the one that waits."""
    sheet = {"app_id": app.pk, "version": 1}
    known: dict[str, object] = {"kind": "receipt", "language": "en", "token": token, **sheet}
    for entry in urlpatterns:
        names = set(entry.pattern.converters)
        arguments = {name: known[name] for name in names & set(known)}
        if names - set(known) - {"reference"} or not entry.name:
            # An answer to something that is done by a form: no page.
            continue
        if "reference" not in names:
            yield entry.name, arguments
            continue
        chosen = tickets if entry.name in {"ticket-detail", "ticket-cover-sheet"} else {"waiting": tickets["waiting"]}
        for ticket in chosen.values():
            yield entry.name, {**arguments, "reference": ticket.reference}
