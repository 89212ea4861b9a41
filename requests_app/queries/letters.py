"""The letters, the recipients and what is left to do of one ticket, as its page shows them."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from requests_app.audit.actor import Actor
from requests_app.enums import CLOSED_STATES, MailState, State, Verb
from requests_app.models import Informing, Letter, MailAttempt, Ticket
from requests_app.workflow import closing, letters, outbox, permissions
from requests_app.workflow.rights import Right


@dataclass(frozen=True)
class Line:
    """One letter, how it went, and what can be done with it."""

    letter: Letter
    attempts: tuple[MailAttempt, ...]
    may_send: bool
    may_send_again: bool
    may_mark: bool


@dataclass(frozen=True)
class Saying:
    """What was said to people about a ticket, and what must still be said."""

    lines: tuple[Line, ...]
    no_mail: str
    no_server: str
    may_write: bool
    informings: tuple[Informing, ...]
    missing: tuple[str, ...]
    may_close: bool
    is_open_case: bool


def saying(ticket: Ticket, actor: Actor) -> Saying:
    """Everything of it, in a handful of queries at most; the letters of a ticket whose parts were read are there."""
    may_write = permissions.may(actor, Right.WRITE_LETTERS) and ticket.details_erased_at is None
    no_mail = letters.why_no_mail(ticket)
    found = sorted(ticket.letters.all(), key=lambda letter: -letter.pk)
    closed = ticket.state in CLOSED_STATES
    informings = list(ticket.informings.select_related("recipient", "answered_by")) if closed else []
    open_case = ticket.state in {State.COMPLETED, State.REFUSED} and ticket.answered_at is None
    return Saying(
        lines=tuple(_line(letter, may_write=may_write, no_mail=no_mail) for letter in found),
        no_mail=no_mail,
        no_server="" if settings.MAILS else outbox.NO_SERVER,
        may_write=may_write,
        informings=tuple(informings),
        missing=closing.missing(ticket, found, informings) if open_case else (),
        may_close=open_case and permissions.may(actor, Verb.ANSWER),
        is_open_case=open_case,
    )


def _line(letter: Letter, *, may_write: bool, no_mail: str) -> Line:
    mail = letter.mail
    stuck = mail is not None and mail.state in {MailState.FAILED, MailState.UNKNOWN}
    waits = may_write and not letter.is_sent
    return Line(
        letter,
        tuple(mail.attempts.all()) if mail is not None else (),
        may_send=waits and mail is None and not no_mail,
        may_send_again=waits and stuck,
        may_mark=waits and not letter.is_on_its_way,
    )


def of_ticket(ticket: Ticket, letter_id: int) -> Letter | None:
    """One letter of the ticket."""
    return ticket.letters.select_related("mail", "ticket").filter(pk=letter_id).first()
