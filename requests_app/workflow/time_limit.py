"""What moves the time limit: extending it once, stopping it while the person is asked, and letting it go on.

Each is one transaction with its entry: the dates of the ticket are counted anew from what stands there then. The rules
and their sentences are in `deadlines.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from django.db import transaction

from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.enums import CLOSED_STATES, Channel, ExtensionGround, PauseOfClock
from requests_app.models import ClockPause, Extension, Ticket
from requests_app.workflow import deadlines, policies
from requests_app.workflow.access import check_may, locked_for
from requests_app.workflow.clock import clock
from requests_app.workflow.deadlines import Deadline, Paused
from requests_app.workflow.rights import Right


def local_day(now: datetime) -> date:
    """The controller's day at that moment (D0)."""
    return deadlines.receipt_date(now, clock())


def deadline_of(
    ticket: Ticket, *, today: date, received_on: date | None = None, extended: bool | None = None
) -> Deadline:
    """The dates of a ticket, with its extension and its pauses; an open pause lasts until today.

    `extended` says whether it has an extension, where that is known.
    """
    pauses = [Paused(one.asked_on, one.answered_on) for one in ticket.clock_pauses.all()]
    if extended is None:
        extended = Extension.objects.filter(ticket=ticket.pk).exists()
    received_on = received_on or ticket.received_on
    return deadlines.deadline(received_on, clock(), extended=extended, pauses=pauses, today=today)


def check_moved_receipt(ticket: Ticket, deadline: Deadline, received_on: date) -> None:
    """Raises `UnableTo` where the ticket's questions or extension do not go with this day of receipt."""
    extension = Extension.objects.filter(ticket=ticket.pk).first()
    wrong = deadlines.check_moved_receipt(
        received_on,
        asked_on=[one.asked_on for one in ticket.clock_pauses.all()],
        notice_on=extension.notice_on if extension else None,
        first_due_on=deadline.refuse_by_on,
    )
    if wrong:
        raise policies.UnableTo(wrong, field="received_on")


def extend(
    ticket: Ticket,
    *,
    actor: Actor,
    now: datetime,
    ground: ExtensionGround,
    reason: str,
    notice_on: date,
    notice_channel: Channel,
) -> Extension:
    """Extend the time to three months from receipt, once, in time, the person having been told (D5, D6).

    Raises `NotPermitted`, or `UnableTo` with the sentence for the field.
    """
    check_may(Right.EXTEND_THE_TIME, actor=actor, now=now, ticket=ticket)
    today = local_day(now)
    if not reason.strip():
        raise policies.UnableTo("Write why the time is needed: the person has a right to the reason.", field="note")
    with transaction.atomic():
        stored = _not_closed(locked_for(Right.EXTEND_THE_TIME, ticket, actor=actor, now=now))
        before = deadline_of(stored, today=today)
        late = deadlines.check_extension(today, before.refuse_by_on, extended=before.extended)
        if late:
            raise policies.UnableTo(late)
        untold = deadlines.check_notice(
            notice_on, received_on=stored.received_on, first_due_on=before.refuse_by_on, today=today
        )
        if untold:
            raise policies.UnableTo(untold, field="notice_on")
        extension = Extension.objects.create(
            ticket=stored,
            ground=ground.value,
            reason=reason.strip(),
            granted_by_id=actor.person_id,
            granted_at=now,
            notice_on=notice_on,
            notice_channel=notice_channel.value,
            due_before_on=before.refuse_by_on,
        )
        facts = {"ground": ground.value, "notice_on": notice_on.isoformat(), "notice_channel": notice_channel.value}
        _count_anew(stored, AuditAction.CLOCK_EXTENDED, actor=actor, now=now, facts=facts, texts={"reason": reason})
    return extension


def ask(
    ticket: Ticket, *, actor: Actor, now: datetime, kind: PauseOfClock, asked_on: date, question: str
) -> ClockPause:
    """Stop the clock from the day on which the person was asked (D8). Raises `NotPermitted` or `UnableTo`."""
    check_may(Right.STOP_THE_CLOCK, actor=actor, now=now, ticket=ticket)
    today = local_day(now)
    if not question.strip():
        raise policies.UnableTo(
            "Write what was asked and why: the doubt must be a reasonable one (Art. 12(6) GDPR).", field="note"
        )
    with transaction.atomic():
        stored = _not_closed(locked_for(Right.STOP_THE_CLOCK, ticket, actor=actor, now=now))
        due_on = deadline_of(stored, today=today).due_on
        wrong = deadlines.check_asked(asked_on, received_on=stored.received_on, due_on=due_on, today=today)
        if wrong:
            raise policies.UnableTo(wrong, field="asked_on")
        if stored.clock_pauses.filter(kind=kind.value, answered_on__isnull=True).exists():
            raise policies.UnableTo("The person was asked this already, and has not answered yet.", field="kind")
        pause = ClockPause.objects.create(
            ticket=stored, kind=kind.value, question=question.strip(), asked_on=asked_on, asked_by_id=actor.person_id
        )
        facts = {"kind": kind.value, "asked_on": asked_on.isoformat()}
        _count_anew(stored, AuditAction.CLOCK_PAUSED, actor=actor, now=now, facts=facts, texts={"question": question})
    return pause


def answer(ticket: Ticket, pause_id: int, *, actor: Actor, now: datetime, answered_on: date) -> ClockPause:
    """Let the clock go on from the day on which the person answered. Raises `NotPermitted` or `UnableTo`."""
    check_may(Right.STOP_THE_CLOCK, actor=actor, now=now, ticket=ticket)
    with transaction.atomic():
        stored = locked_for(Right.STOP_THE_CLOCK, ticket, actor=actor, now=now)
        pause = stored.clock_pauses.select_for_update().filter(pk=pause_id, answered_on__isnull=True).first()
        if pause is None:
            raise policies.UnableTo("This question was answered already.")
        wrong = deadlines.check_answered(answered_on, asked_on=pause.asked_on, today=local_day(now))
        if wrong:
            raise policies.UnableTo(wrong, field="answered_on")
        pause.answered_on, pause.answered_by_id = answered_on, actor.person_id
        pause.save(update_fields=["answered_on", "answered_by"])
        facts = {"kind": pause.kind, "asked_on": pause.asked_on.isoformat(), "answered_on": answered_on.isoformat()}
        _count_anew(stored, AuditAction.CLOCK_GOES_ON, actor=actor, now=now, facts=facts)
    return pause


def is_too_late_to_refuse(ticket: Ticket, *, now: datetime, override: bool) -> bool:
    """Whether a refusal of today comes after its day (D7); raises `UnableTo` then, unless the officer overrides it."""
    today = local_day(now)
    refuse_by_on = deadline_of(ticket, today=today).refuse_by_on
    sentence = deadlines.check_refusal(today, refuse_by_on, override=override)
    if sentence:
        raise policies.UnableTo(sentence, field="override_late")
    return today > refuse_by_on


def open_questions(ticket: Ticket) -> int:
    """How many questions to the person are still unanswered: a case is not closed before they are."""
    return ticket.clock_pauses.filter(answered_on__isnull=True).count()


def count_anew(ticket: Ticket, *, actor: Actor, now: datetime, why: str) -> bool:
    """Set the dates that the rules give now, in the caller's transaction; returns whether any changed (D11)."""
    return _count_anew(ticket, AuditAction.CLOCK_COUNTED, actor=actor, now=now, facts={"why": why}, always=False)


def _count_anew(
    ticket: Ticket,
    action: AuditAction,
    *,
    actor: Actor,
    now: datetime,
    facts: Mapping[str, object],
    texts: Mapping[str, str] | None = None,
    always: bool = True,
) -> bool:
    found = deadline_of(ticket, today=local_day(now))
    dates: dict[str, date | None] = {
        "due_on": found.due_on,
        "target_on": found.target_on,
        "refuse_by_on": found.refuse_by_on,
    }
    if ticket.state in CLOSED_STATES:
        # It keeps the dates that it was answered by (D11).
        dates = {"due_on": ticket.due_on, "target_on": ticket.target_on, "refuse_by_on": ticket.refuse_by_on}
    changed = {name: day for name, day in dates.items() if getattr(ticket, name) != day}
    if not changed and not always:
        return False
    told = {f"{name}_before": _plain(getattr(ticket, name)) for name in dates}
    told |= {name: _plain(day) for name, day in dates.items()}
    Ticket.objects.filter(pk=ticket.pk).update(**dates)
    log.record(
        action,
        actor=actor,
        now=now,
        ticket=ticket,
        facts={**facts, **told},
        texts={name: text.strip() for name, text in (texts or {}).items()},
    )
    return bool(changed)


def _plain(day: date | None) -> str:
    return day.isoformat() if day else ""


def _not_closed(stored: Ticket) -> Ticket:
    """The same ticket; raises `UnableTo` where it closed."""
    if stored.state in CLOSED_STATES:
        raise policies.UnableTo("The ticket is closed: its clock stands for good.")
    return stored
