"""Closing the case: the person has an answer, and nothing that the law asks for is left to do.

What became of the request on Stream is one thing; that the person was told of it, another (Art. 12(3), 12(4), 19 GDPR).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db import transaction

from requests_app.audit.actor import Actor
from requests_app.enums import LetterKind, MailState, Outcome, State, Verb
from requests_app.models import Informing, Letter, Ticket
from requests_app.workflow import policies, time_limit, verbs
from requests_app.workflow.guard import guarded, standing
from requests_app.workflow.transition import move


def missing(
    ticket: Ticket, letters: Sequence[Letter] | None = None, informings: Sequence[Informing] | None = None
) -> tuple[str, ...]:
    """What is still to be done before the case can be closed, a sentence each.

    Letters (with their mails) and informings (with their recipients) are read here, unless somebody has just read them.
    """
    letters = list(ticket.letters.select_related("mail")) if letters is None else letters
    informings = list(ticket.informings.select_related("recipient")) if informings is None else informings
    return tuple(_missing(ticket, letters, informings))


def _missing(ticket: Ticket, letters: Sequence[Letter], informings: Sequence[Informing]) -> Iterator[str]:
    if time_limit.open_questions(ticket):
        yield "The person was asked something and the answer is open: enter when it came, in the card of the deadline."
    if ticket.state == State.REFUSED:
        yield from _untold(letters, LetterKind.REFUSAL, "the notice of the refusal (Art. 12(4))")
        return
    if ticket.outcome == Outcome.RESTORED:
        yield from _untold(letters, LetterKind.RESTORED, "that the account was restored")
    else:
        yield from _untold(letters, LetterKind.DONE, "what was done")
    if ticket.verdicts.filter(stands=True).exists():
        yield from _untold(letters, LetterKind.PARTIAL, "the notice of what was refused (Art. 12(4))")
    for one in informings:
        if one.answered_at is None:
            yield f"Tell {one.recipient.name} about the erasure, or write why not (Art. 19)."


def _untold(letters: Sequence[Letter], kind: LetterKind, what: str) -> Iterator[str]:
    written = [letter for letter in letters if letter.kind == kind]
    if any(letter.is_sent for letter in written):
        return
    if any(letter.is_on_its_way for letter in written):
        yield f"The letter “{kind.label}” is on its way: wait until it is sent."
    elif any(letter.mail is not None and letter.mail.state == MailState.UNKNOWN for letter in written):
        yield f"Nobody knows whether the letter “{kind.label}” went out: send it again, or mark it as sent by hand."
    elif written:
        yield f"Send the letter “{kind.label}”, or mark it as sent by hand."
    else:
        yield f"Tell the person {what}: write the letter “{kind.label}”."


@guarded(Verb.ANSWER)
def answer(ticket: Ticket, *, actor: Actor, now: datetime) -> Ticket:
    """Close the case. Raises `UnableTo` with everything that is missing."""
    verbs.check(standing(ticket), Verb.ANSWER, actor_id=actor.id)
    left = missing(ticket)
    if left:
        raise policies.UnableTo(" ".join(left))
    with transaction.atomic():
        changes = {"answered_by_id": actor.id, "answered_at": now}
        return move(ticket, Verb.ANSWER, actor=actor, now=now, changes=changes, facts={"outcome": ticket.outcome})
