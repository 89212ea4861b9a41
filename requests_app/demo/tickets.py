"""The tickets of the demo: in every state that people bring about, by the verbs that people use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from requests_app.audit.actor import Actor
from requests_app.engine import effect_preview
from requests_app.enums import (
    Channel,
    ExtensionGround,
    Ground,
    IdentityMethod,
    Kind,
    LetterKind,
    Mode,
    PauseOfClock,
    Refusal,
)
from requests_app.models import StreamApp, Ticket
from requests_app.workflow import approval, closing, deadlines, holds, letters, refusing, tickets, time_limit
from requests_app.workflow.clock import clock
from requests_app.workflow.intake import Intake
from requests_app.workflow.plan import Plan

HARD = {"user": Mode.HARD, "messages": Mode.HARD, "conversations": Mode.HARD}
PRUNE = {"user": Mode.PRUNING, "messages": Mode.PRUNING}
SOFT = {"user": Mode.SOFT, "messages": Mode.SOFT}
FEEDS = {"feeds_data": Mode.HARD}
# The user's data is gone, the feeds data only hidden: erased in part.
PARTLY = HARD | {"feeds_data": Mode.SOFT}
EXTENDED = ("receipt", "extended")
# Somebody who opened an account again and again; the sandbox gets these together with the tickets.
MANY_ACCOUNTS = tuple(f"ilse-{number:02}" for number in range(1, 13))
NAME_OF_MANY = "Ilse Brandt"
# Stream does not finish this person's export, so that the demo has a ticket that runs.
ENDLESS = "jonas-weber"
FAULTS = {"tasks": {"ExportFeedUserData": {"fate": "hang", "users": [ENDLESS]}}}


@dataclass(frozen=True)
class Case:
    """One ticket: who opened it, whose data, what is asked for, and how far it has come."""

    opener: str
    user_id: str
    fate: str
    kind: Kind = Kind.ERASE
    modes: dict[str, Mode] | None = None
    days: int = 5
    channel: Channel = Channel.EMAIL
    note: str = ""
    # What happened besides: `receipt`, `asked` (the clock stands), `extended`, `closed` (told by hand, case closed),
    # `held` (a legal hold after the approval: the engine stops the ticket).
    also: tuple[str, ...] = ()
    # Further accounts of the same person.
    others: tuple[str, ...] = ()


def _cases() -> Iterator[Case]:
    """Nobody of the sandbox who is erased for good by an approved ticket stands in another one."""
    yield Case("ana", "u_82c1f0e9", "waiting", modes=HARD, days=24, note="Confirmed twice by e-mail.", also=EXTENDED)
    yield Case("tom", "j-ossipov", "waiting", modes=FEEDS, days=18, also=("receipt", "asked"))
    yield Case("lena", "u_77aa10d2", "waiting", modes=HARD | FEEDS, days=16, channel=Channel.FORM)
    yield Case("ana", "b.kowalski", "waiting", kind=Kind.EXPORT, days=12, also=("receipt",))
    yield Case("tom", "r_santos", "waiting", modes=PRUNE, days=9, channel=Channel.LETTER, also=("receipt",))
    yield Case("ana", "noor@example.org", "waiting", kind=Kind.EXPORT, days=3, channel=Channel.IN_APP)
    yield Case("lena", "élodie", "waiting", modes=SOFT, days=33, note="Asked again by phone.")
    yield Case("ana", "marta.lindqvist", "approved", kind=Kind.EXPORT, days=14)
    yield Case("tom", "p.novak", "approved", modes=HARD, days=11, channel=Channel.FORM)
    yield Case("lena", "o.nilsen", "approved", modes=SOFT, days=8)
    yield Case("ana", "u_fe11d8b0", "approved", kind=Kind.EXPORT, days=6)
    yield Case("tom", ENDLESS, "approved", kind=Kind.EXPORT, days=7)
    yield Case("lena", "noor@example.org", "approved", modes=HARD, days=13, also=("held",))
    yield Case("ana", "u_019b3e5f", "approved", modes=PARTLY, days=10)
    first, *others = MANY_ACCOUNTS
    note = "One person with twelve accounts."
    yield Case("tom", first, "waiting", modes=HARD, days=0, channel=Channel.IN_APP, note=note, others=tuple(others))
    yield Case("ana", "guest-0093817", "draft", modes=SOFT, days=4)
    yield Case("ana", "u_82c1f0e9", "draft", kind=Kind.EXPORT, days=2)
    yield Case("tom", "a b/c", "draft", kind=Kind.EXPORT, days=1)
    yield Case("lena", "yuki-tanaka", "draft", modes=HARD, days=0, channel=Channel.PHONE)
    yield Case("ana", "u_c0ffee42", "sent back", modes=HARD, days=20, note="Who owns the shared channels afterwards?")
    yield Case("tom", "jonas-weber", "sent back", modes=PRUNE, days=15, note="Keep the invoices: ask Finance first.")
    why = "The requester is not the account's owner."
    yield Case("lena", "u_5be01c77", "refused", modes=HARD, days=40, note=why, also=("closed",))
    yield Case("ana", "u_77aa10d2", "refused", kind=Kind.EXPORT, days=45, note="Same request as last week.")
    yield Case("tom", "r_santos", "cancelled", kind=Kind.EXPORT, days=50)
    yield Case("lena", "j-ossipov", "cancelled", kind=Kind.EXPORT, days=28, note="Withdrawn by the person.")
    # People whom Stream does not know any more, from before the portal.
    for number in range(16):
        opener = ("ana", "tom", "lena")[number % 3]
        fate = ("cancelled", "refused", "waiting", "draft")[number % 4]
        modes = (HARD, PRUNE, SOFT, FEEDS)[number % 4]
        days, also = 2 + number * 2, ("closed",) if fate == "refused" and number > 4 else ()
        yield Case(
            opener, f"legacy-{4100 + number}", fate, modes=modes, days=days, note="From the old tool.", also=also
        )


def fill(app: StreamApp, people: dict[str, Actor]) -> int:
    """Bring every case about; returns how many tickets there are."""
    count = 0
    for case in _cases():
        _bring_about(case, app, people)
        count += 1
    return count


def _bring_about(case: Case, app: StreamApp, people: dict[str, Actor]) -> Ticket:
    now = timezone.now()
    opener, dpo = people[case.opener], people["mara"]
    ticket = tickets.open_ticket(_intake(case, app), actor=opener, now=now)
    if case.fate == "cancelled":
        return tickets.cancel(ticket, actor=opener, now=now, note=case.note)
    if case.fate == "draft":
        return ticket
    tickets.submit(ticket, actor=opener, now=now)
    _meanwhile(ticket, case, opener=opener, dpo=dpo)
    if case.fate == "approved":
        _approve(ticket, case, dpo=dpo)
        if "held" in case.also:
            reason = "The contract is before a court: its messages are evidence."
            holds.place(app, case.user_id, actor=dpo, now=timezone.now(), reason=reason)
        return ticket
    if case.fate == "sent back":
        return tickets.send_back(ticket, actor=dpo, now=now, note=case.note)
    if case.fate == "refused":
        code = Refusal.UNFOUNDED if case.kind is Kind.ERASE else Refusal.EXCESSIVE
        evidence = "The mail came from an address that the account never had."
        refusing.refuse(
            ticket, actor=dpo, now=now, note=case.note, code=code.value, evidence=evidence, override_late=True
        )
        if "closed" in case.also:
            _send_by_hand(ticket, actor=opener)
            return closing.answer(ticket, actor=opener, now=now)
    return ticket


def _approve(ticket: Ticket, case: Case, *, dpo: Actor) -> None:
    now = timezone.now()
    seen = effect_preview.make(ticket, actor=dpo, now=now)
    approval.approve(
        ticket,
        actor=dpo,
        now=now,
        confirm_user_id=case.user_id,
        plan_digest=ticket.plan_digest,
        revision=ticket.revision,
        preview_digest=seen.digest,
        without_preview=not seen.answered,
        note=case.note,
    )


def _meanwhile(ticket: Ticket, case: Case, *, opener: Actor, dpo: Actor) -> None:
    """What is said to the person before the decision, and what that does to the clock."""
    now = timezone.now()
    today = deadlines.receipt_date(now, clock())
    if "receipt" in case.also:
        draft = letters.draft(ticket, LetterKind.RECEIPT, letters.default_language(), now=now)
        letters.write(ticket, draft, actor=opener, now=now)
        _send_by_hand(ticket, actor=opener)
    if "asked" in case.also:
        question = "Which of your two accounts do you mean?"
        time_limit.ask(
            ticket, actor=opener, now=now, kind=PauseOfClock.CLARIFICATION, asked_on=today, question=question
        )
    if "extended" in case.also:
        time_limit.extend(
            ticket,
            actor=dpo,
            now=now,
            ground=ExtensionGround.COMPLEXITY,
            reason="The account has several hundred channels.",
            notice_on=today,
            notice_channel=Channel.EMAIL,
        )
    ticket.refresh_from_db()


def _send_by_hand(ticket: Ticket, *, actor: Actor) -> None:
    now = timezone.now()
    today = deadlines.receipt_date(now, clock())
    for letter in ticket.letters.all():
        letters.sent_by_hand(letter, actor=actor, now=now, sent_on=today, channel=Channel.LETTER.value)


def _intake(case: Case, app: StreamApp) -> Intake:
    export = case.kind is Kind.EXPORT
    modes: dict[str, Any] = dict(case.modes or {})
    plan = Plan(
        kind=case.kind,
        user_ids=(case.user_id, *case.others),
        export_feeds_data=export,
        export_user_data=export,
        copy_first=not export and case.modes is HARD and not case.others,
        **modes,
    )
    received_on = deadlines.receipt_date(timezone.now() - timedelta(days=case.days), clock())
    return Intake(
        stream_app=app,
        plan=plan,
        received_on=received_on,
        channel=case.channel,
        identity_method="" if case.fate == "draft" else IdentityMethod.EMAIL_LOOP.value,
        requester_email="" if case.user_id.startswith("legacy") else f"{received_on:%d%m}.person@example.org",
        ground="" if export else Ground.CONSENT_WITHDRAWN.value,
        note=case.note,
    )
