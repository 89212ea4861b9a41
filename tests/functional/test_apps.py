"""Stream apps: who changes them, what the form refuses, and that a secret goes in and never comes out."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from requests_app.audit_actions import AuditAction
from requests_app.models import AuditEntry, StreamApp
from tests import factories
from tests.canary import SECRET
from tests.people import person
from tests.sandbox_server import running_sandbox

pytestmark = pytest.mark.django_db

NEW = {
    "name": "chat-live",
    "base_url": "https://chat.example.org/",
    "api_key": "live-key",
    "api_secret": "live-secret-live-secret",
    "is_active": "on",
}


@pytest.fixture
def ruth() -> Client:
    client = Client()
    client.force_login(person("ruth"))
    return client


def sealed(app: StreamApp) -> str:
    """What the database itself holds as the secret."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_secret FROM requests_app_streamapp WHERE id = %s", [app.pk])
        return str(cursor.fetchone()[0])


def spoil(app: StreamApp) -> None:
    """A secret whose key is gone."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE requests_app_streamapp SET api_secret = 'gAAAA-of-another-key' WHERE id = %s", [app.pk])


def test_it_saves_an_app_with_its_secret_sealed_and_leaves_an_entry(ruth: Client) -> None:
    answer = ruth.post("/apps/new/", NEW)

    app = StreamApp.objects.get(name="chat-live")
    entry = AuditEntry.objects.get(action=AuditAction.APP_SAVED)
    assert (answer.status_code, answer["Location"]) == (302, "/apps/")
    assert app.credentials() == ("https://chat.example.org", "live-key", "live-secret-live-secret")
    assert "live-secret" not in sealed(app)
    assert entry.facts["changed"] == ["api_key", "api_secret", "base_url", "name"]
    assert "live" not in str(entry.facts)


@pytest.mark.parametrize(
    ("change", "field", "sentence"),
    [
        ({"base_url": "http://chat.example.org"}, "base_url", "Plain http is allowed to this machine only"),
        ({"base_url": "https://a:b@chat.example.org"}, "base_url", "must not hold a name"),
        ({"base_url": "ftp://chat.example.org"}, "base_url", "must begin with https://"),
        ({"base_url": ""}, "base_url", "required"),
        ({"api_key": ""}, "api_key", "required"),
        ({"api_secret": ""}, "api_secret", "Enter the secret of the API key."),
        ({"name": "chat-test"}, "name", "already exists"),
    ],
)
def test_it_answers_422_at_the_field_and_saves_nothing(
    ruth: Client, change: dict[str, str], field: str, sentence: str
) -> None:
    factories.stream_app()

    answer = ruth.post("/apps/new/", NEW | change)

    assert answer.status_code == 422
    assert sentence in answer.context["form"].errors[field][0]
    assert sentence in answer.content.decode()
    assert StreamApp.objects.count() == 1
    assert not AuditEntry.objects.filter(action=AuditAction.APP_SAVED).exists()


def test_an_empty_form_is_refused_as_well(ruth: Client) -> None:
    assert ruth.post("/apps/new/").status_code == 422


def test_it_never_shows_the_secret_again(ruth: Client) -> None:
    app = factories.stream_app()

    pages = [ruth.get("/apps/"), ruth.get(f"/apps/{app.pk}/"), ruth.post(f"/apps/{app.pk}/", {"api_secret": SECRET})]

    assert [page.status_code for page in pages] == [200, 200, 422]
    assert all(SECRET not in page.content.decode() for page in pages)


def test_an_empty_secret_keeps_the_stored_one(ruth: Client) -> None:
    app = factories.stream_app()
    same = {"name": "renamed", "base_url": app.base_url, "api_key": app.api_key, "api_secret": ""}

    answer = ruth.post(f"/apps/{app.pk}/", same)

    app.refresh_from_db()
    assert answer.status_code == 302
    assert (app.name, app.api_secret, app.is_active) == ("renamed", SECRET, False)
    assert AuditEntry.objects.get(action=AuditAction.APP_SAVED).facts["changed"] == ["is_active", "name"]


@pytest.mark.parametrize("change", [{"base_url": "https://elsewhere.example.org"}, {"api_key": "other"}])
def test_a_stored_secret_does_not_follow_to_another_place(ruth: Client, change: dict[str, str]) -> None:
    app = factories.stream_app()
    same = {"name": app.name, "base_url": app.base_url, "api_key": app.api_key, "is_active": "on"}

    answer = ruth.post(f"/apps/{app.pk}/", same | change)

    app.refresh_from_db()
    assert answer.status_code == 422
    assert "again" in answer.context["form"].errors["api_secret"][0]
    assert app.base_url == same["base_url"]
    assert ruth.post(f"/apps/{app.pk}/", same | change | {"api_secret": "new-secret"}).status_code == 302


def test_the_environments_app_is_shown_and_not_changed(ruth: Client, settings: Any) -> None:
    settings.STREAM_BASE_URL, settings.STREAM_API_KEY = "http://127.0.0.1:7", "env-key"
    app = StreamApp.objects.create(name="Stream (environment)", from_environment=True)

    page = ruth.get("/apps/").content.decode()

    assert "http://127.0.0.1:7" in page
    assert "env-key" not in page
    assert f"/apps/{app.pk}/test/" in page
    assert f'href="/apps/{app.pk}/"' not in page
    assert ruth.get(f"/apps/{app.pk}/").status_code == 404
    assert ruth.post(f"/apps/{app.pk}/", NEW).status_code == 404


def test_the_dpo_sees_the_apps_and_changes_none() -> None:
    app = factories.stream_app()
    client = Client()
    client.force_login(person("dora"))

    page = client.get("/apps/").content.decode()

    assert app.name in page
    assert "Test the connection" not in page
    assert client.post("/apps/new/", NEW).status_code == 403


def test_it_tells_whose_key_it_is(ruth: Client) -> None:
    with running_sandbox() as stand_in:
        app = factories.stream_app(base_url=stand_in.base_url, api_key=stand_in.key)
        page = ruth.post(f"/apps/{app.pk}/test/", follow=True).content.decode()

    entry = AuditEntry.objects.get(action=AuditAction.APP_TESTED)
    assert "this key belongs to “Sandbox”" in page
    assert (entry.facts["worked"], entry.facts["app"]) == (True, app.pk)


def test_it_tells_that_the_key_was_refused(ruth: Client) -> None:
    with running_sandbox() as stand_in:
        app = factories.stream_app(base_url=stand_in.base_url, api_key=stand_in.key, api_secret="CANARY-wrong" * 4)
        page = ruth.post(f"/apps/{app.pk}/test/", follow=True)

    entry = AuditEntry.objects.get(action=AuditAction.APP_TESTED)
    assert entry.facts["worked"] is False
    assert str(entry.facts["finding"]) in unescape(page.content.decode())
    assert "key" in str(entry.facts["finding"])


def test_it_tells_that_stream_cannot_be_reached(ruth: Client) -> None:
    app = factories.stream_app()

    page = ruth.post(f"/apps/{app.pk}/test/", follow=True).content.decode()

    finding = str(AuditEntry.objects.get(action=AuditAction.APP_TESTED).facts["finding"])
    assert finding in unescape(page)
    assert "127.0.0.1:9" not in finding
    assert SECRET not in page


def test_a_secret_whose_key_is_gone_can_be_entered_anew(ruth: Client) -> None:
    app = factories.stream_app()
    spoil(app)
    same = {"name": app.name, "base_url": app.base_url, "api_key": app.api_key, "is_active": "on"}

    listed, tested = ruth.get("/apps/"), ruth.post(f"/apps/{app.pk}/test/", follow=True)
    shown, saved = ruth.get(f"/apps/{app.pk}/"), ruth.post(f"/apps/{app.pk}/", same | {"api_secret": "fresh-secret"})

    assert [page.status_code for page in (listed, tested, shown, saved)] == [200, 200, 200, 302]
    assert "FIELD_KEY" in tested.content.decode()
    app.refresh_from_db()
    assert app.api_secret == "fresh-secret"


@pytest.mark.parametrize("path", ["/apps/999/", "/apps/99999999999999999999/"])
def test_an_app_that_is_not_there_answers_404(ruth: Client, path: str) -> None:
    assert ruth.get(path).status_code == 404
    assert ruth.post(f"{path}test/").status_code == 404
