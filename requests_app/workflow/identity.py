"""Whether whoever asks is the person the data is about (Art. 12(6), 11(2) GDPR).

A check is confirmed, or it leaves a reasonable doubt in words; more may be asked then, which stops the clock. Submit
asks for a confirmed check unless the app's policy says otherwise. What stays unidentifiable ends as a refusal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext as _

from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.enums import EDITABLE_STATES, IdentityMethod, IdentityResult, PauseOfClock, Purpose, State
from requests_app.models import IdentityCheck, Ticket
from requests_app.workflow import attachments, policies, time_limit
from requests_app.workflow.access import check_may, locked_for
from requests_app.workflow.rights import Right

# While the decision is not made yet.
CHECKABLE = EDITABLE_STATES | {State.AWAITING_DECISION}


@dataclass(frozen=True)
class Evidence:
    """A file that shows who asks: its pieces, its name, and its size in bytes."""

    chunks: Iterable[bytes]
    name: str
    size: int


def record(
    ticket: Ticket,
    *,
    actor: Actor,
    now: datetime,
    method: IdentityMethod,
    result: IdentityResult,
    doubt: str = "",
    evidence: Evidence | None = None,
) -> IdentityCheck:
    """Write a check down; asking for more stops the clock, and its evidence is kept, in the same transaction.

    Evidence is kept until the decision, when retention takes it away. Raises `NotPermitted`, or `UnableTo` where the
    doubt is not put into words, the file is not one that is taken, or the decision was made.
    """
    check_may(Right.CHECK_IDENTITY, actor=actor, now=now, ticket=ticket)
    if result is not IdentityResult.CONFIRMED and not doubt.strip():
        raise policies.UnableTo(
            _("Write what the doubt is: more may be asked only where it is a reasonable one."), field="doubt"
        )
    with transaction.atomic():
        stored = locked_for(Right.CHECK_IDENTITY, ticket, actor=actor, now=now)
        if stored.state not in CHECKABLE:
            raise policies.UnableTo(_("The decision was made already: the identity counted then."))
        check = IdentityCheck.objects.create(
            ticket=stored,
            method=method.value,
            result=result.value,
            doubt=doubt.strip(),
            about=about(stored),
            checked_by_id=actor.person_id,
            checked_at=now,
        )
        today = time_limit.local_day(now)
        if result is IdentityResult.MORE and not _is_asked(stored) and not _is_over(stored, today):
            time_limit.ask(stored, actor=actor, now=now, kind=PauseOfClock.IDENTITY, asked_on=today, question=doubt)
        log.record(
            AuditAction.IDENTITY_CHECKED,
            actor=actor,
            now=now,
            ticket=stored,
            facts={"method": method.value, "result": result.value},
            texts={"doubt": doubt.strip()},
        )
        if evidence is not None:
            attachments.add(
                stored,
                evidence.chunks,
                name=evidence.name,
                size=evidence.size,
                purpose=Purpose.EVIDENCE,
                actor=actor,
                now=now,
            )
    return check


def _is_over(ticket: Ticket, today: date) -> bool:
    """Whether the time is over: then more may still be asked, and nothing stops the clock any more (D8)."""
    return today > time_limit.deadline_of(ticket, today=today).due_on


def _is_asked(ticket: Ticket) -> bool:
    return ticket.clock_pauses.filter(kind=PauseOfClock.IDENTITY.value, answered_on__isnull=True).exists()


def about(ticket: Ticket) -> str:
    """Whom a check of the ticket is about now: SHA-256 over the pseudonyms of its accounts, lower-case hex."""
    subjects = sorted(ticket.accounts.values_list("subject", flat=True))
    return hashlib.sha256("\n".join(subjects).encode()).hexdigest()


def latest(ticket: Ticket) -> IdentityCheck | None:
    """The newest check, which is the one that counts."""
    return ticket.identity_checks.select_related("checked_by").order_by("-id").first()


def is_missing(ticket: Ticket) -> bool:
    """Whether the app asks for a confirmed check, and the newest one is none or is about other user ids."""
    return bool(ticket.stream_app.identity_required) and not is_confirmed(ticket)


def is_confirmed(ticket: Ticket, *, by: str = "") -> bool:
    """Whether the newest check confirms who asks about just these accounts; `by` wants this method, too."""
    newest = latest(ticket)
    if newest is None or newest.result != IdentityResult.CONFIRMED or newest.about != about(ticket):
        return False
    return not by or newest.method == by
