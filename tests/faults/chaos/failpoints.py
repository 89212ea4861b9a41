"""Where a process may be killed or stopped: functions of the portal by the path under which they are called.

Nothing of this is in the portal: a victim wraps the function in its own process, after the fork.
"""

from __future__ import annotations

import importlib
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

# Seconds after the start of a call at which its caller dies; the stand-in waits longer before it acts.
IN_MID_CALL = 0.01


class When(Enum):
    """Before the function, after it, or while it waits for Stream."""

    BEFORE = "before"
    AFTER = "after"
    DURING = "during"


class Stage(Enum):
    """What must have happened before a sweep comes past the point."""

    SWEEP = "sweep"
    ABANDONED = "abandoned"
    UNKNOWN = "unknown"
    WEB = "web"
    DOWNLOAD = "download"


class Fate(Enum):
    """What the victim does to itself: it is gone, or it stands still until somebody lets it go on."""

    KILL = signal.SIGKILL
    STOP = signal.SIGSTOP


@dataclass(frozen=True)
class Failpoint:
    """One point. In the midst of a transaction nobody is stopped: that would only stop everybody else."""

    name: str
    target: str
    when: When
    stage: Stage = Stage.SWEEP
    in_transaction: bool = False

    @property
    def fates(self) -> tuple[Fate, ...]:
        """What may befall a process here."""
        return (Fate.KILL,) if self.in_transaction or self.when is When.DURING else (Fate.KILL, Fate.STOP)


_HERE = "requests_app"
BEFORE, AFTER, DURING = When
POINTS = (
    Failpoint("approved, not begun", f"{_HERE}.engine.phases.begin.begin_approved", BEFORE),
    Failpoint("steps half laid out", f"{_HERE}.workflow.outcomes.begin_all", BEFORE, in_transaction=True),
    Failpoint("begun", f"{_HERE}.engine.phases.begin.begin_approved", AFTER),
    Failpoint("claimed, before the look", f"{_HERE}.engine.claims.claim_sendable", AFTER),
    Failpoint("looked", f"{_HERE}.engine.phases.check_before.look", AFTER),
    Failpoint("before the intent", f"{_HERE}.engine.phases.intend.intend", BEFORE),
    Failpoint("in the intent", f"{_HERE}.engine.phases.intend._attempts", AFTER, in_transaction=True),
    Failpoint("after the intent", f"{_HERE}.engine.phases.intend.intend", AFTER),
    Failpoint("before the call", f"{_HERE}.engine.batching.parcels._call", BEFORE),
    Failpoint("during the call", f"{_HERE}.engine.batching.parcels._call", DURING),
    Failpoint("after the answer", f"{_HERE}.engine.batching.parcels._call", AFTER),
    Failpoint("before the answer is written", f"{_HERE}.engine.phases.answer.write_down", BEFORE),
    Failpoint("answers half written", f"{_HERE}.engine.phases.answer._stream_tasks", AFTER, in_transaction=True),
    Failpoint("answer written", f"{_HERE}.engine.phases.answer.write_down", AFTER),
    Failpoint("tasks claimed", f"{_HERE}.engine.claims.claim_stream_tasks", AFTER),
    Failpoint("before a poll is written", f"{_HERE}.engine.phases.poll._apply_reports", BEFORE),
    Failpoint("polls half written", f"{_HERE}.engine.phases.poll._steps_on", AFTER, in_transaction=True),
    Failpoint("poll written", f"{_HERE}.engine.phases.poll._apply_reports", AFTER),
    Failpoint("claimed to look back", f"{_HERE}.engine.claims.claim_to_look_at", AFTER),
    Failpoint("before the read-back is written", f"{_HERE}.engine.phases.read_back._apply_looks", BEFORE),
    Failpoint("read back", f"{_HERE}.engine.phases.read_back._apply_looks", AFTER),
    Failpoint("before the ticket settles", f"{_HERE}.workflow.outcomes.settle_all", BEFORE),
    Failpoint("half settled", f"{_HERE}.workflow.results._keep_outcomes", AFTER, in_transaction=True),
    Failpoint("settled", f"{_HERE}.workflow.outcomes.settle_all", AFTER),
    Failpoint("abandoned claimed", f"{_HERE}.engine.claims.claim_abandoned", AFTER, Stage.ABANDONED),
    Failpoint("abandoned adopted", f"{_HERE}.engine.phases.reconcile.adopt_abandoned", AFTER, Stage.ABANDONED),
    Failpoint("unknown claimed", f"{_HERE}.engine.claims.claim_unknown", AFTER, Stage.UNKNOWN),
    Failpoint(
        "before the comparison is written", f"{_HERE}.engine.phases.reconcile._apply_comparisons", BEFORE, Stage.UNKNOWN
    ),
    Failpoint("compared", f"{_HERE}.engine.phases.reconcile._settle", AFTER, Stage.UNKNOWN),
    Failpoint("decision noted", f"{_HERE}.workflow.approval.decide", AFTER, Stage.WEB, in_transaction=True),
    Failpoint("doorbell rung", f"{_HERE}.queue.ring", AFTER, Stage.WEB, in_transaction=True),
    Failpoint("state changed", f"{_HERE}.workflow.transition._change", AFTER, Stage.WEB, in_transaction=True),
    Failpoint("approved, no answer yet", f"{_HERE}.workflow.approval.approve", AFTER, Stage.WEB),
    Failpoint("before the download is noted", f"{_HERE}.workflow.access.record_download", BEFORE, Stage.DOWNLOAD),
    Failpoint("download noted", f"{_HERE}.workflow.access.record_download", AFTER, Stage.DOWNLOAD),
    Failpoint("in mid-file", f"{_HERE}.stream.links.ExportStream.iter_chunks", AFTER, Stage.DOWNLOAD),
)


def of_stage(stage: Stage) -> tuple[Failpoint, ...]:
    """The points that a process in this situation comes past."""
    return tuple(point for point in POINTS if point.stage is stage)


def arm(point: Failpoint, fate: Fate, *, passes: int, reached: Callable[[], None]) -> None:
    """From now on this process meets its fate when it comes past the point for so many times with something to do."""

    def meet() -> None:
        reached()
        os.kill(os.getpid(), fate.value)

    setattr(*trap(point, passes=passes, meet=meet))


def trap(point: Failpoint, *, passes: int, meet: Callable[[], None]) -> tuple[Any, str, Callable[..., Any]]:
    """What to put where, so that `meet` is called once at the point: owner, name, and the wrapped function."""
    path, _, name = point.target.rpartition(".")
    owner = _owner(path)
    real = getattr(owner, name)
    left = passes
    lock = threading.Lock()

    def due() -> bool:
        nonlocal left
        with lock:
            left -= 1
            return left == 0

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        something = not args or bool(args[0])
        if point.when is BEFORE and something and due():
            meet()
        if point.when is DURING and due():
            threading.Timer(IN_MID_CALL, meet).start()
        result = real(*args, **kwargs)
        if point.when is AFTER and something and (result is None or result) and due():
            meet()
        return result

    return owner, name, wrapped


def _owner(path: str) -> Any:
    """The module or the class of that path."""
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError:
        module, _, name = path.rpartition(".")
        return getattr(importlib.import_module(module), name)
