"""What each transaction of a piece of code wrote: which audit entries, and which other tables beside them."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection, transaction

from requests_app.audit import log
from requests_app.models import AuditEntry

_WRITES = re.compile(r'^\s*(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM) "?(\w+)"?', re.I)
_PREFIX = "requests_app_"
ENTRIES = AuditEntry._meta.db_table
# Files through which entries pass on their way to the log.
_PASSES = ("audit/log.py", "tests/")


@dataclass
class Transaction:
    """One outermost transaction: the records that went into the log, and the tables that were written."""

    records: list[Told] = field(default_factory=list)
    tables: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Told:
    """A record as it was handed to the log, with the module and function that asked for it."""

    record: log.Record
    callers: tuple[str, ...]


@dataclass
class Watch:
    """What was seen. `loose` are records that no transaction of the code held together with anything."""

    done: list[Transaction] = field(default_factory=list)
    loose: list[Told] = field(default_factory=list)


class _Watcher:
    """Follows the transactions that the code itself opens, inside that of the test where it has one."""

    def __init__(self) -> None:
        self.watch = Watch()
        self.depth = 0
        self.now = Transaction()

    def heard(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        found = execute(sql, params, many, context)
        if (write := _WRITES.match(sql)) and self.depth:
            self.now.tables.add(write[1].removeprefix(_PREFIX))
        return found

    def begun(self) -> None:
        self.depth += 1

    def ended(self, *, kept: bool) -> None:
        self.depth -= 1
        if not self.depth:
            if kept:
                self.watch.done.append(self.now)
            self.now = Transaction()

    def told(self, record: log.Record, callers: tuple[str, ...]) -> None:
        if self.depth:
            self.now.records.append(Told(record, callers))
        else:
            self.watch.loose.append(Told(record, callers))


def _callers() -> tuple[str, ...]:
    """The functions of the portal that are at work, the innermost first, as `room/file.py:function`."""
    names, frame = [], sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        if "/requests_app/" in file and not any(one in file for one in _PASSES):
            names.append(f"{file.rpartition('/requests_app/')[2]}:{frame.f_code.co_name}")
        frame = frame.f_back  # type: ignore[assignment]
    return tuple(names)


@contextmanager
def watching(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """See every transaction of what runs inside, in this thread."""
    watcher, real, thread = _Watcher(), log.record_all, threading.get_ident()
    enter, leave = transaction.Atomic.__enter__, transaction.Atomic.__exit__

    def record_all(records: Any) -> Any:
        callers = _callers()
        found = real(records)
        if threading.get_ident() == thread:
            for record in records:
                watcher.told(record, callers)
        return found

    def begin(self: transaction.Atomic) -> None:
        enter(self)
        if threading.get_ident() == thread:
            watcher.begun()

    def end(self: transaction.Atomic, kind: Any, error: Any, trace: Any) -> Any:
        kept = kind is None and not connection.needs_rollback
        found = leave(self, kind, error, trace)
        if threading.get_ident() == thread:
            watcher.ended(kept=kept)
        return found

    with monkeypatch.context() as patch, connection.execute_wrapper(watcher.heard):
        patch.setattr(log, "record_all", record_all)
        patch.setattr(transaction.Atomic, "__enter__", begin)
        patch.setattr(transaction.Atomic, "__exit__", end)
        yield watcher.watch
