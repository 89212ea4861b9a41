"""/metrics: numbers for whoever holds the token, and of nobody in particular."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from requests_app.enums import MailKind
from requests_app.models import AppHealth, Budget, Heartbeat, Mail
from requests_app.workflow import outbox, pauses
from tests import factories
from tests.people import actor

pytestmark = pytest.mark.django_db
TOKEN = "scrape-me-7c1f"


@pytest.fixture
def token(settings: Any) -> str:
    settings.METRICS_TOKEN = TOKEN
    return TOKEN


def read(client: Client) -> dict[tuple[str, str], float]:
    answer = client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def test_without_a_token_in_the_settings_there_is_no_such_page(client: Client) -> None:
    assert client.get("/metrics", headers={"authorization": "Bearer "}).status_code == 404


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", "Basic c2NyYXBl", f"bearer {TOKEN}", "Bearer ü"])
def test_without_the_right_token_it_says_nothing(client: Client, token: str, given: str) -> None:
    answer = client.get("/metrics", headers={"authorization": given})

    assert answer.status_code == 401
    assert "portal_" not in answer.content.decode()


def test_it_tells_the_state_of_the_portal(client: Client, token: str) -> None:
    now = timezone.now()
    factories.running()
    app = factories.approved().stream_app
    Heartbeat.objects.create(name="sweep", beat_at=now - timedelta(seconds=30))
    AppHealth.objects.create(stream_app=app, open_until=now, changed_at=now)
    Budget.objects.create(stream_app=app, endpoint="DeleteUsers", limit=6, remaining=4, reset_at=now)
    pauses.pause(None, actor=actor("dora"), now=now, reason="An incident.")

    found = read(client)

    assert found["portal_tickets", "approved"] == 1
    assert found["portal_tickets", "running"] == 1
    assert found["portal_steps", "planned"] == 2
    assert found["portal_waiting", "worker"] == 1
    assert 30 <= found["portal_seen_seconds_ago", "sweep"] < 90
    assert found["portal_seen_seconds_ago", "canary"] != found["portal_seen_seconds_ago", "canary"]
    assert found["portal_app_left_alone", app.name] == 1
    assert found["portal_app_paused", app.name] == 1
    assert found["portal_budget_remaining", f"{app.name},DeleteUsers"] == 4


def queued(key: str, **changes: Any) -> Mail:
    now = timezone.now()
    mail = outbox.queue(MailKind.REMINDER, key=key, recipient="a@example.org", subject="S", body="B", now=now)
    assert mail is not None
    Mail.objects.filter(pk=mail.pk).update(**changes)
    return mail


def test_it_counts_the_mails_and_how_long_the_oldest_waits(client: Client, token: str) -> None:
    assert read(client)["portal_oldest_mail_seconds", ""] == 0
    now = timezone.now()
    queued("waits", queued_at=now - timedelta(minutes=40))
    queued("new")
    queued("sent", state="sent", sent_at=now, next_at=None, queued_at=now - timedelta(days=2))
    queued("failed", state="failed", next_at=None, queued_at=now - timedelta(days=2))

    found = read(client)

    assert [found["portal_mails", state] for state in ("waiting", "sending", "sent", "failed", "unknown")] == [
        2,
        0,
        1,
        1,
        0,
    ]
    assert 2400 <= found["portal_oldest_mail_seconds", ""] < 2460


def test_the_readiness_says_that_mail_is_stuck_and_stays_as_it_is(client: Client) -> None:
    def says() -> dict[str, Any]:
        return dict(client.get("/readyz").json()["checks"]["post"])

    queued("new")
    assert says() == {"ready": True, "says": "No mail is stuck."}
    queued("waits", queued_at=timezone.now() - timedelta(minutes=40))

    assert says()["ready"]
    assert says()["says"].startswith("Mail is stuck: the oldest waits for 40 min.")


def test_no_person_is_in_it(client: Client, token: str) -> None:
    factories.running(factories.erase_plan("canary-quillfeather-7"))

    answer = client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})

    assert "quillfeather" not in answer.content.decode()
