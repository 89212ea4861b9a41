"""Erasing what does not wait for a ticket to be closed for long: by rules of their own time, and at the decision.

What proved an identity goes once the ticket is decided; an export some days after it was handed out; reasons and user
ids of holds and pauses by the day of their lifting; texts of the log that belong to no ticket by their age.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import transaction

from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.models import AuditEntry, AuditText
from requests_app.workflow import retained
from requests_app.workflow.retained import Erase, Stage, Table
from requests_app.workflow.retention import decided, span

# Rows of a model in one run, where they are taken one by one.
AT_ONCE = 500


@dataclass(frozen=True)
class Leftover:
    """Rows of a model that are past a stage of their own and still say something; `fixed` is what is to stand there."""

    name: str
    table: Table
    rows: Any
    fixed: dict[str, object]
    whole: bool


def due(now: datetime) -> Iterator[Leftover]:
    """Everything that is due now."""
    for name, table in retained.TABLES.items():
        model: Any = apps.get_model("requests_app", name)
        for stage in _own_stages(table):
            fixed = {
                column: rule.instead
                for column, rule in table.columns.items()
                if isinstance(rule, Erase) and rule.stage is stage and not callable(rule.instead)
            }
            rows = _reached(model, table, stage, now=now)
            if table.whole is stage:
                yield Leftover(name, table, rows, {}, whole=True)
            elif fixed:
                yield Leftover(name, table, rows.exclude(**fixed), fixed, whole=False)


def _own_stages(table: Table) -> tuple[Stage, ...]:
    """The stages that do not come with the closing of a ticket."""
    if table.ticket:
        return (Stage.DECISION, Stage.DELIVERY) if table.since else (Stage.DECISION,)
    return (Stage.DELIVERY, Stage.CONTACT, Stage.REST) if table.since else ()


def _reached(model: Any, table: Table, stage: Stage, *, now: datetime) -> Any:
    if stage is not Stage.DECISION:
        return model._base_manager.filter(**{f"{table.since}__lte": now - span(stage)})
    own = model._base_manager.filter(**{f"{table.ticket}__in": decided().values("pk")})
    return model._base_manager.filter(pk__in=own.values("pk"))


def _old_texts(now: datetime) -> Any:
    """Texts of entries without a ticket that are as old as the rest of a ticket may become."""
    old = AuditEntry.objects.filter(at__lte=now - span(Stage.REST)).values("seq")
    return AuditText.objects.filter(ticket_id__isnull=True, seq__in=old)


def erase(*, actor: Actor, now: datetime) -> Counter[str]:
    """Erase what is due: one transaction, one entry with the number of rows of each model."""
    counts: Counter[str] = Counter()
    with transaction.atomic():
        for leftover in due(now):
            counts[leftover.name] += _delete(leftover) if leftover.whole else leftover.rows.update(**leftover.fixed)
        counts["AuditText"] += _old_texts(now).delete()[0]
        counts = +counts
        if counts:
            log.record(AuditAction.LEFTOVERS_ERASED, actor=actor, now=now, facts={"rows": dict(counts)})
    return counts


def _delete(leftover: Leftover) -> int:
    found = list(leftover.rows[:AT_ONCE])
    if leftover.table.forget and found:
        # What lies outside goes first: it must not outlive its row.
        leftover.table.forget(found)
    leftover.rows.filter(pk__in=[row.pk for row in found]).delete()
    return len(found)


def overview(now: datetime) -> Counter[str]:
    """How many rows of each model are due: for the dry run."""
    counts: Counter[str] = Counter()
    for leftover in due(now):
        counts[f"{leftover.name} rows"] += leftover.rows.count()
    counts["texts of the log without a ticket"] = _old_texts(now).count()
    return counts
