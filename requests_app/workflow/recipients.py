"""Telling those to whom the data was disclosed about its erasure, or saying why not (Art. 19 GDPR)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from django.db import transaction

from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.enums import Kind, Outcome
from requests_app.models import Informing, Recipient, StreamApp, Ticket
from requests_app.workflow import deadlines
from requests_app.workflow.access import check_may, locked_for
from requests_app.workflow.clock import clock
from requests_app.workflow.policies import UnableTo
from requests_app.workflow.rights import Right

# Nothing was erased then, so there is nothing to tell: Art. 19 is about an erasure that was carried out.
_NOTHING = frozenset({Outcome.NOTHING_FOUND, Outcome.FAILED, Outcome.REFUSED_BY_STREAM, Outcome.RESTORED})
MOST = 50


def lay_out(ends: Collection[tuple[Ticket, Outcome]]) -> None:
    """Put every recipient of the app on the checklist of erasures that end now; in the caller's transaction."""
    ended = [one for one, outcome in ends if one.kind == Kind.ERASE and outcome not in _NOTHING]
    if not ended:
        return
    known = Recipient.objects.filter(stream_app__in={one.stream_app_id for one in ended}, is_active=True)
    by_app: dict[int, list[int]] = {}
    for pk, app_id in known.values_list("pk", "stream_app_id"):
        by_app.setdefault(app_id, []).append(pk)
    # One that was told before a restore stays as it was answered.
    Informing.objects.bulk_create(
        [Informing(ticket=one, recipient_id=pk) for one in ended for pk in by_app.get(one.stream_app_id, ())],
        ignore_conflicts=True,
    )


def answer(
    informing: Informing, *, informed_on: date | None, told: bool, words: str, actor: Actor, now: datetime
) -> None:
    """Note that a recipient was told, on which day and what proves it, or why they were not."""
    ticket = informing.ticket
    check_may(Right.TELL_RECIPIENTS, actor=actor, now=now, ticket=ticket)
    if told:
        _check_day(ticket, informed_on, now=now)
    if not words.strip():
        raise UnableTo("Write what proves it, or why they were not told.", field="words")
    with transaction.atomic():
        ticket = locked_for(Right.TELL_RECIPIENTS, ticket, actor=actor, now=now)
        if ticket.answered_at is not None:
            raise UnableTo("The case is closed, so its checklist stays as it is.")
        Informing.objects.filter(pk=informing.pk).select_for_update().first()
        informing.informed_on = informed_on if told else None
        informing.words, informing.answered_by_id, informing.answered_at = words.strip(), actor.person_id, now
        informing.save(update_fields=["informed_on", "words", "answered_by", "answered_at"])
        log.record(
            AuditAction.RECIPIENT_ANSWERED,
            actor=actor,
            now=now,
            ticket=ticket,
            facts={
                "recipient": informing.recipient_id,
                "told": told,
                "informed_on": str(informed_on) if told else "",
            },
            texts={"words": words.strip()},
        )


def _check_day(ticket: Ticket, day: date | None, *, now: datetime) -> None:
    if day is None:
        raise UnableTo("Enter the day on which they were told.", field="informed_on")
    if day > deadlines.receipt_date(now, clock()):
        raise UnableTo("This day is still to come. Enter the day on which they were told.", field="informed_on")
    if day < ticket.received_on:
        raise UnableTo("This is before the request was received. Look at the date again.", field="informed_on")


def save(app: StreamApp, names: Sequence[str], *, actor: Actor, now: datetime) -> None:
    """Name the recipients of an app. One that is left out is retired: checklists of before keep it.

    Raises `NotPermitted` or `UnableTo`.
    """
    check_may(Right.SET_UP_APPS, actor=actor, now=now)
    wanted = list(dict.fromkeys(" ".join(name.split()) for name in names if name.strip()))
    if len(wanted) > MOST:
        raise UnableTo(f"Name at most {MOST} recipients.", field="names")
    if any(len(name) > 120 for name in wanted):
        raise UnableTo("Keep each name within 120 characters.", field="names")
    with transaction.atomic():
        kept = {one.name: one for one in Recipient.objects.select_for_update().filter(stream_app=app)}
        for name, one in kept.items():
            if one.is_active != (name in wanted):
                one.is_active = name in wanted
                one.save(update_fields=["is_active"])
        Recipient.objects.bulk_create(Recipient(stream_app=app, name=name) for name in wanted if name not in kept)
        log.record(AuditAction.RECIPIENTS_SAVED, actor=actor, now=now, facts={"app": app.pk, "recipients": len(wanted)})
