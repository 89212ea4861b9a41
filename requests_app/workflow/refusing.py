"""Refusing a request as a whole, or parts of it. No refusal comes without its notice to the person (Art. 12(4) GDPR).

A part is refused by sending the ticket back with a verdict: the agent takes the part out of the plan, and whoever
approves then approves exactly what is carried out. So four eyes and the digest stay what they are, and the notice of
the refusal in part is kept with the approval that makes it final (docs/decisions/0013-refusal-in-part.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from requests_app.audit.actor import Actor
from requests_app.enums import Kind, Language, LetterKind, Refusal, Verb
from requests_app.models import Ticket, Verdict
from requests_app.workflow import letters, policies, refusals, saying, time_limit, verbs
from requests_app.workflow import plan as plans
from requests_app.workflow.approval import ANEW, decide
from requests_app.workflow.guard import guarded, standing
from requests_app.workflow.letters import Draft
from requests_app.workflow.transition import holding, move


@dataclass(frozen=True)
class Part:
    """The verdict on one part of a plan: why it is refused, in words for the person, and what shows it."""

    code: str
    words: str = ""
    evidence: str = ""


def notice(ticket: Ticket, code: Refusal, words: str, language: Language, *, now: datetime) -> Draft:
    """The notice of a refusal as the newest text makes it."""
    reason = saying.reason(code, words, language)
    return letters.draft(ticket, LetterKind.REFUSAL, language, now=now, reason=reason)


@guarded(Verb.REFUSE)
def refuse(
    ticket: Ticket,
    *,
    actor: Actor,
    now: datetime,
    note: str,
    code: str,
    evidence: str = "",
    letter: Draft | None = None,
    by_mail: bool = False,
    override_late: bool = False,
) -> Ticket:
    """Refuse the request with its ground, a reason in words and the notice, which is kept in the same transaction.

    `letter` is the notice as it was previewed and changed; without one it is as the newest text makes it.
    `override_late` is the officer's word to refuse after the day until which the law lets a refusal be notified
    (Art. 12(4) GDPR): the ticket is flagged then.
    """
    verbs.check(standing(ticket), Verb.REFUSE, actor_id=actor.id)
    refusal = refusals.check(Kind(ticket.kind), code, evidence)
    policies.check_reason(note)
    late = time_limit.is_too_late_to_refuse(ticket, now=now, override=override_late)
    letter = letter or notice(ticket, refusal, note, letters.default_language(), now=now)
    if by_mail and letters.why_no_mail(ticket):
        raise policies.UnableTo(letters.why_no_mail(ticket), field="by_mail")
    with holding(ticket):
        decide(ticket, Verb.REFUSE, actor=actor, now=now, note=note, refusal=refusal.value, evidence=evidence)
        kept = letters.keep(ticket, letter, actor=actor, now=now)
        if by_mail:
            letters.queue(kept, actor=actor, now=now)
        return move(
            ticket,
            Verb.REFUSE,
            actor=actor,
            now=now,
            changes={**ANEW, "refused_late": late},
            facts={"refusal": refusal.value, "letter": kept.pk, "late": late},
            texts={"note": note.strip(), "evidence": evidence.strip()},
        )


@guarded(Verb.SEND_BACK)
def refuse_parts(ticket: Ticket, parts: Mapping[str, Part], *, actor: Actor, now: datetime, note: str) -> Ticket:
    """Send the ticket back with parts of its plan refused; these verdicts replace those of before.

    Without parts the earlier verdicts are taken back. The agent cannot submit a plan that holds a refused part.
    """
    verbs.check(standing(ticket), Verb.SEND_BACK, actor_id=actor.id)
    policies.check_reason(note)
    kind = Kind(ticket.kind)
    before = Verdict.objects.filter(ticket=ticket, stands=True)
    _check_parts(plans.from_json(ticket.plan), set(parts), {verdict.part for verdict in before})
    codes = {name: _code(kind, name, part) for name, part in parts.items()}
    with holding(ticket):
        decision = decide(ticket, Verb.SEND_BACK, actor=actor, now=now, note=note)
        before.update(stands=False)
        Verdict.objects.bulk_create(
            Verdict(
                ticket=ticket,
                decision=decision,
                part=name,
                code=codes[name].value,
                words=part.words.strip(),
                evidence=part.evidence.strip(),
            )
            for name, part in parts.items()
        )
        return move(
            ticket,
            Verb.SEND_BACK,
            actor=actor,
            now=now,
            changes=ANEW,
            facts={"refused_parts": {name: code.value for name, code in codes.items()}},
            texts={"note": note.strip()}
            | {f"refused {name}": " ".join((part.words, part.evidence)).strip() for name, part in parts.items()},
        )


def _code(kind: Kind, name: str, part: Part) -> Refusal:
    try:
        return refusals.check(kind, part.code, part.evidence)
    except policies.UnableTo as reason:
        raise policies.UnableTo(str(reason), field=f"{name}_{reason.field}") from None


def _check_parts(plan: plans.Plan, refused: set[str], before: set[str]) -> None:
    asked = set(plans.parts(plan))
    if not refused and not before:
        raise policies.UnableTo("Choose the parts that are refused, or send the ticket back without a verdict.")
    if refused - asked - before:
        raise policies.UnableTo("A part that is not asked for cannot be refused. Look at the plan again.")
    if asked and refused >= asked:
        raise policies.UnableTo("Every part is refused: refuse the request as a whole instead.")
