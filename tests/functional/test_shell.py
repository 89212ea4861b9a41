"""What frames every page: places by role, capped counts, and whether the worker lives."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone

from requests_app.models import Heartbeat, StreamApp
from requests_app.queries import heartbeat, shell
from requests_app.views import shell as frame
from requests_app.workflow import pauses
from tests import factories
from tests.people import PASSWORD, actor, person

pytestmark = pytest.mark.django_db


def framed(name: str, path: str = "/") -> frame.Shell:
    client = Client()
    client.force_login(person(name))
    found: frame.Shell = client.get(path).context["shell"]
    return found


def places(found: frame.Shell) -> list[str]:
    return [item.label for group in found.nav for item in group.items]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ada", ["My work", "Tickets", "New request", "Stream tasks", "Legal holds", "Sending"]),
        (
            "dora",
            [
                "My work",
                "Tickets",
                "New request",
                "Approvals",
                "Stream tasks",
                "Deadlines & reports",
                "Audit log",
                "Legal holds",
                "Stream apps",
                "Letters",
                "Sending",
            ],
        ),
        (
            "otto",
            [
                "My work",
                "Tickets",
                "Approvals",
                "Stream tasks",
                "Deadlines & reports",
                "Audit log",
                "Legal holds",
                "Sending",
            ],
        ),
        (
            "ruth",
            [
                "My work",
                "Tickets",
                "Stream tasks",
                "Deadlines & reports",
                "Audit log",
                "Stream apps",
                "Letters",
                "Sending",
                "Styleguide",
            ],
        ),
    ],
)
def test_it_leads_only_where_the_role_may_go(name: str, expected: list[str]) -> None:
    assert places(framed(name)) == expected


def test_it_says_who_is_signed_in_as_what() -> None:
    found = framed("dora")

    assert (found.name, found.role_label) == ("Dora Dpo", "Data protection officer")


def test_it_marks_where_one_is() -> None:
    current = [item.label for group in framed("otto", "/audit/").nav for item in group.items if item.current]

    assert current == ["Audit log"]


def test_it_counts_what_waits() -> None:
    for make in (factories.submitted, factories.submitted, factories.submitted, factories.draft, factories.approved):
        make()

    assert shell.frame(actor("dora")) == shell.Frame(awaiting_decision=3, stream_tasks=0, stand_in=False, pauses=())
    assert shell.frame(actor("sven")).awaiting_decision == 0


def test_it_tells_of_a_stand_in_and_of_what_is_paused() -> None:
    app = factories.stream_app(is_sandbox=True)
    pause = pauses.pause(app, actor=actor("dora"), now=timezone.now(), reason="Something is wrong.")

    told = shell.frame(actor("ada"))

    assert (told.stand_in, told.pauses) == (True, (pause,))


def test_it_leads_somebody_without_a_role_nowhere() -> None:
    request = RequestFactory().get("/")
    request.user = person("sven")

    found = frame.shell(request)["shell"]

    assert found is not None
    assert (found.nav, found.role_label) == ((), "No role yet")


def test_it_is_empty_for_strangers() -> None:
    assert Client().get("/accounts/login/").context["shell"] is None


@pytest.mark.parametrize(("is_active", "shown"), [(True, True), (False, False)])
def test_it_tells_when_calls_go_to_a_stand_in(is_active: bool, shown: bool) -> None:
    StreamApp.objects.create(name="stand-in", is_sandbox=True, is_active=is_active)

    assert framed("ada").sandbox is shown


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (4, (True, "Worker running · swept 4 s ago")),
        (100, (True, "Worker running · swept 100 s ago")),
        (300, (False, "Worker silent for 5 min")),
    ],
)
def test_it_tells_how_long_ago_the_worker_was_seen(
    age: int, expected: tuple[bool, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    monkeypatch.setattr(heartbeat.timezone, "now", lambda: now)
    Heartbeat.objects.create(name="sweep", beat_at=now - timedelta(seconds=age))

    assert heartbeat.worker_signs() == expected
    assert heartbeat.check() == (expected[0], f"{expected[1]}.")


def test_a_worker_that_never_came_is_told() -> None:
    assert heartbeat.worker_signs() == (False, "Worker not seen yet")


def test_it_costs_few_queries(django_assert_max_num_queries: Any) -> None:
    request = RequestFactory().get("/")
    request.user = person("dora")

    with django_assert_max_num_queries(6):
        frame.shell(request)


def test_single_keys_are_switched_off_in_the_profile_for_this_session_and_the_next() -> None:
    person("ada")
    client = Client()
    client.post("/accounts/login/", {"login": "ada", "password": PASSWORD})
    assert 'data-keys="on"' in client.get("/").content.decode()

    client.post("/profile/", {"digest": "on", "mentions": "on"})

    assert 'data-keys="off"' in client.get("/").content.decode()
    later = Client()
    later.post("/accounts/login/", {"login": "ada", "password": PASSWORD})
    assert 'data-keys="off"' in later.get("/tickets/").content.decode()
    later.post("/profile/", {"digest": "on", "mentions": "on", "single_keys": "on"})
    assert 'data-keys="on"' in later.get("/").content.decode()
