"""A worker that does not find what it saw last time pauses all sending, and says so in the log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from requests_app.audit_actions import AuditAction
from requests_app.engine import restored
from requests_app.enums import StepState
from requests_app.models import AuditEntry, Pause
from tests import factories
from tests.factories import WORKER

pytestmark = pytest.mark.django_db


@pytest.fixture
def head_file(settings: Any, tmp_path: Path) -> Path:
    file = tmp_path / "head.json"
    settings.WORKER_HEAD_FILE = str(file)
    return file


def test_a_database_without_the_entry_that_was_seen_is_doubted(head_file: Path) -> None:
    ticket = factories.running()
    head_file.write_text(json.dumps({"seq": 10_000, "hash": "0" * 64}))

    assert restored.look(actor=WORKER, now=timezone.now())

    assert Pause.objects.open().filter(stream_app=None).exists()
    assert set(ticket.steps.values_list("state", flat=True)) == {StepState.UNKNOWN.value}
    entry = AuditEntry.objects.get(action=AuditAction.DATABASE_RESTORED.value)
    assert entry.facts["steps"] == ticket.steps.count()
    # From then on it is the database that the worker knows.
    assert not restored.look(actor=WORKER, now=timezone.now())


def test_a_database_that_holds_it_is_not(head_file: Path) -> None:
    factories.running()
    restored.remember(restored.head())

    assert not restored.look(actor=WORKER, now=timezone.now())
    assert not Pause.objects.open().exists()


def test_workers_that_remember_at_the_same_time_do_not_take_each_others_file_away(
    head_file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real, others = Path.replace, []

    def replace(self: Path, target: Path) -> Path:
        if not others:
            others.append(self)
            restored.remember((2, "b" * 64))
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    restored.remember((1, "a" * 64))

    assert restored.remembered(head_file) == (1, "a" * 64)
    assert not caplog.records
    assert list(head_file.parent.iterdir()) == [head_file]
