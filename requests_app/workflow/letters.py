"""Letters to the person: written from a text, kept as they were written, sent by mail or marked as sent by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.conf import settings
from django.db import transaction

from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.enums import CLOSED_STATES, Channel, Language, LetterKind, MailKind, MailState, Outcome, State
from requests_app.models import Letter, LetterTemplate, Ticket
from requests_app.workflow import deadlines, letter_templates, outbox, results, saying, wording
from requests_app.workflow import plan as plans
from requests_app.workflow.access import check_may, locked_for
from requests_app.workflow.clock import clock
from requests_app.workflow.policies import UnableTo
from requests_app.workflow.rights import Right

LONGEST_SUBJECT, LONGEST_BODY = 200, 20_000
NO_ADDRESS = "The ticket has no e-mail address of the person: send the letter by hand."
NO_AUTHORITY = (
    "No supervisory authority is set, and a refusal must name one (Art. 12(4)). "
    "An administrator sets SUPERVISORY_AUTHORITY."
)
# Written with the decision alone, so that no refusal comes without its notice, and no notice without its refusal.
WITH_A_DECISION = frozenset({LetterKind.REFUSAL, LetterKind.PARTIAL})


@dataclass(frozen=True)
class Draft:
    """A letter before it is kept."""

    kind: LetterKind
    language: Language
    subject: str
    body: str
    template: LetterTemplate | None = None


def default_language() -> Language:
    """LETTER_LANGUAGE."""
    return Language(settings.LETTER_LANGUAGE)


def values(
    ticket: Ticket, language: Language, *, now: datetime, reason: str = "", masked: bool = False
) -> dict[str, str]:
    """What each field of a text stands for. `masked` leaves the person out, for roles that do not need to know."""
    plan = plans.from_json(ticket.plan)
    name = "•••" if masked and ticket.requester_name else ticket.requester_name
    outcome = Outcome(ticket.outcome) if ticket.outcome else None
    found = {
        "greeting": saying.greeting(name, language),
        "person_name": name,
        "reference": ticket.reference,
        "received_on": wording.day(ticket.received_on, language),
        "due_on": wording.day(ticket.due_on, language),
        "today": wording.day(deadlines.receipt_date(now, clock()), language),
        "what_was_done": saying.what_was_done(plan, outcome, language, results.reached_by_kind(ticket)),
        "what_stays": saying.what_stays(plan, language),
        "authority": settings.SUPERVISORY_AUTHORITY,
        "court": settings.COURT or saying.COURT[language],
        "controller": settings.CONTROLLER_NAME or saying.CONTROLLER[language],
    }
    # Without one the field stays, to be seen and filled in.
    return found | ({"reason": reason} if reason else {})


def draft(ticket: Ticket, kind: LetterKind, language: Language, *, now: datetime, reason: str = "") -> Draft:
    """The letter as the newest text makes it."""
    subject, body, template = letter_templates.text_of(kind, language)
    filled = values(ticket, language, now=now, reason=reason)
    return Draft(kind, language, wording.fill(subject, filled), wording.fill(body, filled), template)


def fitting(ticket: Ticket) -> tuple[LetterKind, ...]:
    """The kinds of letter that can be written now, the most likely first."""
    state = State(ticket.state)
    if state is State.COMPLETED:
        first = LetterKind.RESTORED if ticket.outcome == Outcome.RESTORED else LetterKind.DONE
    elif state is State.REFUSED:
        first = LetterKind.MORE_INFORMATION
    else:
        first = LetterKind.RECEIPT
    left_out = set(WITH_A_DECISION)
    if state is not State.COMPLETED:
        left_out.add(LetterKind.DONE)
    if ticket.outcome != Outcome.RESTORED:
        left_out.add(LetterKind.RESTORED)
    if state in CLOSED_STATES:
        # No clock runs any more that could be extended.
        left_out.add(LetterKind.EXTENSION)
    return (first, *(kind for kind in LetterKind if kind not in left_out | {first}))


def check(letter: Draft) -> None:
    """What every letter must hold before it is kept."""
    for field, text, most in (("subject", letter.subject, LONGEST_SUBJECT), ("body", letter.body, LONGEST_BODY)):
        if not text.strip():
            raise UnableTo("Write the text: a letter needs one.", field=field)
        if len(text) > most:
            raise UnableTo(f"Write at most {most:,} characters.", field=field)
        left = wording.left_over(text)
        if left:
            raise UnableTo(f"Fill in {{{left[0]}}} before the letter is kept: {wording.FIELDS[left[0]]}.", field=field)
    if letter.kind in WITH_A_DECISION:
        _check_notice(letter)


def _check_notice(letter: Draft) -> None:
    """The notice of a refusal tells of the authority and of the court, whatever was changed in it (Art. 12(4))."""
    if not settings.SUPERVISORY_AUTHORITY:
        raise UnableTo(NO_AUTHORITY)
    flat = " ".join(letter.body.split())
    for needed, what in (
        (settings.SUPERVISORY_AUTHORITY, "the supervisory authority"),
        (settings.COURT or saying.COURT[letter.language], "the right to a court"),
    ):
        if " ".join(needed.split()) not in flat:
            raise UnableTo(f"The notice must name {what} (Art. 12(4)): “{needed}”", field="body")


def may_write(actor: Actor, *, now: datetime, ticket: Ticket) -> None:
    """Whoever works on tickets writes letters; an attempt without the right leaves an entry."""
    check_may(Right.WRITE_LETTERS, actor=actor, now=now, ticket=ticket)


def keep(ticket: Ticket, letter: Draft, *, actor: Actor, now: datetime) -> Letter:
    """Keep a letter as it is, in the caller's transaction. It is not sent yet."""
    check(letter)
    kept = Letter.objects.create(
        ticket=ticket,
        kind=letter.kind.value,
        template=letter.template,
        language=letter.language.value,
        subject=" ".join(letter.subject.split()),
        body=letter.body.replace("\r\n", "\n").strip(),
        written_by_id=actor.person_id,
        written_at=now,
    )
    facts = {"letter": kept.pk, "kind": kept.kind, "language": kept.language}
    log.record(AuditAction.LETTER_WRITTEN, actor=actor, now=now, ticket=ticket, facts=facts)
    return kept


def write(ticket: Ticket, letter: Draft, *, actor: Actor, now: datetime, by_mail: bool = False) -> Letter:
    """Write a letter that goes with no decision, and queue its mail where asked: both or neither."""
    may_write(actor, now=now, ticket=ticket)
    if letter.kind not in fitting(ticket):
        raise UnableTo(
            f"“{letter.kind.label}” does not fit a ticket that is “{State(ticket.state).label}”.", field="kind"
        )
    if by_mail and why_no_mail(ticket):
        raise UnableTo(why_no_mail(ticket))
    with transaction.atomic():
        stored = locked_for(Right.WRITE_LETTERS, ticket, actor=actor, now=now)
        kept = keep(stored, letter, actor=actor, now=now)
        if by_mail:
            queue(kept, actor=actor, now=now)
        return kept


def why_no_mail(ticket: Ticket) -> str:
    """Why a letter of this ticket cannot go by mail, or an empty text."""
    if not settings.MAILS:
        return outbox.NO_SERVER
    return "" if ticket.requester_email else NO_ADDRESS


def send(letter: Letter, *, actor: Actor, now: datetime) -> None:
    """Send a letter by mail, or once more where it is known not to have gone out, or nobody knows."""
    ticket = letter.ticket
    may_write(actor, now=now, ticket=ticket)
    with transaction.atomic():
        locked_for(Right.WRITE_LETTERS, ticket, actor=actor, now=now)
        mine = Letter.objects.select_for_update(of=("self",)).select_related("mail").get(pk=letter.pk)
        if mine.is_sent:
            raise UnableTo("This letter was sent already.")
        if mine.mail is not None:
            outbox.send_again(mine.mail, actor=actor, now=now)
            return
        trouble = why_no_mail(ticket)
        if trouble:
            raise UnableTo(trouble)
        queue(mine, actor=actor, now=now)


def queue(letter: Letter, *, actor: Actor, now: datetime) -> None:
    """Put a letter into the outbox, in the caller's transaction."""
    mail = outbox.queue(
        MailKind.LETTER,
        key=f"letter-{letter.pk}",
        recipient=letter.ticket.requester_email,
        subject=letter.subject,
        body=letter.body,
        now=now,
        ticket=letter.ticket,
    )
    letter.mail = mail
    letter.save(update_fields=["mail"])
    facts = {"letter": letter.pk, "kind": letter.kind}
    log.record(AuditAction.LETTER_QUEUED, actor=actor, now=now, ticket=letter.ticket, facts=facts)


def sent_by_hand(letter: Letter, *, actor: Actor, now: datetime, sent_on: date | None, channel: str) -> Letter:
    """Note that a letter went out on another way, on which day."""
    ticket = letter.ticket
    may_write(actor, now=now, ticket=ticket)
    _check_day(ticket, sent_on, now=now)
    if channel not in set(Channel):
        raise UnableTo("Choose how the letter was sent.", field="channel")
    with transaction.atomic():
        locked_for(Right.WRITE_LETTERS, ticket, actor=actor, now=now)
        mine = Letter.objects.select_for_update(of=("self",)).select_related("mail").get(pk=letter.pk)
        if mine.is_sent:
            raise UnableTo("This letter was sent already.")
        if mine.mail is not None and mine.mail.state in {MailState.WAITING, MailState.SENDING}:
            raise UnableTo("The mail with this letter is still on its way. Wait until it is sent or has failed.")
        mine.sent_on, mine.channel, mine.noted_by_id, mine.noted_at = sent_on, channel, actor.person_id, now
        mine.save(update_fields=["sent_on", "channel", "noted_by", "noted_at"])
        facts = {"letter": mine.pk, "kind": mine.kind, "sent_on": str(sent_on), "channel": channel}
        log.record(AuditAction.LETTER_BY_HAND, actor=actor, now=now, ticket=ticket, facts=facts)
    return mine


def _check_day(ticket: Ticket, day: date | None, *, now: datetime, field: str = "sent_on") -> None:
    if day is None:
        raise UnableTo("Enter the day on which it was sent.", field=field)
    if day > deadlines.receipt_date(now, clock()):
        raise UnableTo("This day is still to come. Enter the day on which it was sent.", field=field)
    if day < ticket.received_on:
        raise UnableTo("This is before the request was received. Look at the date again.", field=field)
