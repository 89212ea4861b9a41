"""Handing one mail over to the mail server, and telling what was provably not sent from what may have been.

Until the server is given the mail's content (RFC 5321, DATA) nothing was sent, whatever goes wrong. From then on only
its answer tells: without one nobody knows.
"""

from __future__ import annotations

import hashlib
import hmac
import smtplib
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from requests_app.enums import MailError, MailKind
from requests_app.models import Mail
from requests_app.models.sealed import derived_key

# Seconds that are left of the lease at least when a mail server is given the mail.
_LAST_CALL = 60.0
_FIRST_PERMANENT = 500


@dataclass(frozen=True)
class Answer:
    """How it ended: sent where there is no error. `code` is the mail server's, where it gave one."""

    error: MailError | None = None
    code: int | None = None


class _HeldUp(Exception):
    """The lease may end before the server answers."""


class _Handover:
    """Notes when the content of the mail begins to go to the server."""

    def __init__(self, may_begin: Callable[[], bool]) -> None:
        self.begun = False
        self._may_begin = may_begin

    def watch(self, line: Any) -> None:
        """Stand before the client's `data`; what is no SMTP client has none, and hands over at once."""
        data = getattr(line, "data", None)
        if data is None:
            self.begin()
            return

        def watched(content: Any) -> Any:
            self.begin()
            return data(content)

        line.data = watched

    def begin(self) -> None:
        """From here on only an answer tells."""
        if not self._may_begin():
            raise _HeldUp
        self.begun = True


def message_id(mail: Mail) -> str:
    """The same for each attempt, so that a mail server or a mailbox can tell a second copy; it tells nothing else."""
    digest = hmac.new(derived_key("message-id"), mail.key.encode(), hashlib.sha256).hexdigest()[:32]
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    return f"<{digest}@{domain}>"


def deliver(mail: Mail, *, seconds: float, tick: Callable[[], float] = time.monotonic) -> Answer:
    """Give the mail to the mail server; never raises. `seconds` are those of the lease."""
    ends = tick() + seconds - _LAST_CALL
    handover = _Handover(lambda: tick() < ends)
    line = get_connection()
    try:
        line.open()
        handover.watch(getattr(line, "connection", None))
        if not _message(mail, line).send():
            return Answer(MailError.UNFIT)
    except Exception as error:
        return _answer_of(error, begun=handover.begun)
    finally:
        # It was sent or not before this; how the talk ends changes nothing.
        with suppress(Exception):
            line.close()
    return Answer()


def _message(mail: Mail, line: Any) -> EmailMessage:
    headers = {"Message-ID": message_id(mail)}
    if mail.kind == MailKind.REMINDER:
        # So that no absence note comes back (RFC 3834).
        headers["Auto-Submitted"] = "auto-generated"
    return EmailMessage(mail.subject, mail.body, None, [mail.recipient], headers=headers, connection=line)


def _answer_of(error: Exception, *, begun: bool) -> Answer:
    if isinstance(error, _HeldUp):
        return Answer(MailError.HELD_UP)
    code = _code(error)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return Answer(MailError.SIGN_IN, code)
    if isinstance(error, smtplib.SMTPConnectError | smtplib.SMTPHeloError):
        return Answer(MailError.LATER, code)
    if code is not None:
        return Answer(MailError.REFUSED if code >= _FIRST_PERMANENT else MailError.LATER, code)
    if begun:
        return Answer(MailError.LOST)
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return Answer(MailError.SILENT)
    if isinstance(error, smtplib.SMTPServerDisconnected | ConnectionResetError | BrokenPipeError):
        return Answer(MailError.BROKE_OFF)
    if isinstance(error, OSError):
        return Answer(MailError.UNREACHABLE)
    return Answer(MailError.UNFIT)


def _code(error: Exception) -> int | None:
    """What the server answered: of several recipients (there is one) the first."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return next((int(code) for code, _ in error.recipients.values()), None)
    if isinstance(error, smtplib.SMTPResponseException) and error.smtp_code > 0:
        return int(error.smtp_code)
    return None
