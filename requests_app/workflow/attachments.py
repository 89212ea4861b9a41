"""Files on a ticket: put there, handed out, taken away.

A file is written and safe on the disk before its row and the audit entry are committed, and taken away after the row
was: whoever is killed in between leaves a file that no row names, which a chore clears away, and never a row whose file
is missing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.enums import Purpose
from requests_app.models import Attachment, Ticket, sealed_file
from requests_app.models.sealed_file import UnreadableFile
from requests_app.workflow import file_types, policies
from requests_app.workflow.access import check_may, locked_for
from requests_app.workflow.rights import Right

# A file that no row names is an orphan once it is older than any upload may take.
ORPHAN_AGE = timedelta(hours=1)


def bound() -> int:
    """The largest file that may be added, in bytes."""
    return int(settings.ATTACHMENT_MEGABYTES) * 1_000_000


class _Measured:
    """Counts and digests what passes through, and stops at the bound."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.size = 0
        self.digest = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.size += len(chunk)
            if self.size > bound():
                raise _too_large()
            self.digest.update(chunk)
            yield chunk


def _too_large() -> policies.UnableTo:
    return policies.UnableTo(f"The file is larger than {settings.ATTACHMENT_MEGABYTES} MB.", field="file")


def add(
    ticket: Ticket,
    chunks: Iterable[bytes],
    *,
    name: str,
    size: int,
    purpose: Purpose = Purpose.CASEWORK,
    actor: Actor,
    now: datetime,
) -> Attachment:
    """Put a file of `size` bytes on the ticket. Raises `NotPermitted`, or `UnableTo` (field `file`) with the reason."""
    check_may(Right.HANDLE_FILES, actor=actor, now=now, ticket=ticket)
    if size > bound():
        raise _too_large()
    name = file_types.clean_name(name)
    stored_name, key = sealed_file.fresh_name(), sealed_file.fresh_key()
    measured = _Measured(chunks)
    try:
        kind = file_types.type_of(name)
        sealed_file.write(stored_name, key, _whole(file_types.checked(measured, kind), measured, size))
    except file_types.UnfitFile as reason:
        raise policies.UnableTo(str(reason), field="file") from None
    try:
        with transaction.atomic():
            # Locked: a file that came while the ticket is erased would outlive it.
            stored = locked_for(Right.HANDLE_FILES, ticket, actor=actor, now=now)
            if stored.details_erased_at is not None:
                raise policies.UnableTo("Its personal data was erased, so no files are added any more.")
            attachment = Attachment.objects.create(
                ticket=stored,
                purpose=purpose.value,
                name=name,
                size=measured.size,
                media_type=kind.media_type,
                sha256=measured.digest.hexdigest(),
                stored_name=stored_name,
                key=key,
                added_by_id=actor.person_id,
                added_at=now,
            )
            _record(AuditAction.ATTACHMENT_ADDED, attachment, actor=actor, now=now, texts={"name": name})
    except BaseException:
        sealed_file.remove(stored_name)
        raise
    return attachment


def _whole(chunks: Iterable[bytes], measured: _Measured, size: int) -> Iterator[bytes]:
    """The chunks, if they are as many bytes as were announced."""
    yield from chunks
    if measured.size != size:
        raise policies.UnableTo("The file did not arrive whole. Add it again.", field="file")


def open_file(attachment: Attachment, *, actor: Actor, now: datetime) -> Iterator[bytes]:
    """The content, piece by piece; who got it is recorded first. Raises `NotPermitted` or `UnableTo`."""
    check_may(Right.HANDLE_FILES, actor=actor, now=now, ticket=attachment.ticket)
    if not attachment.kept:
        raise policies.UnableTo("This file was removed.")
    try:
        content = sealed_file.read(attachment.stored_name, attachment.key)
    except UnreadableFile as error:
        raise policies.UnableTo(f"{error} Tell whoever runs the portal.") from None
    with transaction.atomic():
        _record(AuditAction.ATTACHMENT_DOWNLOADED, attachment, actor=actor, now=now)
    return content


def remove(attachment: Attachment, *, actor: Actor, now: datetime, why: str) -> Attachment:
    """Take the file away for good; its row stays and tells why. The portal itself may, too, by the clock.

    Done twice it does nothing the second time. Raises `NotPermitted`, or `UnableTo` without a reason.
    """
    if not actor.is_worker:
        check_may(Right.HANDLE_FILES, actor=actor, now=now, ticket=attachment.ticket)
    policies.check_reason(why)
    with transaction.atomic():
        if not actor.is_worker:
            locked_for(Right.HANDLE_FILES, attachment.ticket, actor=actor, now=now)
        changed = (
            Attachment.objects.filter(pk=attachment.pk)
            .kept()
            .update(key="", removed_by_id=actor.id, removed_at=now, removed_why=why.strip())
        )
        if changed:
            _record(AuditAction.ATTACHMENT_REMOVED, attachment, actor=actor, now=now, texts={"why": why.strip()})
        transaction.on_commit(lambda: sealed_file.remove(attachment.stored_name))
    attachment.refresh_from_db()
    return attachment


def forget(rows: Collection[Attachment]) -> None:
    """Take the files of rows away that are about to be deleted, once they are (retention)."""
    names = [attachment.stored_name for attachment in rows]

    def remove_all() -> None:
        for name in names:
            sealed_file.remove(name)

    transaction.on_commit(remove_all)


def remove_orphans(*, now: datetime) -> int:
    """Take away the files that no row names any more, or never did; returns how many."""
    old = [name for name, at in sealed_file.stored() if at < (now - ORPHAN_AGE).timestamp()]
    named = set(Attachment.objects.kept().values_list("stored_name", flat=True)) if old else set()
    orphans = [name for name in old if name not in named]
    for name in orphans:
        sealed_file.remove(name)
    return len(orphans)


def _record(
    action: AuditAction, attachment: Attachment, *, actor: Actor, now: datetime, texts: dict[str, str] | None = None
) -> None:
    log.record(
        action,
        actor=actor,
        now=now,
        ticket=attachment.ticket,
        facts={
            "attachment": attachment.pk,
            "purpose": str(attachment.purpose),
            "bytes": attachment.size,
            "sha256": attachment.sha256,
        },
        texts=texts,
    )
