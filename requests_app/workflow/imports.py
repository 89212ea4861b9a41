"""Many requests out of one file: uploaded, looked through, confirmed, and then taken in batches.

Nothing is taken before the confirmation and nothing twice: each batch is one transaction under the lock of the upload's
row, which moves the position on together with the tickets. Whoever comes second, or again after a kill, goes on where
the position stands. Every ticket is a draft with the entry of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.enums import Kind, Verb
from requests_app.models import Account, LegalHold, StreamApp, Ticket, Upload, UploadedRow
from requests_app.models.sealed import derived_key
from requests_app.workflow import permissions, policies, sheet, staff, tickets
from requests_app.workflow.access import record_refused
from requests_app.workflow.clock import clock
from requests_app.workflow.deadlines import receipt_date
from requests_app.workflow.intake import Intake
from requests_app.workflow.plan import Problem
from requests_app.workflow.sheet import Row, Sheet

# The line of a file that asks first for each kind and user id.
FirstLines = Mapping[tuple[str, str], int]

# Rows of one transaction: a fraction of a second, so that others get at the database in between.
BATCH = 250
# Values of one IN list.
_CHUNK = 500
# A batch that lost a race against somebody who opened the same account is looked through again.
_TRIES = 5


@dataclass(frozen=True)
class Line:
    """A row with everything that keeps it out, and what should only be known."""

    row: Row
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def upload(app: StreamApp, data: bytes, *, actor: Actor, now: datetime) -> Upload:
    """Keep a file for the preview. Raises `UnableTo` where it cannot be read as a whole; then nothing is kept."""
    _check_may(app.pk, actor, now=now)
    if not app.is_active:
        raise policies.UnableTo(_("This Stream app takes no new requests. Choose another one."), field="stream_app")
    text = sheet.decode(data)
    rows = sheet.read(text, today=receipt_date(now, clock()))
    with transaction.atomic():
        kept = Upload.objects.create(
            stream_app=app,
            uploaded_by_id=actor.person_id,
            uploaded_at=now,
            content=text,
            digest=_digest(text),
            row_count=len(rows),
        )
        _record(AuditAction.IMPORT_UPLOADED, kept, actor=actor, now=now)
    return kept


def _check_may(app_id: int, actor: Actor, *, now: datetime) -> None:
    try:
        permissions.check_may(actor, Verb.OPEN, app_id=app_id)
    except permissions.NotPermitted as reason:
        record_refused(actor=actor, now=now, what="import", reason=str(reason))
        raise


def _digest(text: str) -> str:
    return hmac.new(derived_key("upload"), text.encode(), hashlib.sha256).hexdigest()


def same_before(found: Upload) -> Upload | None:
    """An upload of this very file for the same app that was confirmed before: another app's is not for everybody."""
    same = Upload.objects.filter(digest=found.digest, stream_app=found.stream_app_id, confirmed_at__isnull=False)
    others = same.exclude(pk=found.pk)
    return others.select_related("confirmed_by").first()


def lines(found: Upload) -> list[Line]:
    """Every row of the file with what keeps it out: its own problems, rows above it, and open tickets."""
    file = sheet.parse(found.content)
    return _looked_through(file.judge(0, len(file), today=_today(found)), file.first_lines(), found.stream_app)


def _today(found: Upload) -> date:
    """The day of the upload: what was valid then stays so."""
    return receipt_date(found.uploaded_at, clock())


def _looked_through(rows: Sequence[Row], first: FirstLines, app: StreamApp) -> list[Line]:
    """The rows compared with each other and with the open tickets and holds of the app."""
    taken = open_accounts(app, rows)
    ids = {user_id for row in rows if row.plan for user_id in row.plan.user_ids}
    held = _held(app, ids)
    alike: dict[str, tuple[str, int]] = {}
    found = []
    for row in rows:
        problems, warnings = [*row.problems, *_asked_already(row, first, taken)], []
        for user_id in row.plan.user_ids if row.plan else ():
            other, line = alike.setdefault(user_id.casefold(), (user_id, row.line))
            if other != user_id:
                sentence = _("A user id of line %(line)d differs from one here by capital letters alone. Is it meant?")
                warnings.append(Problem("user_ids", sentence % {"line": line}))
            if user_id in held and row.plan and row.plan.kind is Kind.ERASE:
                warnings.append(
                    Problem("user_ids", _("A user id is on legal hold: the request can be kept, not sent."))
                )
        found.append(Line(row, tuple(problems), tuple(warnings)))
    return found


def _asked_already(row: Row, first: FirstLines, taken: Mapping[tuple[str, str], int]) -> list[Problem]:
    """What keeps a row out because somebody asks the same: a row above it, or an open ticket."""
    problems = []
    for user_id in row.plan.user_ids if row.plan else ():
        key = (row.plan.kind.value, user_id)  # type: ignore[union-attr]
        if first[key] != row.line:
            sentence = _("Line %(line)d asks the same for this user id already.")
            problems.append(Problem("user_ids", sentence % {"line": first[key]}))
        if key in taken:
            problems.append(Problem("user_ids", _still_open(taken[key])))
    return problems


def _still_open(ticket_id: int) -> str:
    return _("%(ticket)s is already open for this user id.") % {"ticket": Ticket(pk=ticket_id).reference}


def open_accounts(app: StreamApp, rows: Iterable[Row]) -> dict[tuple[str, str], int]:
    """The open ticket of each kind and user id that the rows name, where there is one."""
    by_kind: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.plan:
            by_kind[row.plan.kind.value].update(row.plan.user_ids)
    found: dict[tuple[str, str], int] = {}
    for kind, ids in by_kind.items():
        for some in _chunks(sorted(ids)):
            open_ones = Account.objects.filter(stream_app=app, kind=kind, user_id__in=some, is_open=True)
            found.update({(kind, name): pk for name, pk in open_ones.values_list("user_id", "ticket_id")})
    return found


def _held(app: StreamApp, ids: set[str]) -> set[str]:
    held: set[str] = set()
    for some in _chunks(sorted(ids)):
        held.update(user_id for _, user_id in LegalHold.objects.held([app.pk], some))
    return held


def _chunks(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))


def confirm(found: Upload, *, actor: Actor, now: datetime, anew: bool = False) -> None:
    """Let the rows be taken that nothing keeps out. A second press, or a second person, changes nothing.

    `anew` is the word of somebody who saw that it stopped, and stands for the rest instead of who confirmed before.
    """
    _check_may(found.stream_app_id, actor, now=now)
    with transaction.atomic():
        locked = Upload.objects.select_for_update().get(pk=found.pk)
        if locked.discarded_at:
            raise policies.UnableTo(_("This file was thrown away. Upload it again."))
        if locked.confirmed_at and not (locked.stopped_at and anew):
            return
        locked.confirmed_by_id, locked.confirmed_at, locked.stopped_at = actor.person_id, now, None
        locked.save(update_fields=["confirmed_by", "confirmed_at", "stopped_at"])
        _record(AuditAction.IMPORT_CONFIRMED, locked, actor=actor, now=now)


def discard(found: Upload, *, actor: Actor, now: datetime) -> None:
    """Throw a file away that was not confirmed, or the rest of one that stopped, with what it holds.

    The portal itself may, too, by the clock. Raises `NotPermitted` or `UnableTo`.
    """
    if not actor.is_worker:
        _check_may(found.stream_app_id, actor, now=now)
    with transaction.atomic():
        locked = Upload.objects.select_for_update().get(pk=found.pk)
        if locked.confirmed_at and not locked.stopped_at:
            raise policies.UnableTo(_("This file was confirmed already, so it cannot be thrown away."))
        if locked.discarded_at:
            return
        locked.discarded_at, locked.content = now, ""
        locked.save(update_fields=["discarded_at", "content"])
        _record(AuditAction.IMPORT_DISCARDED, locked, actor=actor, now=now)


def take(found: Upload, *, actor: Actor, now: Callable[[], datetime], seconds: float) -> bool:
    """Take the next rows of a confirmed upload for about so many seconds; returns whether nothing is left to do.

    `actor` is who confirmed it, and is asked for the right again before each batch: without it the upload stops. May
    run any number of times, at once too, and may be killed at any point.
    """
    ends = time.monotonic() + seconds
    fresh = Upload.objects.select_related("stream_app", "confirmed_by").get(pk=found.pk)
    if fresh.finished_at or fresh.stopped_at or fresh.confirmed_by is None:
        return fresh.confirmed_by is not None
    file = sheet.parse(fresh.content)
    first = file.first_lines()
    while True:
        confirmer = staff.as_actor(fresh.confirmed_by, actor.origin)
        try:
            _check_may(fresh.stream_app_id, confirmer, now=now())
        except permissions.NotPermitted:
            _stop(fresh, now=now())
            return True
        if _batch(fresh, file, first, actor=confirmer, now=now()):
            return True
        if time.monotonic() >= ends:
            return False


def _stop(found: Upload, *, now: datetime) -> None:
    """Wait for somebody else, unless they confirmed it in this very moment."""
    same = Upload.objects.filter(pk=found.pk, confirmed_at=found.confirmed_at, finished_at__isnull=True)
    same.update(stopped_at=now)


def _batch(found: Upload, file: Sheet, first: FirstLines, *, actor: Actor, now: datetime) -> bool:
    for _attempt in range(_TRIES):
        try:
            with transaction.atomic():
                return _take_batch(found, file, first, actor=actor, now=now)
        except IntegrityError:
            # Somebody opened a ticket for one of these accounts since they were looked at: look again.
            continue
    return False


def _take_batch(found: Upload, file: Sheet, first: FirstLines, *, actor: Actor, now: datetime) -> bool:
    """One transaction: the next rows, what became of each, and the new position.

    Returns whether nothing is left to do: all is done, or the upload stopped.
    """
    locked = Upload.objects.select_for_update().get(pk=found.pk)
    if locked.finished_at or locked.stopped_at:
        return True
    rows = file.judge(locked.position, locked.position + BATCH, today=_today(found))
    taken = open_accounts(found.stream_app, rows)
    some = [Line(row, (*row.problems, *_asked_already(row, first, taken))) for row in rows]
    good = [line.row for line in some if not line.problems]
    opened = dict(zip((row.line for row in good), _open(found, locked, good, actor=actor, now=now), strict=True))
    UploadedRow.objects.bulk_create(
        UploadedRow(upload=locked, line=line.row.line, ticket=opened.get(line.row.line), problem=spoken(line.problems))
        for line in some
    )
    locked.position += len(some)
    if locked.position >= len(file):
        locked.finished_at, locked.content = now, ""
    locked.save(update_fields=["position", "finished_at", "content"])
    if locked.finished_at:
        count = UploadedRow.objects.filter(upload=locked, ticket__isnull=False).count()
        _record(AuditAction.IMPORT_FINISHED, locked, actor=actor, now=now, opened=count)
    return locked.finished_at is not None


def _open(found: Upload, locked: Upload, rows: Sequence[Row], *, actor: Actor, now: datetime) -> list[Ticket]:
    intakes = [intake_of(row, found.stream_app) for row in rows]
    facts = [{"import": locked.pk, "line": row.line} for row in rows]
    return tickets.open_many(intakes, facts, actor=actor, now=now, also_by=[locked.uploaded_by_id])


def intake_of(row: Row, app: StreamApp) -> Intake:
    """What the verb takes. Only for a row without problems."""
    if row.plan is None or row.received_on is None:
        raise ValueError("the row does not hold")
    return Intake(
        stream_app=app,
        plan=row.plan,
        received_on=row.received_on,
        channel=row.channel,
        requester_name=row.requester_name,
        requester_email=row.requester_email,
        ground=row.ground,
        note=row.note,
    )


def spoken(problems: Iterable[Problem]) -> str:
    """The problems of a row in one text: `column: sentence`, a line each."""
    return "\n".join(f"{problem.field}: {problem.text}" for problem in problems)


def _record(action: AuditAction, found: Upload, *, actor: Actor, now: datetime, **facts: int) -> None:
    told = {"import": found.pk, "app": found.stream_app_id, "rows": found.row_count, **facts}
    log.record(action, actor=actor, now=now, facts=told)
