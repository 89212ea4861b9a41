"""What holds for every answer of the site: headers, error pages, health, sign-in, and nothing inline."""

from __future__ import annotations

import json
import logging
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin import site
from django.core import serializers
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import get_resolver
from django.utils import timezone
from django_q.models import OrmQ

from portal.logs import JsonLines, Redact, redacted
from portal.middleware import ClientAddressMiddleware
from requests_app.models import Heartbeat
from requests_app.outages import EMPTY
from tests import factories
from tests.canary import EMAIL, NAME, SECRET, USER_ID
from tests.people import PASSWORD, person

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


def signed_in(name: str = "dora", **options: Any) -> Client:
    client = Client(**options)
    client.force_login(person(name))
    return client


@pytest.mark.parametrize("url", ["/accounts/login/", "/", "/tickets/", "/nowhere/", "/healthz"])
def test_every_answer_is_strict(url: str) -> None:
    answer = signed_in().get(url)

    policy = answer["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer["Cache-Control"] == "no-store"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert "HX-Request" in answer["Vary"]
    assert re.fullmatch(r"[0-9a-f]{32}", answer["X-Request-ID"])


@pytest.mark.parametrize(("given", "kept"), [("abc-123-def", True), ("x", False), ("a\nb" * 10, False)])
def test_a_proxys_name_for_a_request_is_kept_where_it_is_fit(given: str, kept: bool) -> None:
    answer = Client().get("/healthz", headers={"X-Request-ID": given})

    assert (answer["X-Request-ID"] == given) is kept


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_inline(path: Path) -> None:
    text = path.read_text()

    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("198.51.100.9", "198.51.100.9"),
        ("6.6.6.6, 198.51.100.9", "198.51.100.9"),
        ("x", "127.0.0.1"),
        ("", "127.0.0.1"),
    ],
)
def test_behind_a_trusted_proxy_the_address_is_the_one_it_wrote(written: str, kept: str) -> None:
    seen = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request.META["REMOTE_ADDR"])
        return HttpResponse()

    ClientAddressMiddleware(view)(RequestFactory().get("/", headers={"X-Forwarded-For": written}))

    assert seen == [kept]


def test_without_one_nobody_chooses_their_own_address() -> None:
    Client(REMOTE_ADDR="203.0.113.5").post(
        "/accounts/login/", {"login": "x", "password": "y"}, headers={"X-Forwarded-For": "6.6.6.6"}
    )

    assert apps.get_model("requests_app.AuditEntry").objects.get().origin == "203.0.113.5"


def test_a_page_that_is_not_there_says_so() -> None:
    answer = signed_in().get("/nowhere/")

    assert answer.status_code == 404
    assert "My work" in answer.content.decode()


def test_a_stranger_is_asked_to_sign_in_and_comes_back() -> None:
    person("dora")
    client = Client()
    asked = client.get("/approvals/")
    assert asked["Location"] == "/accounts/login/?next=/approvals/"

    answer = client.post(asked["Location"], {"login": "dora", "password": PASSWORD})

    assert answer["Location"] == "/approvals/"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
def test_signing_in_leads_to_no_other_site(target: str) -> None:
    person("dora")

    answer = Client().post(f"/accounts/login/?next={target}", {"login": "dora", "password": PASSWORD, "next": target})

    assert "evil" not in answer["Location"]
    assert "javascript" not in answer["Location"]


def test_guessing_passwords_is_slowed_down() -> None:
    person("dora")
    client = Client()

    answers = [client.post("/accounts/login/", {"login": "dora", "password": "wrong"}) for _ in range(12)]

    assert "Too many failed" in answers[-1].content.decode() or answers[-1].status_code == 429
    assert client.post("/accounts/login/", {"login": "dora", "password": PASSWORD}).status_code != 302


def test_nobody_signs_up() -> None:
    answer = Client().post("/accounts/signup/", {"username": "eve", "password1": PASSWORD})

    assert "Accounts are made by an administrator" in answer.content.decode()
    assert not apps.get_model("auth.User").objects.filter(username="eve").exists()


def test_the_queues_own_pages_are_not_mounted() -> None:
    assert not [model for model in site._registry if model._meta.app_label == "django_q"]
    assert signed_in().get("/admin/django_q/schedule/").status_code in {302, 404}
    assert "django_q" not in str(get_resolver().reverse_dict)


def test_it_tells_whether_it_is_up_and_ready() -> None:
    assert Client().get("/healthz").json() == {"status": "ok"}
    waiting = Client().get("/readyz")
    Heartbeat.objects.create(name="sweep", beat_at=timezone.now())
    ready = Client().get("/readyz")
    Heartbeat.objects.update(beat_at=timezone.now() - timedelta(minutes=10))
    silent = Client().get("/readyz")

    assert (waiting.status_code, ready.status_code, silent.status_code) == (503, 200, 503)
    assert ready.json()["checks"]["migrations"]["ready"] is True
    assert silent.json()["checks"]["heartbeat"]["says"] == "Worker silent for 10 min."


def test_an_empty_database_is_not_taken_for_one_that_is_a_few_migrations_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(MigrationRecorder, "applied_migrations", lambda _: {})
    answer = Client().get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"]["says"] == EMPTY


def test_while_migrations_wait_it_reads_no_table_that_may_not_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.health._migrations", lambda: (False, "2 migrations wait: run migrate."))
    answer = Client().get("/readyz")

    assert answer.status_code == 503
    assert set(answer.json()["checks"]) == {"database", "migrations"}


@pytest.mark.parametrize(
    "line",
    [
        "GET /api/v2/users?api_key=abc123&x=1",
        "{'Authorization': 'eyJhbGciOiJIUzI1NiJ9.eyJzZXJ2ZXIiOnRydWV9.c2lnbmF0dXJl'}",
        "Authorization: Bearer abc123",
        "mail to abc123@example.org",
    ],
)
def test_a_log_line_says_no_key_token_or_address(line: str) -> None:
    said = redacted(line)

    assert "abc123" not in said
    assert "eyJ" not in said
    assert "removed]" in said


def test_a_log_line_cannot_be_forged_by_a_line_break() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, "first\n%s", ('{"level": "ERROR"}',), None)
    Redact().filter(record)

    (line,) = JsonLines().format(record).splitlines()
    assert json.loads(line)["message"] == 'first\n{"level": "ERROR"}'


def test_people_stand_only_where_they_belong() -> None:
    """After a ticket's whole way its subject is in the tickets' own tables, and nowhere else in the database."""
    factories.stopped(factories.erase_plan(USER_ID), requester_name=NAME, requester_email=EMAIL, note=f"About {NAME}")
    signed_in().get("/tickets/")
    own = {"Ticket", "Account", "Step", "Note"}

    holding = set()
    for model in apps.get_models():
        rows = serializers.serialize("json", model._base_manager.all())
        if any(word in rows for word in (USER_ID, NAME, EMAIL)):
            holding.add(model.__name__)
        if model.__name__ != "StreamApp":
            assert SECRET not in rows
    assert OrmQ.objects.exists()
    # What people wrote into the log is sealed under the key of its ticket.
    assert holding == own


def test_a_form_without_a_session_leads_back_to_its_page(client: Client) -> None:
    answer = client.post("/tickets/DSR-000001/note/", {"note": "x"}, headers={"referer": "http://testserver/tickets/"})
    foreign = client.post("/tickets/DSR-000001/note/", {"note": "x"}, headers={"referer": "https://evil.example/x"})

    assert answer["Location"] == "/accounts/login/?next=/tickets/"
    assert foreign["Location"] == "/accounts/login/?next=/"
