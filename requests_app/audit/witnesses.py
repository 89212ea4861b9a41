"""Who holds checkpoints outside the database, and how that goes: a file here, mail and web in `upkeep/`.

A witness that fails is told to the log and its row, and asked again after a pause that grows; it never keeps what it
was to witness from happening.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db.models import F, Q

from requests_app.models import AuditCheckpoint, AuditWitness

FILE, MAIL, WEB = "file", "mail", "web"
# The making of checkpoints, which has a row like the witnesses.
MAKING = "checkpoint"
LONGEST_PAUSE = timedelta(hours=1)
# Checkpoints handed over in one go.
AT_ONCE = 500

logger = logging.getLogger("portal.audit")


def configured() -> dict[str, bool]:
    """The witnesses, and whether the settings name where they are."""
    return {
        FILE: bool(settings.AUDIT_CHECKPOINT_FILE),
        MAIL: bool(settings.AUDIT_WITNESS_MAIL) and settings.MAILS,
        WEB: bool(settings.AUDIT_WITNESS_URL),
    }


def is_due(name: str, *, now: datetime) -> bool:
    """Whether the witness may be asked: it did not fail a moment ago."""
    return not AuditWitness.objects.filter(name=name, next_at__gt=now).exists()


def waiting(name: str) -> list[AuditCheckpoint]:
    """The checkpoints that the witness does not have yet, smallest first; no more than can be handed over in one go."""
    has = AuditWitness.objects.filter(name=name).values_list("size", flat=True).first() or 0
    return list(AuditCheckpoint.objects.filter(size__gt=has).order_by("size")[:AT_ONCE])


def reached(name: str, *, size: int, now: datetime, rest: timedelta | None = None) -> None:
    """Write down that the witness has every checkpoint up to a size, and that it is left alone for the `rest`."""
    AuditWitness.objects.get_or_create(name=name)
    AuditWitness.objects.filter(name=name).update(
        size=size, reached_at=now, failures=0, error="", next_at=now + rest if rest else None
    )


def failed(name: str, *, why: str, now: datetime) -> None:
    """Write down and log that a witness could not be reached. `why` holds nothing secret."""
    logger.error("The audit log's witness “%s” failed: %s", name, why)
    row, _ = AuditWitness.objects.get_or_create(name=name)
    pause = min(LONGEST_PAUSE, timedelta(seconds=30) * 2 ** min(row.failures, 10))
    AuditWitness.objects.filter(name=name).update(
        failures=F("failures") + 1, failed_at=now, error=why[:300], next_at=now + pause
    )


def recovered(name: str, *, now: datetime) -> None:
    """Forget an earlier failure of something that works again."""
    AuditWitness.objects.filter(~Q(error="") | Q(failures__gt=0), name=name).update(failures=0, error="", next_at=None)


def write_file(*, now: datetime) -> int:
    """Append every checkpoint that the file does not have yet; returns how many. A failure is written down."""
    if not settings.AUDIT_CHECKPOINT_FILE:
        return 0
    try:
        return _append_waiting(Path(settings.AUDIT_CHECKPOINT_FILE), now=now)
    except OSError as error:
        failed(FILE, why=f"AUDIT_CHECKPOINT_FILE cannot be written ({error.strerror}).", now=now)
        return 0


def _append_waiting(file: Path, *, now: datetime) -> int:
    # O_APPEND: a file that the system lets grow only (chattr +a) will do.
    handle = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        # What waits is read under the lock: of two workers one writes it.
        fcntl.flock(handle, fcntl.LOCK_EX)
        found = waiting(FILE)
        if found:
            _append(handle, [checkpoint.note for checkpoint in found])
            reached(FILE, size=found[-1].size, now=now)
        return len(found)
    finally:
        os.close(handle)


def _append(handle: int, notes: Sequence[str]) -> None:
    """One note a record, an empty line after each. What a killed worker left half written is closed off first."""
    size = os.fstat(handle).st_size
    torn = size and os.pread(handle, 2, max(0, size - 2)) != b"\n\n"
    data = (("\n\n" if torn else "") + "".join(f"{note}\n" for note in notes)).encode()
    while data:
        data = data[os.write(handle, data) :]
    os.fsync(handle)
