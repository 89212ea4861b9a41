"""What migrating leaves behind, and what signing in and out writes down."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.test import Client
from django_q.models import Schedule

from requests_app import queue
from requests_app.audit_actions import AuditAction
from requests_app.enums import STAFF_ROLES
from requests_app.models import AuditEntry, StreamApp
from tests.people import PASSWORD, person

pytestmark = pytest.mark.django_db


def migrate() -> None:
    call_command("migrate", verbosity=0)


def environment(settings: Any, url: str) -> None:
    settings.STREAM_BASE_URL, settings.STREAM_API_KEY, settings.STREAM_API_SECRET = url, "key", "CANARY-" * 6


def test_migrating_leaves_groups_and_the_two_schedules() -> None:
    Group.objects.all().delete()
    Schedule.objects.all().delete()

    migrate()
    migrate()

    assert set(Group.objects.values_list("name", flat=True)) == {role.value for role in STAFF_ROLES}
    assert set(Schedule.objects.values_list("func", flat=True)) == set(queue.SCHEDULES.values())
    assert list(Schedule.objects.values_list("schedule_type", "minutes", "repeats")) == [(Schedule.MINUTES, 1, -1)] * 2


def test_migrating_leaves_the_environments_app_without_its_credentials(settings: Any) -> None:
    environment(settings, "http://127.0.0.1:7")

    migrate()
    migrate()

    app = StreamApp.objects.get()
    assert app.from_environment
    assert (app.base_url, app.api_key, app.api_secret) == ("", "", "")
    assert app.credentials() == ("http://127.0.0.1:7", "key", "CANARY-" * 6)


def test_migrating_keeps_the_name_that_was_given_to_it(settings: Any) -> None:
    environment(settings, "http://127.0.0.1:7")
    migrate()
    StreamApp.objects.update(name="chat-eu", is_active=False)

    migrate()

    assert list(StreamApp.objects.values_list("name", "is_active")) == [("chat-eu", False)]


def test_without_an_environment_there_is_no_app(settings: Any) -> None:
    environment(settings, "")

    migrate()

    assert not StreamApp.objects.exists()


def test_signing_in_is_written_down_with_role_and_address() -> None:
    dora = person("dora")
    dora.set_password(PASSWORD)
    dora.save()

    Client(REMOTE_ADDR="203.0.113.5").post("/accounts/login/", {"login": "dora", "password": PASSWORD})

    entry = AuditEntry.objects.get(action=AuditAction.SIGNED_IN)
    assert (entry.actor_id, entry.actor_role, entry.origin) == (dora.pk, "dpo", "203.0.113.5")


def test_a_failed_sign_in_keeps_nothing_of_what_was_typed() -> None:
    Client(REMOTE_ADDR="203.0.113.5").post(
        "/accounts/login/", {"login": "my-password-by-mistake", "password": "wrong-wrong"}
    )

    entry = AuditEntry.objects.get(action=AuditAction.SIGN_IN_FAILED)
    assert (entry.actor_id, entry.actor_name, entry.origin) == (None, "", "203.0.113.5")
    assert "mistake" not in str(AuditEntry.objects.values().get(seq=entry.seq))
