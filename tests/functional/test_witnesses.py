"""Checkpoints outside the database: by mail and over the web, again where it failed, and nothing secret in an error."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.core import mail

from requests_app.audit.note import notes_in
from requests_app.checks import check_audit_log
from requests_app.models import AuditCheckpoint, AuditWitness
from requests_app.upkeep import audit_witnesses
from requests_app.upkeep.timetable import CHORES
from tests.factories import WORKER
from tests.functional.test_checkpoints import make, news

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


class Keeper(BaseHTTPRequestHandler):
    """Keeps what is posted to it, and answers as it is told."""

    kept: list[tuple[str, str]] = []
    status = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.kept.append((self.headers["Content-Type"], body))
        self.send_response(self.status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def keeper(settings: Any) -> Iterator[type[Keeper]]:
    """A witness on this machine."""
    handler = type("Handler", (Keeper,), {"kept": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    settings.AUDIT_WITNESS_URL = f"http://127.0.0.1:{server.server_port}/checkpoints"
    yield handler
    server.shutdown()
    server.server_close()
    thread.join()


def run(after: timedelta = timedelta(0)) -> None:
    audit_witnesses.run(WORKER, NOON + after)


def test_each_checkpoint_is_posted_once_as_plain_text(keeper: type[Keeper]) -> None:
    made = []
    for _ in range(2):
        news()
        made.append(make().note)
    run()
    run()

    assert keeper.kept == [("text/plain; charset=utf-8", note) for note in made]
    assert AuditWitness.objects.get(name="web").size == AuditCheckpoint.objects.order_by("-size")[0].size


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_witness_that_does_not_take_it_is_asked_again(keeper: type[Keeper], status: int) -> None:
    news()
    make()
    keeper.status = status
    run()
    run()

    row = AuditWitness.objects.get(name="web")
    assert (row.error, row.failures, row.size) == (f"AUDIT_WITNESS_URL: it answered {status}", 1, 0)
    assert len(keeper.kept) == 1
    keeper.status = 200
    run(timedelta(minutes=1))
    row.refresh_from_db()
    assert (row.error, row.failures, len(keeper.kept)) == ("", 0, 2)


def test_an_error_does_not_repeat_the_address(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.AUDIT_WITNESS_URL = "http://127.0.0.1:9/token-of-ours"
    news()
    make()
    run()

    error = AuditWitness.objects.get(name="web").error
    assert error == "AUDIT_WITNESS_URL: ConnectionError"
    assert "token-of-ours" not in caplog.text


def test_plain_http_is_for_this_machine_alone(settings: Any) -> None:
    settings.AUDIT_WITNESS_URL = "http://witness.example.org/"
    news()
    make()
    run()

    assert "Plain http is allowed to this machine only" in AuditWitness.objects.get(name="web").error
    assert [found.id for found in check_audit_log(None)] == ["requests_app.E011"]


def test_people_get_one_mail_an_hour_with_every_note(settings: Any) -> None:
    settings.AUDIT_WITNESS_MAIL = ["dpo@example.org", "audit@example.org"]
    news()
    first = make().note
    run()
    news()
    second = make().note
    news()
    third = make().note
    run(timedelta(minutes=59))
    assert len(mail.outbox) == 1
    run(timedelta(minutes=60))

    assert [notes_in(str(letter.body)) for letter in mail.outbox] == [[first], [second, third]]
    assert mail.outbox[0].to == ["dpo@example.org", "audit@example.org"]
    run(timedelta(minutes=180))
    assert len(mail.outbox) == 2


def test_a_mail_that_fails_is_sent_again(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> int:
        raise OSError("dpo@example.org refused")

    settings.AUDIT_WITNESS_MAIL = ["dpo@example.org"]
    news()
    make()
    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.EmailMessage.send", broken)
        run()
    assert AuditWitness.objects.get(name="mail").error == "AUDIT_WITNESS_MAIL: OSError"
    run(timedelta(minutes=1))
    assert len(mail.outbox) == 1


def test_without_a_mail_server_the_check_says_that_nobody_gets_one(settings: Any) -> None:
    settings.AUDIT_WITNESS_MAIL, settings.MAILS = ["dpo@example.org"], False
    news()
    make()
    run()

    assert mail.outbox == []
    assert [found.id for found in check_audit_log(None)] == ["requests_app.W010"]


def test_a_key_that_is_none_is_told_by_the_check(settings: Any) -> None:
    settings.AUDIT_SIGNING_KEY = "PRIVATE+KEY+log+00000000+AAAA"

    (found,) = check_audit_log(None)
    assert found.id == "requests_app.E010"
    assert "AAAA" not in str(found)


def test_both_are_in_the_timetable() -> None:
    every = {chore.name: chore.every for chore in CHORES}

    assert every["audit checkpoint"] == timedelta(minutes=5)
    assert every["audit witnesses"] == timedelta(minutes=1)
