"""Erasing what the portal no longer needs to know of people, ticket by ticket, by the rules of `retained.py`.

Each ticket is one transaction with its entry: a kill leaves it untouched, and of two workers the second finds it done.
What is on legal hold is left alone. What stays of a ticket is a receipt: kind, dates, staff, outcome, digests, and a
keyed pseudonym of each user id, which still finds duplicates (Art. 5(1)(e), 17(3)(e) GDPR).
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Exists, F, OuterRef

from requests_app.audit import keys, log
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.enums import State
from requests_app.models import Account, AuditEntry, AuditText, LegalHold, Step, Ticket, TicketKey
from requests_app.models.ticket import TicketQuerySet
from requests_app.workflow import policies, retained
from requests_app.workflow.access import check_may
from requests_app.workflow.retained import Erase, Stage, Table
from requests_app.workflow.rights import Right

logger = logging.getLogger("portal.retention")

# Tickets that are looked up in one query.
AT_ONCE = 100
_MARKS: Mapping[Stage, tuple[str, ...]] = {
    Stage.CONTACT: ("details_erased_at",),
    Stage.REST: ("details_erased_at", "ids_erased_at"),
}


def span(stage: Stage) -> timedelta:
    """How long after closing (or, for holds and pauses, after lifting) the stage comes."""
    days = {
        Stage.DELIVERY: settings.RETENTION_EXPORT_DAYS,
        Stage.CONTACT: settings.RETENTION_CONTACT_DAYS,
        Stage.REST: settings.RETENTION_REST_DAYS,
    }
    return timedelta(days=days.get(stage, 0))


def _past(stage: Stage, *, now: datetime) -> TicketQuerySet:
    closed = Ticket.objects.filter(closed_at__lte=now - span(stage), ids_erased_at__isnull=True)
    return closed.filter(details_erased_at__isnull=True) if stage is Stage.CONTACT else closed


def held() -> Exists:
    """Of a ticket: an account of it is on legal hold now."""
    open_hold = LegalHold.objects.open().filter(stream_app=OuterRef("stream_app"), user_id=OuterRef("user_id"))
    return Exists(Account.objects.filter(Exists(open_hold), ticket=OuterRef("pk")))


def decided() -> TicketQuerySet:
    """Tickets about which the decision is made, and of which no account is on legal hold."""
    undecided = (State.DRAFT.value, State.AWAITING_DECISION.value, State.SENT_BACK.value)
    return Ticket.objects.exclude(state__in=undecided).exclude(held())


def due(stage: Stage, *, now: datetime) -> TicketQuerySet:
    """Closed tickets that have reached the stage and are not on legal hold."""
    return _past(stage, now=now).exclude(held())


def is_held(ticket: Ticket) -> bool:
    """Whether an account of the ticket is on legal hold, whatever the ticket asked for."""
    return Ticket.objects.filter(held(), pk=ticket.pk).exists()


def erase(ticket_id: int, stage: Stage, *, actor: Actor, now: datetime, reason: str = "") -> bool:
    """Erase everything of a closed ticket up to the stage; False where there is nothing to do, or a hold forbids it."""
    with transaction.atomic():
        closed = Ticket.objects.filter(closed_at__isnull=False, ids_erased_at__isnull=True)
        ticket = closed.select_for_update().filter(pk=ticket_id).first()
        if ticket is None or (stage is Stage.CONTACT and ticket.details_erased_at) or is_held(ticket):
            return False
        subjects = _pseudonyms(ticket)
        for name, table in retained.TABLES.items():
            if table.ticket:
                _empty(apps.get_model("requests_app", name), table, ticket.pk, stage)
        if stage is Stage.REST:
            _forget_late_texts(ticket)
        _destroy_key(ticket, now=now)
        marks = {mark: now for mark in _MARKS[stage] if getattr(ticket, mark) is None}
        Ticket.objects.filter(pk=ticket.pk).update(**marks, revision=F("revision") + 1)
        log.record(
            AuditAction.TICKET_ERASED,
            actor=actor,
            now=now,
            ticket=ticket,
            subjects=subjects,
            facts={"stage": stage.name.lower(), "key_destroyed": True, "by_hand": bool(reason)},
            texts={"reason": reason},
        )
    return True


def _pseudonyms(ticket: Ticket) -> list[str]:
    """What will be left of the user ids; made now for an account that has none yet."""
    found = list(ticket.accounts.all())
    for account in found:
        if not account.subject:
            year = keys.year_of(ticket.opened_at)
            account.subject = keys.subject(year, account.stream_app_id, account.user_id)
    Account.objects.bulk_update(found, ["subject"])
    return [account.subject for account in found]


def _empty(model: Any, table: Table, ticket_id: int, stage: Stage) -> None:
    """Empty the columns of the model's rows that have reached the stage, or delete the rows whole."""
    rows = model._base_manager.filter(pk__in=model._base_manager.filter(**{table.ticket: ticket_id}).values("pk"))
    if table.whole is not None and table.whole <= stage:
        if table.forget:
            # What lies outside goes first: it must not outlive its row.
            table.forget(list(rows))
        rows.delete()
        return
    reached = _reached(table, stage)
    fixed = {column: instead for column, instead in reached.items() if not callable(instead)}
    made = {column: instead for column, instead in reached.items() if callable(instead)}
    if made:
        found = list(rows)
        for row in found:
            for column, make in made.items():
                setattr(row, column, make(row))
        model._base_manager.bulk_update(found, list(made))
    if fixed:
        rows.update(**fixed)


def _reached(table: Table, stage: Stage) -> dict[str, object]:
    return {
        column: rule.instead
        for column, rule in table.columns.items()
        if isinstance(rule, Erase) and rule.stage <= stage
    }


def _forget_late_texts(ticket: Ticket) -> None:
    """What was written after the key was gone is sealed under FIELD_KEY: these rows go themselves."""
    entries = AuditEntry.objects.filter(ticket_id=ticket.pk).values("seq")
    AuditText.objects.filter(ticket_id__isnull=True, seq__in=entries).delete()


def _destroy_key(ticket: Ticket, *, now: datetime) -> None:
    TicketKey.objects.bulk_create([TicketKey.fresh(ticket.pk)], ignore_conflicts=True)
    TicketKey.objects.filter(ticket=ticket, destroyed_at__isnull=True).update(key="", destroyed_at=now)


def erase_by_hand(ticket: Ticket, *, actor: Actor, now: datetime, note: str) -> None:
    """A DPO erases all personal data of a closed ticket before its time, with a reason; nothing brings it back."""
    check_may(Right.ERASE_DETAILS, actor=actor, now=now, ticket=ticket)
    problem = cannot_erase(ticket)
    if problem:
        raise policies.UnableTo(problem)
    policies.check_reason(note)
    if not erase(ticket.pk, Stage.REST, actor=actor, now=now, reason=note.strip()):
        raise policies.UnableTo("The ticket changed in the meantime. Look at it again.")


def cannot_erase(ticket: Ticket, *, held: bool | None = None) -> str:
    """Why the personal data of the ticket cannot be erased by hand now, or an empty text.

    `held` is what `is_held` said just now, for whoever asked already.
    """
    if ticket.closed_at is None:
        return "The ticket is still open: its personal data is needed until it is closed."
    if ticket.ids_erased_at is not None:
        return "Its personal data is erased already."
    if is_held(ticket) if held is None else held:
        return "A legal hold is on its account: nothing of it is erased until the hold is lifted."
    if ticket.steps.filter(look_again_at__isnull=False).exists():
        return "The portal looks at Stream once more, a day after the delete. Erase it after that."
    return ""


def export_over(step: Step, ticket: Ticket, *, now: datetime) -> bool:
    """Whether the export of the step is past its days: it was handed out long enough ago, or its ticket was erased."""
    if ticket.details_erased_at is not None:
        return True
    return step.delivered_at is not None and step.delivered_at + span(Stage.DELIVERY) <= now


@dataclass
class Done:
    """What one run erased, and how many tickets failed. `more` where time ran out first."""

    tickets: Counter[str]
    failed: int = 0
    more: bool = False

    def __str__(self) -> str:
        parts = [f"{count} {name}" for name, count in self.tickets.items() if count]
        return (", ".join(parts) or "nothing was due") + (f", {self.failed} failed" if self.failed else "")


def run(*, actor: Actor, now: datetime, seconds: float) -> Done:
    """Erase what is due, the longest overdue first, for so long at most; what is left comes with the next run."""
    done, passed, ends = Done(Counter()), set[int](), time.monotonic() + seconds
    for stage, name in ((Stage.REST, "tickets wholly"), (Stage.CONTACT, "tickets' details")):
        waiting = due(stage, now=now).order_by("closed_at", "pk").values_list("pk", flat=True)
        while found := list(waiting.exclude(pk__in=passed)[:AT_ONCE]):
            for ticket_id in found:
                if time.monotonic() >= ends:
                    done.more = True
                    return done
                erased = _try(ticket_id, stage, actor=actor, now=now)
                done.tickets[name] += bool(erased)
                done.failed += erased is None
                if not erased:
                    passed.add(ticket_id)
    return done


def _try(ticket_id: int, stage: Stage, *, actor: Actor, now: datetime) -> bool | None:
    """Whether it was erased; None where it cannot be read, which keeps no other ticket from being erased."""
    try:
        return erase(ticket_id, stage, actor=actor, now=now)
    except DatabaseError:
        raise
    except Exception as error:
        # The words of an error may hold what must not be logged.
        logger.error("The ticket %d could not be erased: %s.", ticket_id, type(error).__name__)
        return None


def overview(now: datetime) -> dict[str, int]:
    """How much a run would erase now, and what a hold keeps: for the dry run."""
    return {
        "tickets: user ids and what is left": due(Stage.REST, now=now).count(),
        "tickets: name, e-mail, free text": due(Stage.CONTACT, now=now).count(),
        "tickets kept by a legal hold": _past(Stage.CONTACT, now=now).filter(held()).count(),
    }
