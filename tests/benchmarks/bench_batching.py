"""Many approved erasures at once, without limits: how few calls they take, and how much sooner they are through.

Held against an honest plain loop over the same sandbox: one call a user, asked about until its task is done.
"""

from __future__ import annotations

import time

from requests_app.enums import Mode
from requests_app.stream.wire import TaskState
from requests_app.workflow import plan as plans
from requests_app.workflow.plan import Plan
from tests.benchmarks import crowd, engine, sandbox
from tests.benchmarks.stage import Stage

USERS = 1_000
ALONE = 20
LATENCY_MS = 50.0
TASK_SECONDS = 2.0
PLAIN_PAUSE = 0.25
# Longer than any run that is worth waiting for.
PATIENCE = 300.0

_HARD: dict[str, object] = {"user": Mode.HARD, "messages": Mode.HARD, "conversations": Mode.HARD}
_SOFT: dict[str, object] = {"user": Mode.SOFT, "messages": Mode.SOFT, "conversations": Mode.KEEP}
_PRUNED: dict[str, object] = {"user": Mode.PRUNING, "messages": Mode.PRUNING, "conversations": Mode.KEEP}
# Each becomes a body of its own, so no two of them share a call.
TEN: tuple[dict[str, object], ...] = (
    _HARD,
    {**_HARD, "files": True},
    {**_HARD, "calls": Mode.SOFT},
    {**_HARD, "calls": Mode.HARD},
    {**_HARD, "calls": Mode.HARD, "files": True},
    _SOFT,
    {**_SOFT, "files": True},
    {**_SOFT, "conversations": Mode.SOFT},
    _PRUNED,
    {**_PRUNED, "files": True},
)
FOURTEEN = (
    *TEN,
    {**_HARD, "calls": Mode.SOFT, "files": True},
    {**_SOFT, "calls": Mode.SOFT},
    {**_SOFT, "conversations": Mode.SOFT, "files": True},
    {**_PRUNED, "calls": Mode.SOFT},
)


def erasures(number: int, kinds: int) -> list[Plan]:
    """So many erasures, as they come in: of that many kinds in turn."""
    return [crowd.erasure(f"{kinds}-kinds-{place}", **FOURTEEN[place % kinds]) for place in range(number)]


def run(stage: Stage) -> None:
    """Equal plans, ten different ones, and the plain loop."""
    users = stage.count(USERS)
    with sandbox.running(stage.folder, latency_ms=LATENCY_MS, task_seconds=TASK_SECONDS) as stream:
        few = max(3, min(ALONE, users))
        alone, hasty = plain_loop(stream, few, patient=True) / few, plain_loop(stream, few, patient=False) / few
        stage.tell("plain loop, one user", alone, "s", note=f"mean of {few} users, one after the other")
        stage.tell("plain loop that asks once and goes on, one user", hasty, "s", note="what its calls alone take")
        for kinds, words in ((1, "equal plans"), (len(TEN), "ten plans")):
            carry_out(stage, stream, erasures(users, kinds), words, alone, hasty)


def carry_out(stage: Stage, stream: sandbox.Stream, wanted: list[Plan], words: str, alone: float, hasty: float) -> None:
    """Let the engine carry the erasures out, and tell what it took."""
    stream.make_users([plan.user_ids[0] for plan in wanted])
    calls, reads = len(stream.accepted("DeleteUsers")), stream.calls("QueryUsers", "GetTask")
    through = engine.completed()
    with engine.working(stage.folder):
        crowd.approved(wanted, stream.app())
        seconds = engine.wait_for(through + len(wanted), seconds=PATIENCE)
        done = engine.completed() - through
    calls = len(stream.accepted("DeleteUsers")) - calls
    reads = stream.calls("QueryUsers", "GetTask") - reads
    note = f"{done} of {len(wanted)} through"
    stage.tell(f"{words}: wall time", seconds, "s", note=note)
    stage.tell(f"{words}: delete calls", calls, "calls")
    stage.tell(f"{words}: reads", reads, "calls", note="QueryUsers and GetTask")
    stage.tell(f"{words}: fewer delete calls than users", len(wanted) / max(1, calls), "times", goal=">= 50")
    faster = alone * done / seconds
    stage.tell(f"{words}: faster than the plain loop", faster, "times", goal=">= 20", note="loop scaled up")
    stage.tell(f"{words}: faster than the calls of the plain loop alone", hasty * done / seconds, "times")


def plain_loop(stream: sandbox.Stream, users: int, *, patient: bool) -> float:
    """Seconds of a loop that deletes one user at a time and waits for each, or looks once where it is not patient."""
    wanted = [crowd.erasure(f"plain-{patient}-{place}") for place in range(users)]
    stream.make_users([plan.user_ids[0] for plan in wanted])
    client = stream.client()
    began = time.monotonic()
    for plan in wanted:
        task = client.delete_users(plan.user_ids, plans.delete_fields(plan))
        while client.get_task(task.task_id).state is TaskState.GOING and patient:
            time.sleep(PLAIN_PAUSE)
    return time.monotonic() - began
