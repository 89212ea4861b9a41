"""The queue: its settings hold together, its pages are nowhere, its jobs carry numbers, and its silence is told."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin
from django.test import Client
from django.utils import timezone
from django_q.models import Failure, OrmQ, Schedule, Success, Task

from requests_app import jobs, queue
from requests_app.cluster import stop_seconds
from requests_app.models import Heartbeat
from requests_app.ops import canary
from requests_app.queries import heartbeat
from tests.people import person

pytestmark = pytest.mark.django_db
CLUSTER: dict[str, Any] = settings.Q_CLUSTER


def test_a_job_at_hand_is_never_handed_out_again_while_it_may_still_run() -> None:
    rounds = math.ceil((CLUSTER["queue_limit"] + CLUSTER["bulk"]) / CLUSTER["workers"])
    assert CLUSTER["retry"] > (CLUSTER["timeout"] + 3) * (1 + rounds)
    assert stop_seconds() >= CLUSTER["timeout"] * (1 + rounds)


def test_a_sweep_and_the_longest_call_end_before_the_queue_ends_the_job() -> None:
    assert CLUSTER["timeout"] > jobs.BUDGET + settings.STREAM_TOTAL_SECONDS + 5


def test_the_queue_itself_retries_nothing_and_catches_up_on_nothing() -> None:
    assert (CLUSTER["max_attempts"], CLUSTER["ack_failures"], CLUSTER["catch_up"]) == (1, True, False)
    assert CLUSTER["save_limit"] > 0
    # The guard compares a float that it counts down with zero.
    assert math.log2(CLUSTER["guard_cycle"]).is_integer()


def test_the_queues_own_pages_are_not_mounted() -> None:
    boss = person("ruth")
    boss.is_staff = boss.is_superuser = True
    boss.save()
    client = Client()
    client.force_login(boss)

    assert not any(admin.site.is_registered(model) for model in (Schedule, Success, Failure, OrmQ))
    assert client.get("/admin/django_q/").status_code == 404


def test_schedules_carry_one_number() -> None:
    queue.keep_schedules()
    assert [schedule.args for schedule in Schedule.objects.all()] == ["(0,)", "(0,)"]


def test_a_schedule_that_cannot_be_read_is_named_since_it_stops_them_all() -> None:
    Heartbeat.objects.create(name="sweep", beat_at=timezone.now())
    assert heartbeat.check()[0]
    Schedule.objects.create(name="by hand", func="os.getpid", args="oops(")

    ready, words = heartbeat.check()

    assert not ready
    assert "by hand" in words


def test_an_old_canary_means_that_the_queue_is_silent() -> None:
    now = timezone.now()
    Heartbeat.objects.create(name="sweep", beat_at=now)
    Heartbeat.objects.create(name="canary", beat_at=now - timedelta(minutes=4))
    assert heartbeat.worker_signs()[0]

    Heartbeat.objects.filter(name="canary").update(beat_at=now - timedelta(minutes=6))

    assert heartbeat.worker_signs() == (False, "Queue silent for 6 min")


def test_the_canary_counts_as_acknowledged_only_when_its_result_is_stored_and_its_job_gone() -> None:
    now = timezone.now()
    canary.begin_anew(now)
    (job,) = OrmQ.objects.all()
    later = now + timedelta(seconds=30)
    assert canary.look(later).silent_for(later) == timedelta(seconds=30)

    Task.objects.create(id=job.task_id(), name="canary", func=queue.CANARY_JOB, success=True, started=now, stopped=now)
    # Carried out, but not acknowledged: what a cluster without a monitor does for ever.
    assert canary.look(later).waits
    job.delete()

    seen = canary.look(later)
    assert (seen.acknowledged_at, seen.waits) == (later, False)


def test_old_results_are_thrown_away() -> None:
    now = timezone.now()
    Task.objects.create(id="old", name="old", func="x", success=False, started=now, stopped=now - timedelta(days=9))
    Task.objects.create(id="new", name="new", func="x", success=False, started=now, stopped=now)

    assert queue.forget_results(now - timedelta(days=7)) == 1
    assert list(Task.objects.values_list("id", flat=True)) == ["new"]
