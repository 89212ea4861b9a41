"""The outbox: mails are queued with what they tell about, and sent later, each of them once.

The intent is committed under a lease before a mail server is called. A worker that is lost in the call leaves a mail
of which nobody knows whether it went out: it is never sent a second time by itself, a person may say so. A mail that
cannot be sent changes nothing about its ticket.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.enums import MailError, MailKind, MailState
from requests_app.models import Mail, MailAttempt, Ticket
from requests_app.workflow.policies import UnableTo

# After each attempt that failed; after the last of them it is given up: some three days in all.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 120, 240, 480, 720, 1440, 1440))
# Tried again: the others would fail the same way once more.
PASSING = frozenset(MailError) - {MailError.REFUSED, MailError.UNFIT, MailError.LOST}
# Longer than the longest talk with a mail server, in which each step may take its time-out.
LEASE = timedelta(seconds=max(300, 20 * settings.EMAIL_TIMEOUT))
NO_SERVER = "No mail server is set, so the portal sends no mails."


@dataclass(frozen=True)
class Sending:
    """A mail that this worker is to send, and the attempt that it wrote down for it."""

    mail: Mail
    attempt: MailAttempt


def queue(
    kind: MailKind,
    *,
    key: str,
    recipient: str,
    subject: str,
    body: str,
    now: datetime,
    ticket: Ticket | None = None,
) -> Mail | None:
    """Queue a mail in the caller's transaction; what is queued under this key already comes back as it is.

    None where no mail server is set (`settings.MAILS`): a mail that waits for one would go out when nobody wants it.
    """
    if not settings.MAILS:
        return None
    mail, _ = Mail.objects.get_or_create(
        key=key,
        defaults={
            "kind": kind.value,
            "ticket": ticket,
            "recipient": recipient,
            "subject": " ".join(subject.split()),
            "body": body,
            "queued_at": now,
            "next_at": now,
        },
    )
    return mail


def send_again(mail: Mail, *, actor: Actor, now: datetime) -> None:
    """Send a mail once more that failed, or of which nobody knows; a person said so. In the caller's transaction."""
    if not settings.MAILS:
        raise UnableTo(NO_SERVER)
    stuck = Mail.objects.filter(pk=mail.pk, state__in=[MailState.FAILED.value, MailState.UNKNOWN.value])
    was = mail.state
    if not stuck.update(state=MailState.WAITING.value, next_at=now, attempt_count=0):
        raise UnableTo("Only a mail that was not sent, or of which nobody knows, can be sent again.")
    mail.refresh_from_db()
    log.record(AuditAction.MAIL_AGAIN, actor=actor, now=now, ticket=mail.ticket, facts={"mail": mail.pk, "was": was})


def claim(*, now: datetime) -> Sending | None:
    """Take the mail that is due first, and write the attempt down; None where none is due."""
    with transaction.atomic():
        due = Mail.objects.due(now).order_by("next_at", "pk")
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True, of=("self",))
        mail = due.first()
        if mail is None:
            return None
        mail.lease_token += 1
        mail.attempt_count += 1
        mail.state, mail.next_at, mail.lease_until = MailState.SENDING.value, None, now + LEASE
        mail.save(update_fields=["lease_token", "attempt_count", "state", "next_at", "lease_until"])
        return Sending(mail, MailAttempt.objects.create(mail=mail, begun_at=now))


def settle(sending: Sending, error: MailError | None, *, actor: Actor, now: datetime, code: int | None = None) -> bool:
    """Write down how an attempt ended. False where somebody else took the mail over since: then nothing is written.

    What was given up as lost meanwhile is known after all, as long as nobody said to send it again.
    """
    mail, token = sending.mail, sending.mail.lease_token
    state, next_at = _following(error, mail.attempt_count, now=now)
    with transaction.atomic():
        mine = Mail.objects.filter(
            pk=mail.pk, lease_token=token, state__in=[MailState.SENDING.value, MailState.UNKNOWN.value]
        )
        changes = {"state": state.value, "next_at": next_at, "sent_at": now if state is MailState.SENT else None}
        if state is MailState.SENT and mail.kind == MailKind.REMINDER:
            # It has said what it had to, and belongs to no ticket that would take it along.
            changes |= {"recipient": "", "subject": "", "body": ""}
        if not mine.update(**changes, lease_until=None):
            return False
        MailAttempt.objects.filter(pk=sending.attempt.pk).update(ended_at=now, error=error or "", code=code)
        mail.state = state.value
        _record(mail, actor=actor, now=now, error=error, code=code)
    return True


def _following(error: MailError | None, attempts: int, *, now: datetime) -> tuple[MailState, datetime | None]:
    if error is None:
        return MailState.SENT, None
    if error is MailError.LOST:
        return MailState.UNKNOWN, None
    if error in PASSING and attempts <= len(PAUSES):
        return MailState.WAITING, now + PAUSES[attempts - 1]
    return MailState.FAILED, None


def give_up_lost(*, actor: Actor, now: datetime) -> int:
    """Mails whose worker was lost while it sent them: nobody knows. Returns how many there were."""
    with transaction.atomic():
        lost = list(Mail.objects.abandoned(now).select_for_update(of=("self",)))
        for mail in lost:
            Mail.objects.filter(pk=mail.pk).update(state=MailState.UNKNOWN.value, lease_until=None)
            mail.attempts.filter(ended_at__isnull=True).update(ended_at=now, error=MailError.LOST.value)
            mail.state = MailState.UNKNOWN.value
            _record(mail, actor=actor, now=now, error=MailError.LOST, code=None)
    return len(lost)


_ENDS = {
    MailState.SENT: AuditAction.MAIL_SENT,
    MailState.FAILED: AuditAction.MAIL_FAILED,
    MailState.UNKNOWN: AuditAction.MAIL_LOST,
}


def _record(mail: Mail, *, actor: Actor, now: datetime, error: MailError | None, code: int | None) -> None:
    """An entry for each end; attempts that are made again stand in their table alone."""
    action = _ENDS.get(MailState(mail.state))
    if action is None:
        return
    facts = {"mail": mail.pk, "kind": mail.kind, "attempt": mail.attempt_count, "error": error or "", "code": code}
    ticket = mail.ticket if mail.ticket_id else None
    log.record(action, actor=actor, now=now, ticket=ticket, facts=facts)
