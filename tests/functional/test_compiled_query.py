"""Queries whose text is made once say the same as those that Django makes anew."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models import QuerySet
from django.utils import timezone

from requests_app.compiled_query import Answers, Compiled, Text, how_many, moment_of, whether
from requests_app.models import Budget, Heartbeat, StreamApp
from tests import factories

pytestmark = pytest.mark.django_db


def beats(first: datetime, last: datetime) -> QuerySet[Heartbeat, Any]:
    return Heartbeat.objects.filter(beat_at__range=(first, last)).order_by("name").values("name", "beat_at")


def test_moments_take_the_place_of_those_that_it_was_made_with() -> None:
    now = timezone.now()
    Heartbeat.objects.bulk_create(
        Heartbeat(name=f"{hours}", beat_at=now - timedelta(hours=hours)) for hours in range(5)
    )
    asked = Compiled(beats)

    for oldest, newest in ((3, 1), (4, 4)):
        rows = asked.values(now - timedelta(hours=oldest), now - timedelta(hours=newest))

        assert [row["name"] for row in rows] == [f"{hours}" for hours in range(newest, oldest + 1)]
        assert moment_of(rows[0]["beat_at"]) == now - timedelta(hours=newest)


def of_app(app_id: int, now: datetime) -> dict[str, Text]:
    own = Budget.objects.filter(stream_app=app_id)
    return {
        "spent": whether(own.spent(now)),
        "endpoints": how_many(own, at_most=3),
        "nobody": how_many(StreamApp.objects.none(), at_most=3),
    }


def test_several_things_are_asked_at_once() -> None:
    now, app = timezone.now(), factories.stream_app()
    other = StreamApp.objects.create(name="Another one")
    asked = Answers(of_app)

    def told(some: StreamApp) -> tuple[bool, int, int]:
        answers = asked.ask(some.pk, now)
        return bool(answers["spent"]), answers["endpoints"], answers["nobody"]

    assert told(app) == (False, 0, 0)
    for number in range(5):
        Budget.objects.create(
            stream_app=app, endpoint=f"Call{number}", remaining=number, reset_at=now + timedelta(hours=1)
        )

    assert told(app) == (True, 3, 0)
    assert told(other) == (False, 0, 0)
