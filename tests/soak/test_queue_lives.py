"""The queue's cluster lives, or is replaced: real processes, killed one by one, under `manage.py supervise`."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from tests.own_portal import OwnPortal, own_portal
from tests.patience import until

KILLS = int(os.environ.get("SOAK_KILLS", "8"))
FAST = ("supervise", "--every", "1", "--patience", "8", "--longest-pause", "2", "--pid-file")


def supervise(portal: OwnPortal) -> None:
    portal.start(*FAST, str(portal.folder / "qcluster.pid"))


def cluster(portal: OwnPortal) -> int:
    """The process group of the running cluster; 0 while there is none."""
    with suppress(FileNotFoundError, ValueError):
        return int((portal.folder / "qcluster.pid").read_text())
    return 0


def members(group: int) -> list[int]:
    """The living processes of a group."""
    found: list[int] = []
    if not group:
        return found
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                state = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(state[2]) == group and state[0] != "Z":
                    found.append(int(entry.name))
    return sorted(found)


def complete(portal: OwnPortal) -> bool:
    """The main process, the sentinel, two workers, the pusher and the monitor."""
    return len(members(cluster(portal))) >= 6


def do(portal: OwnPortal, errand: str) -> None:
    portal.manage("shell", "--no-imports", "-c", f"from tests.faults import errands; errands.{errand}")


def done(portal: OwnPortal, count: int) -> bool:
    states = portal.states()
    return states.get("completed", 0) == count


def canary_age(portal: OwnPortal) -> float:
    return float(
        portal.say(
            "import json; from django.utils import timezone; from requests_app.models import Heartbeat; "
            "beat = Heartbeat.objects.filter(name='canary').first(); "
            "print(json.dumps((timezone.now() - beat.beat_at).total_seconds() if beat and not beat.facts else 1e9))"
        )
    )


def test_a_frozen_cluster_is_replaced_and_a_stopped_one_leaves_nobody_behind(tmp_path: Path) -> None:
    with own_portal(tmp_path) as portal:
        supervise(portal)
        until(lambda: complete(portal), seconds=30, what="the cluster to start")
        # Only a worker that waits for work holds the queue's lock: killed while it starts it leaves nothing locked.
        until(lambda: canary_age(portal) < 60, seconds=30, what="the cluster to take up work")
        first = cluster(portal)
        # A killed worker leaves the queue's lock locked, and whoever comes after it waits for ever.
        for victim in members(first)[-4:]:
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)

        until(lambda: cluster(portal) not in {0, first}, seconds=40, what="the cluster to be replaced")
        assert members(first) == []
        do(portal, "approve('after', 2)")
        until(lambda: done(portal, 2), seconds=60, what="the new cluster to work")

        supervisor = portal.children[-1]
        second = cluster(portal)
        supervisor.send_signal(signal.SIGTERM)
        assert supervisor.wait(timeout=60) == 0
        assert members(second) == []
        assert not (tmp_path / "qcluster.pid").exists()


def test_a_supervisor_that_comes_after_a_killed_one_ends_what_that_left_behind(tmp_path: Path) -> None:
    with own_portal(tmp_path) as portal:
        supervise(portal)
        until(lambda: complete(portal), seconds=30, what="the cluster to start")
        orphans = cluster(portal)
        portal.children[-1].kill()
        portal.children[-1].wait()
        assert members(orphans)

        supervise(portal)
        until(lambda: cluster(portal) not in {0, orphans}, seconds=30, what="the new cluster")

        until(lambda: not members(orphans), seconds=15, what="the orphans to end")
        os.killpg(cluster(portal), signal.SIGKILL)


def test_a_canary_that_nobody_acknowledges_is_told_with_an_exit_code(tmp_path: Path) -> None:
    with own_portal(tmp_path) as portal:
        first = portal.manage("canary", "--patience", "0.2", check=False)
        second = portal.manage("canary", "--patience", "0.2", check=False)

        assert first.returncode == 0
        assert second.returncode == 1
        assert "restart its cluster" in second.stderr


# Each wait below has an end of its own, which says what was waited for; together they may come to this.
@pytest.mark.timeout(400)
def test_a_storm_of_kills_ends_with_every_ticket_in_its_final_state(tmp_path: Path) -> None:
    """Any process of the cluster is killed again and again while tickets are carried out (seed in the output)."""
    seed = int(os.environ.get("SOAK_SEED", "0")) or random.randrange(1, 10**6)
    dice = random.Random(seed)
    print(f"SOAK_SEED={seed}")
    with own_portal(tmp_path) as portal:
        supervise(portal)
        do(portal, "approve('early', 12, exports=4)")
        kills = 0
        # For a verdict within minutes; `make chaos` kills at every point.
        while kills < KILLS:
            until(lambda: members(cluster(portal)), seconds=20, what="a cluster to kill")
            with suppress(ProcessLookupError, IndexError):
                os.kill(dice.choice(members(cluster(portal))), signal.SIGKILL)
                kills += 1
            pause = time.monotonic() + dice.uniform(1, 3)
            until(lambda pause=pause: time.monotonic() > pause, seconds=10, what="a moment to pass")
            if kills == KILLS // 2:
                do(portal, "approve('late', 8)")
        until(lambda: done(portal, 24), seconds=150, what="every ticket to be completed")

        accepted = Counter(
            name for call in portal.accepted() if call["operation"] == "DeleteUsers" for name in call["user_ids"]
        )
        found = portal.say("from tests.faults import errands; errands.report()")
    assert set(accepted.values()) == {1}
    assert len(accepted) == 20
    assert found["intact"]
    # Where a kill took the answer to a delete along, nobody knows how that ended.
    erased = {"completed/erased_in_part", "completed/not_verified"}
    assert found["tickets"].pop("completed/exported") == 4
    assert set(found["tickets"]) <= erased
    assert sum(found["tickets"].values()) == 20
