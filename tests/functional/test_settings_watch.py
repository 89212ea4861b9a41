"""A changed setting leaves an entry with the value before and after; a secret never does."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from requests_app.audit_actions import AuditAction
from requests_app.models import AuditEntry, Heartbeat
from requests_app.upkeep import settings_watch
from tests.factories import WORKER

pytestmark = pytest.mark.django_db
SECRETS = ("SECRET_KEY", "FIELD_KEY", "AUDIT_KEYS", "AUDIT_SIGNING_KEY", "STREAM_API_SECRET", "METRICS_TOKEN")


def look() -> bool:
    return settings_watch.run(WORKER, timezone.now())


def told() -> list[dict[str, Any]]:
    rows = AuditEntry.objects.filter(action=AuditAction.SETTINGS_CHANGED.value).order_by("seq")
    return [row.facts for row in rows]


def test_the_first_look_tells_all_of_them_and_the_next_nothing() -> None:
    assert look()
    assert not look()

    (first,) = told()
    assert first["first"]
    assert sorted(first["changed"]) == sorted(settings_watch.WATCHED)
    assert first["changed"]["DSR_HOLIDAYS"] == [None, settings.DSR_HOLIDAYS]


def test_a_change_is_told_with_before_and_after(settings: Any) -> None:
    look()
    settings.RETENTION_CONTACT_DAYS = 30
    settings.ALLOWED_HOSTS = ["portal.example.org"]

    assert look()

    facts = told()[-1]
    assert not facts["first"]
    assert facts["changed"]["RETENTION_CONTACT_DAYS"] == [90, 30]
    assert facts["changed"]["ALLOWED_HOSTS"][1] == ["portal.example.org"]
    assert len(facts["changed"]) == 2


def test_what_could_not_be_told_is_told_at_the_next_look(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    look()
    settings.COURT = "Another court"

    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("no entry")

    with monkeypatch.context() as patch:
        patch.setattr(settings_watch.log, "record", broken)
        with pytest.raises(RuntimeError, match="no entry"):
            look()
    assert Heartbeat.objects.get(name=settings_watch.ROW).facts["COURT"] != "Another court"
    assert look()


def test_no_secret_is_among_them() -> None:
    assert not set(settings_watch.WATCHED) & set(SECRETS)
    assert not [name for name in settings_watch.WATCHED if "KEY" in name or "SECRET" in name or "TOKEN" in name]
