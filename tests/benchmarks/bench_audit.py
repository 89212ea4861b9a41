"""The audit log: appends of many processes at once, checks of all of it, and the page's filters with millions stored.

Each append is a durable commit of its own. What is checked is a chain that the log's own writer wrote; the millions
behind it, made inside the database, are for the filters alone, and their hashes are made up.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from django.db import connection, transaction
from django.utils import timezone

from requests_app.audit import checkpoints, log, signing
from requests_app.audit.actor import worker
from requests_app.audit_actions import AuditAction
from requests_app.models import AuditEntry
from requests_app.queries import audit, audit_export, audit_verify
from tests.benchmarks import long_log
from tests.benchmarks.stage import Stage
from tests.people import actor, person

ROOT = Path(__file__).resolve().parents[2]
VERIFIER = ROOT / "deploy" / "audit_verifier.py"
WRITERS, APPENDS = 8, 2_500
CHECKED = 500_000
AT_ONCE = 1_000
STORED = (10_000, 1_000_000, 10_000_000)
ROUNDS = 30
GOALS = {"postgresql": ">= 1000", "sqlite": ">= 2500"}


def run(stage: Stage) -> None:
    """Appends, checks, filters."""
    _appends(stage)
    _checks(stage)
    _filters(stage)


def _appends(stage: Stage) -> None:
    for writers in (1, WRITERS):
        each = max(20, stage.count(APPENDS))
        seconds = _written(writers, each)
        goal = GOALS[connection.vendor] if writers == WRITERS else ""
        words = f"{writers} process{'es' if writers > 1 else ''}, {each:,} each, a durable commit an entry"
        stage.tell(f"appends, {writers} at once", writers * each / seconds, "/s", goal=goal, note=words)


def _written(writers: int, each: int) -> float:
    """How many seconds it takes from the word on until the last one is done."""
    command = [sys.executable, "-m", "tests.benchmarks.audit_writer"]
    children = [
        subprocess.Popen(
            [*command, str(number), str(each)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for number in range(writers)
    ]
    before = AuditEntry.objects.count()
    for child in children:
        if child.stdout is None or child.stdout.readline() != "ready\n":
            raise RuntimeError("a writer did not start")
    began = time.perf_counter()
    for child in children:
        if child.stdin:
            child.stdin.write("go\n")
            child.stdin.flush()
    codes = [child.wait() for child in children]
    seconds = time.perf_counter() - began
    if any(codes) or AuditEntry.objects.count() - before != writers * each:
        raise RuntimeError("a writer failed")
    return seconds


def _checks(stage: Stage) -> None:
    count = max(2_000, stage.count(CHECKED))
    _fill(count)
    plain, signed = stage.folder / "plain.jsonl", stage.folder / "signed.jsonl"
    _export(plain)
    while (made := checkpoints.make(actor=worker("bench"), now=timezone.now())) and made.size < _size():
        pass
    _export(signed)
    size = _size()
    stage.tell("check_chain: chain and texts", size / _seconds(audit.check_chain), "/s", note=f"{size:,} entries")
    stage.tell("verify_audit: and Merkle tree, signatures, rules", size / _seconds(audit_verify.check_log), "/s")
    keys = [word for key in signing.verifiers() for word in ("--key", str(key))]
    for words, file in (("chain, rules", plain), ("chain, rules, Merkle, signatures", signed)):
        seconds = _seconds(lambda file=file: _verified(file, keys))
        stage.tell(f"audit_verifier.py: {words}", size / seconds, "/s", goal="> 300000", note="with its start")


def _verified(file: Path, keys: list[str]) -> None:
    done = subprocess.run([sys.executable, "-I", str(VERIFIER), str(file), *keys], capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout.decode()[-500:])


def _fill(count: int) -> None:
    """A chain of tickets' lives, written by the log's own writer until there are so many entries."""
    ada, dora, portal = actor("ada"), actor("dora"), worker("bench")
    acts = (
        (AuditAction.TICKET_READ, ada, {}),
        (AuditAction.TICKET_OPENED, ada, {"plan_digest": "d" * 64, "kind": "erase"}),
        (AuditAction.TICKET_SUBMITTED, ada, {"plan_digest": "d" * 64}),
        (AuditAction.TICKET_READ, dora, {}),
        (AuditAction.TICKET_APPROVED, dora, {"plan_digest": "d" * 64}),
        (AuditAction.TICKET_BEGUN, portal, {}),
        (AuditAction.CALL_INTENDED, portal, {"operation": "delete_users", "step": 1, "attempt": 1}),
        (AuditAction.CALL_ANSWERED, portal, {"operation": "delete_users", "step": 1, "attempt": 1}),
        (AuditAction.STREAM_TASK_FINISHED, portal, {"operation": "delete_users", "status": "completed"}),
        (AuditAction.READ_BACK, portal, {"operation": "delete_users"}),
        (AuditAction.TICKET_COMPLETED, portal, {"outcome": "erased"}),
        (AuditAction.TICKET_READ, ada, {}),
    )
    # Far from the tickets of the filters.
    ticket, missing = 50_000_000, count - _size()
    while missing > 0:
        records = [
            log.Record(
                action=action,
                actor=who,
                now=timezone.now(),
                ticket_id=ticket + turn,
                subjects=[f"{ticket + turn:032x}"],
                facts=facts,
            )
            for turn in range(AT_ONCE // len(acts))
            for action, who, facts in acts
        ]
        with transaction.atomic():
            log.record_all(records)
        ticket += AT_ONCE // len(acts)
        missing -= len(records)


def _size() -> int:
    return AuditEntry.objects.order_by("-seq").values_list("seq", flat=True).first() or 0


def _export(file: Path) -> None:
    with file.open("wb") as out:
        out.writelines(audit_export.lines(audit_export.span(), now=timezone.now()))


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _filters(stage: Stage) -> None:
    """Every set of filters at each size; what two frequent filters have in common is nothing."""
    people = [person(name).pk for name in ("ada", "ben", "dora", "otto")]
    action, never = long_log.ACTIONS[3].value, long_log.ACTIONS[5].value
    # A year: long enough to fill a page at the smallest size, too, so that the same is compared.
    days = {"since": long_log.day(100).date(), "until": long_log.day(465).date()}
    cases = {
        "no filter": audit.Filters(),
        "a year": audit.Filters(**days),
        "a person": audit.Filters(actor=people[2]),
        "the worker, a year": audit.Filters(actor=audit.WORKER, **days),
        "an action, a year": audit.Filters(action=action, **days),
        "a person, an action": audit.Filters(actor=people[2], action=action),
        "a person, an action never theirs": audit.Filters(actor=people[2], action=never),
        "a person, an action never theirs, a year": audit.Filters(actor=people[2], action=never, **days),
        "a ticket": audit.Filters(ticket="DSR-000200"),
        "a ticket, a person, an action, a year": audit.Filters(
            ticket="DSR-000200", actor=people[2], action=action, **days
        ),
    }
    sizes = sorted({max(STORED[0], stage.count(size)) for size in STORED})
    first: dict[str, float] = {}
    base = _size()
    for size in sizes:
        long_log.grow(size, people, base=base)
        for name, cost in _medians(cases).items():
            first.setdefault(name, cost)
            note = f"{cost / first[name]:.2f} times that with {sizes[0]:,}"
            stage.tell(f"{size:,} entries, {name}", cost, "ms", goal="<= 1.2 times", note=note)


def _medians(cases: dict[str, audit.Filters]) -> dict[str, float]:
    """A page of each, in turn; ms."""
    otto = actor("otto")
    costs: dict[str, list[float]] = {}
    for _turn in range(ROUNDS):
        for name, filters in cases.items():
            costs.setdefault(name, []).append(1000 * _seconds(lambda filters=filters: audit.page_of(filters, otto)))
    return {name: statistics.median(taken) for name, taken in costs.items()}
