"""Each log line of a request carries the id that its answer has, whoever writes the line."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import Client
from django.urls import include, path

from portal.logs import JsonLines, Redact, RequestId, request_id
from requests_app.engine import effect_preview
from tests import factories
from tests.people import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

GIVEN = "request-of-this-test"
HEADERS = {"X-Request-ID": GIVEN}
logger = logging.getLogger("portal.test")


def fail(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("The view breaks.")


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[bytes]:
        logger.warning("A line from within the body.")
        yield b"part"

    return StreamingHttpResponse(parts())


urlpatterns = [path("fails/", fail), path("streams/", stream), path("", include("portal.urls"))]


class _Written(logging.Handler):
    """The lines as the portal writes them, taken apart again."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        self.addFilter(RequestId())
        self.addFilter(Redact())
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))


@pytest.fixture
def written() -> Iterator[list[dict[str, Any]]]:
    handler, root = _Written(), logging.getLogger()
    root.addHandler(handler)
    try:
        yield handler.lines
    finally:
        root.removeHandler(handler)


def dora(**options: Any) -> Client:
    client = signed_in("dora")
    client.raise_request_exception = False
    client.handler.enforce_csrf_checks = options.get("csrf", False)
    return client


SITUATIONS: dict[int, Callable[[], Any]] = {
    404: lambda: dora().get("/nowhere/", headers=HEADERS),
    403: lambda: dora(csrf=True).post("/tickets/new/", {}, headers=HEADERS),
    405: lambda: dora().put("/approvals/", headers=HEADERS),
    422: lambda: signed_in("ada").post("/tickets/new/", {}, headers=HEADERS),
    500: lambda: dora().get("/fails/", headers=HEADERS),
    400: lambda: dora().get("/", headers=HEADERS | {"Host": "elsewhere.example"}),
}


@pytest.mark.parametrize("status", sorted(SITUATIONS))
def test_the_line_about_a_refused_request_carries_its_id(status: int, written: list[dict[str, Any]]) -> None:
    factories.stream_app()

    answer = SITUATIONS[status]()

    assert (answer.status_code, answer["X-Request-ID"]) == (status, GIVEN)
    assert written
    assert [line for line in written if line["request_id"] != GIVEN] == []


def test_a_line_written_while_the_body_is_sent_carries_it(written: list[dict[str, Any]]) -> None:
    answer = signed_in("dora").get("/streams/", headers=HEADERS)
    assert isinstance(answer, StreamingHttpResponse)

    assert b"".join(answer.streaming_content) == b"part"
    assert [line["request_id"] for line in written] == [GIVEN]


def test_a_thread_that_counts_for_a_preview_carries_it(
    written: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def count(user_id: str) -> None:
        logger.warning("A line from a thread.")

    monkeypatch.setattr(effect_preview, "_counters", lambda client, plan: {"messages": count, "channels": count})
    token = request_id.set(GIVEN)
    try:
        effect_preview._count(None, factories.erase_plan())  # type: ignore[arg-type]
    finally:
        request_id.reset(token)

    assert [line["request_id"] for line in written] == [GIVEN, GIVEN]


@pytest.mark.parametrize("status", sorted(SITUATIONS))
def test_what_the_process_does_afterwards_carries_no_id_of_a_request(
    status: int, written: list[dict[str, Any]]
) -> None:
    factories.stream_app()
    SITUATIONS[status]()

    logger.warning("A line between two requests.")

    assert written[-1]["request_id"] == ""
