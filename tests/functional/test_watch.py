"""The watch over transactions finds what it is there to find: planted holes in the audit log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from requests_app.audit import log
from requests_app.audit_actions import AuditAction
from requests_app.models import Heartbeat
from tests.audit_table import Row
from tests.functional.conftest import check
from tests.people import actor
from tests.together import Watch, watching

pytestmark = pytest.mark.django_db
ROW = Row("app.test", "…", (), frozenset({"heartbeat"}), frozenset({"app"}), False, (), ())


def entry(**changes: Any) -> None:
    facts = {"facts": {"app": 1}} | changes
    log.record(AuditAction.APP_TESTED, actor=actor("ada"), now=timezone.now(), **facts)


def change() -> None:
    Heartbeat.objects.create(name="x", beat_at=timezone.now())


def together() -> None:
    with transaction.atomic():
        change()
        entry()


def apart() -> None:
    with transaction.atomic():
        change()
    with transaction.atomic():
        entry()


def undone() -> None:
    with transaction.atomic():
        change()
        entry()
        transaction.set_rollback(True)


def outside() -> None:
    change()
    entry()


def talkative() -> None:
    with transaction.atomic():
        change()
        entry(facts={"app": 1, "name": "Marie"})


def wordy() -> None:
    with transaction.atomic():
        change()
        entry(texts={"note": "Marie"})


def naming() -> None:
    with transaction.atomic():
        change()
        entry(subjects=["2026:abc"])


def seen(act: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> Watch:
    actor("ada")
    with watching(monkeypatch) as watch:
        act()
    return watch


def row(watch: Watch) -> Row:
    """The row, written by whoever wrote it: the tests stand in no room of the portal."""
    for one in watch.done:
        one.records[:] = [replace(told, callers=("a.py:b",)) for told in one.records]
    return replace(ROW, writers=("a.py:b",))


def test_what_is_written_together_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    watch = seen(together, monkeypatch)

    check(row(watch), watch)
    with pytest.raises(AssertionError, match="stands in no transaction"):
        check(replace(ROW, writers=("somebody/else.py:x",)), watch)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (apart, "stands in no transaction"),
        (undone, "no entry app.test was written"),
        (outside, "outside any transaction"),
        (talkative, "facts that no paper names: {'.*name'.*}"),
        (wordy, "texts that no paper names"),
        (naming, "names people"),
    ],
)
def test_each_planted_hole_is_found(act: Callable[[], None], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = seen(act, monkeypatch)

    with pytest.raises(AssertionError, match=words):
        check(row(watch), watch)
