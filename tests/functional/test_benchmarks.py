"""The benchmarks measure what they say: copied tickets are true ones, and bounds and counts are right."""

from __future__ import annotations

from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

from requests_app.enums import Outcome, State
from requests_app.models import Step, Ticket
from requests_app.stream.errors import RateLimited
from requests_app.workflow import plan as plans
from tests import factories
from tests.benchmarks import bench_limits, bench_queries, crowd, drive, sandbox
from tests.benchmarks.__main__ import BENCHMARKS
from tests.benchmarks.bench_batching import TEN, erasures
from tests.benchmarks.results import Figure, table
from tests.benchmarks.scripted import ScriptedStream, spoken_to

pytestmark = pytest.mark.django_db


def test_every_benchmark_has_its_file() -> None:
    assert [name for name in BENCHMARKS if find_spec(f"tests.benchmarks.bench_{name}") is None] == []


def test_the_engine_carries_copied_tickets_out_like_any_other() -> None:
    with spoken_to(ScriptedStream()) as stream:
        drive.to_the_end([crowd.erasure(f"copied-{place}") for place in range(3)], factories.stream_app())

    done = Ticket.objects.values_list("state", "outcome", "accounts__outcome", "accounts__user_id")
    end = (State.COMPLETED, Outcome.ERASED_IN_PART, Outcome.ERASED_IN_PART)
    assert sorted(done) == [(*end, f"copied-{place}") for place in range(3)]
    assert stream.calls["DeleteUsers"] == 1


def test_a_copy_is_approved_under_its_own_plan() -> None:
    crowd.approved([crowd.erasure("first"), crowd.erasure("second")], factories.stream_app())

    second = Ticket.objects.get(accounts__user_id="second")
    assert second.approved_digest == second.plan_digest == plans.digest(crowd.erasure("second"))
    assert second.decisions.get().plan_digest == second.plan_digest
    assert second.contributions.count() == Ticket.objects.get(accounts__user_id="first").contributions.count() > 0


def test_stored_tickets_are_finished_and_nothing_of_them_is_due() -> None:
    crowd.finished(3, factories.stream_app())

    steps = Step.objects.filter(ticket__state=State.COMPLETED.value, stream_task__finished_at__isnull=False)
    assert steps.count() == Ticket.objects.count() == 3
    assert not steps.exclude(next_at=None, look_again_at=None).exists()
    assert all(step.attempts.count() == 1 for step in steps)


def test_ten_plans_are_ten_different_calls() -> None:
    bodies = {tuple(sorted(plans.delete_fields(plan).items())) for plan in erasures(len(TEN), len(TEN))}

    assert len(bodies) == len(TEN)


@pytest.mark.parametrize(
    ("left", "users", "kinds", "least"),
    [(40, 1_000, 1, 42.05), (40, 600, 1, 2.05), (40, 601, 1, 42.05), (40, 1_300, 1, 102.05), (40, 1_001, 10, 42.05)],
)
def test_the_bound_of_the_limits_counts_the_minutes_that_must_begin(
    left: float, users: int, kinds: int, least: float
) -> None:
    assert bench_limits.bound(left, users, kinds) == pytest.approx(least)


@pytest.mark.parametrize("limits", [True, False])
def test_the_sandbox_runs_with_the_default_limits_or_with_none(tmp_path: Path, limits: bool) -> None:
    # One more than fit into two minutes, should one begin meanwhile.
    calls = 2 * bench_limits.LIMIT + 1
    with sandbox.running(tmp_path, limits=limits) as stream:
        stream.make_users(["somebody"])
        for _ in range(calls):
            with suppress(RateLimited):
                stream.client().delete_users(["somebody"], {"user": "soft"})
        accepted = stream.accepted("DeleteUsers")

    assert (len(accepted) < calls) is limits
    assert accepted == [1] * stream.calls("DeleteUsers")


def test_queries_are_put_down_to_the_phase_that_made_them() -> None:
    with spoken_to(ScriptedStream()):
        seen: list[bench_queries.Tally] = []
        wanted = [crowd.erasure("counted")]
        drive.to_the_end(wanted, factories.stream_app(), around=lambda work: seen.append(bench_queries.counted(work)))

    assert all(seen[0].counts[phase] for phase in ("begin", "send", "poll", "read back", "settle"))


def test_the_table_shows_small_and_large_figures() -> None:
    shown = table(
        [Figure("growth", "sqlite", "a step", 1.2345, "ms"), Figure("batching", "sqlite", "all", 12_345, "s")]
    )

    assert "1.234" in shown
    assert "12,345" in shown
