"""A database restored from a backup has forgotten what was sent since. The worker notices, and sends nothing blindly.

Each worker keeps the head of the audit log that it last saw in a file beside the database's own storage
(`WORKER_HEAD_FILE`). A database that does not hold this entry is an older one. Then sending is paused until a person
lifts the pause, and every step that is not final is unknown: Stream is read before anything is sent.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db import transaction

from requests_app.atomic_files import replace_text
from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.engine.phases.begin import begin_approved
from requests_app.engine.timing import SETTLE
from requests_app.enums import State
from requests_app.models import AuditEntry, Step, Ticket
from requests_app.steps import write
from requests_app.steps.lifecycle import StepEvent
from requests_app.workflow import pauses

REASON = (
    "The database is older than what this worker last saw of it: it was restored. Steps under way are being compared "
    "with Stream. Look at the tickets before sending goes on; decisions made since the backup have to be made again."
)

logger = logging.getLogger(__name__)

Head = tuple[int, str]


def head() -> Head | None:
    """Number and hash of the newest audit entry, or None while there is none."""
    return AuditEntry.objects.order_by("-seq").values_list("seq", "hash").first()


def remembered(file: Path) -> Head | None:
    """The head that the file holds; None where there is no file yet, or none that can be read."""
    try:
        kept = json.loads(file.read_text())
        return int(kept["seq"]), str(kept["hash"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        logger.warning("WORKER_HEAD_FILE could not be read; it is written anew.")
        return None


def remember(seen: Head | None) -> None:
    """Keep the head for the next look. The file is replaced as a whole: a kill leaves the old or the new one."""
    if not settings.WORKER_HEAD_FILE or seen is None:
        return
    file = Path(settings.WORKER_HEAD_FILE)
    seq, digest = seen
    try:
        replace_text(file, json.dumps({"seq": seq, "hash": digest}))
    except OSError:
        logger.warning("WORKER_HEAD_FILE could not be written: a restored database would not be noticed.")


def look(*, actor: Actor, now: datetime) -> bool:
    """Compare the database with what was last seen of it; returns whether it was restored in between."""
    known = remembered(Path(settings.WORKER_HEAD_FILE)) if settings.WORKER_HEAD_FILE else None
    if known is None or AuditEntry.objects.filter(seq=known[0], hash=known[1]).exists():
        return False
    mark_unknown_after_restore(actor=actor, now=now)
    remember(head())
    return True


def mark_unknown_after_restore(*, actor: Actor, now: datetime) -> int:
    """Pause all sending and let every step under way be read on Stream first; returns how many steps.

    Tickets that are approved are begun, so that their steps are looked at as well. Tasks that Stream works on are
    asked about as before: those that it no longer knows become unknown then.
    """
    with transaction.atomic():
        pauses.ensure_paused(actor=actor, now=now, reason=REASON)
        while begin_approved(actor=actor, now=now):
            continue
        running = Step.objects.filter(ticket__in=Ticket.objects.filter(state=State.RUNNING.value))
        count = write.write_each(running, StepEvent.DATABASE_RESTORED, now=now, next_at=now + SETTLE)
        log.record(AuditAction.DATABASE_RESTORED, actor=actor, now=now, facts={"steps": count})
    logger.warning("The database was restored: sending is paused, %d steps are compared with Stream.", count)
    return count
