"""The page of what Stream works on: as Stream told it, for which tickets, and what is asked next."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from requests_app.enums import Operation, StepState
from requests_app.models import AppHealth, StreamTask, Ticket
from requests_app.queries import stream_tasks
from tests import factories
from tests.people import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def otto() -> Client:
    client = Client()
    client.force_login(person("otto"))
    return client


def stream_task(name: str, *, ticket: Ticket | None = None, **changes: Any) -> StreamTask:
    """A task that Stream accepted a minute ago."""
    now = timezone.now()
    values = {
        "stream_app": factories.stream_app(),
        "task_id": name,
        "operation": Operation.DELETE_USERS.value,
        "status": "running",
        "accepted_at": now - timedelta(minutes=1),
        "next_poll_at": now + timedelta(seconds=9),
    }
    task = StreamTask.objects.create(**values | changes)
    if ticket:
        ticket.steps.filter(operation=task.operation).update(stream_task=task, state=StepState.ON_STREAM.value)
    return task


def names(page: Any) -> list[str]:
    return [line.task_id for line in page.context["lines"]]


def test_it_sorts_tasks_into_their_views(otto: Client) -> None:
    now = timezone.now()
    stream_task("going")
    stream_task("done", status="completed", next_poll_at=None, finished_at=now)
    stream_task("broken", status="failed", next_poll_at=None, finished_at=now, error="Stream gave up.")

    seen = {view: names(otto.get("/stream-tasks/", {"view": view})) for view in ("running", "failed", "finished")}

    assert seen == {"running": ["going"], "failed": ["broken"], "finished": ["broken", "done"]}
    assert names(otto.get("/stream-tasks/")) == ["going"]
    assert "Stream gave up." in otto.get("/stream-tasks/?view=failed").content.decode()


def test_it_shows_status_moments_and_tickets(otto: Client) -> None:
    first, second = factories.running(), factories.running()
    task = stream_task("b7c1f2d0-one-batch", ticket=first, status="odd_status", polled_at=timezone.now())
    second.steps.filter(operation=task.operation).update(stream_task=task, state=StepState.ON_STREAM.value)

    page = otto.get("/stream-tasks/")

    (line,) = page.context["lines"]
    assert line.tickets == (first.reference, second.reference)
    text = page.content.decode()
    assert "Odd status" in text
    assert "1 min ago" in text
    assert f"{timezone.localtime(task.next_poll_at):%H:%M:%S}" in text
    assert f'href="/tickets/{first.reference}/"' in text


def test_it_asks_for_news_of_running_tasks_only(otto: Client) -> None:
    running = otto.get("/stream-tasks/").content.decode()
    finished = otto.get("/stream-tasks/?view=finished").content.decode()

    assert 'hx-trigger="every 5s"' in running
    assert "hx-trigger" not in finished


def test_it_answers_htmx_with_the_moving_part_alone(otto: Client) -> None:
    stream_task("going")

    part = otto.get("/stream-tasks/?view=running", headers={"HX-Request": "true"}).content.decode()

    assert part.lstrip().startswith('<div id="lines"')
    assert "<html" not in part
    assert "going" in part


def test_it_says_why_an_app_waits(otto: Client) -> None:
    soon = timezone.now() + timedelta(seconds=30)
    app = factories.stream_app()
    AppHealth.objects.create(
        stream_app=app, open_until=soon, reason="Stream refused the API key.", changed_at=timezone.now()
    )

    page = otto.get("/stream-tasks/").content.decode()

    assert f"{app.name} waits." in page
    assert "Stream refused the API key." in page
    assert f"{timezone.localtime(soon):%H:%M:%S}" in page


def test_it_pages_without_losing_or_repeating_a_task(otto: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_tasks, "PAGE", 2)
    for number in range(5):
        stream_task(f"task-{number}")

    seen, url = [], "/stream-tasks/"
    while url:
        page = otto.get(url)
        seen += names(page)
        url = page.context["pager"].next

    assert seen == ["task-4", "task-3", "task-2", "task-1", "task-0"]


@pytest.mark.parametrize("query", ["view=<script>", "before=x", "before=²", f"before={'9' * 40}", "view="])
def test_it_survives_odd_addresses(otto: Client, query: str) -> None:
    stream_task("going")

    page = otto.get(f"/stream-tasks/?{query}")

    assert page.status_code == 200
    assert names(page) == ["going"]
    assert "<script>" not in page.content.decode().replace("<script src", "")


def test_the_number_of_queries_does_not_grow_with_the_tasks(otto: Client, django_assert_num_queries: Any) -> None:
    def load(number: int) -> int:
        for _ in range(number):
            stream_task(f"task-{StreamTask.objects.count()}", ticket=factories.running())
        with django_assert_num_queries(100, exact=False) as counted:
            otto.get("/stream-tasks/")
        return len(counted)

    assert load(1) == load(6)
