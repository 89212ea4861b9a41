"""What hangs on a ticket, read for its page: one question tells of which kinds there is anything, and those are read.

Most tickets have no letters, files, notes, questions or refused parts. Asked for one by one, they would be most of what
the page asks the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, QuerySet, prefetch_related_objects

from requests_app.compiled_query import Compiled
from requests_app.models import (
    Attachment,
    ClockPause,
    Contribution,
    Decision,
    Extension,
    IdentityCheck,
    LegalHold,
    Letter,
    Note,
    Preview,
    Step,
    Ticket,
    Verdict,
)
from requests_app.workflow.guard import Known, held_ids, sent_steps

# Of these alone it is told whether there are any: holds of the ticket's app, previews of its effect, steps of it that
# reached Stream.
HOLDS, PREVIEWS, SENT = "holds", "previews", "sent"


def _kinds() -> Mapping[str, QuerySet[Any]]:
    """By relation of the ticket, its rows with all that the page shows of them."""
    return {
        "attachments": Attachment.objects.select_related("added_by", "removed_by"),
        "clock_pauses": ClockPause.objects.select_related("asked_by"),
        "contributions": Contribution.objects.all(),
        "decisions": Decision.objects.all(),
        "extension": Extension.objects.select_related("granted_by"),
        "identity_checks": IdentityCheck.objects.select_related("checked_by"),
        "letters": Letter.objects.select_related("mail", "written_by").prefetch_related("mail__attempts"),
        "notes": Note.objects.select_related("written_by").prefetch_related("mentions__person"),
        "verdicts": Verdict.objects.all(),
    }


def _question(ticket_id: int) -> QuerySet[Ticket, Any]:
    own = {**_kinds(), PREVIEWS: Preview.objects.all()}
    there = {f"has_{name}": Exists(rows.order_by().filter(ticket=OuterRef("pk"))) for name, rows in own.items()}
    holds = LegalHold.objects.open().order_by().filter(stream_app=OuterRef("stream_app"))
    others = {f"has_{HOLDS}": Exists(holds), f"has_{SENT}": Exists(sent_steps(OuterRef("pk")))}
    return Ticket.objects.order_by().filter(pk=ticket_id).values(**there, **others)


_QUESTION = Compiled(_question)


def read_parts(ticket: Ticket) -> frozenset[str]:
    """Read what hangs on the ticket into it, its steps with their tasks as well; returns of what there is anything.

    For showing alone. A verb never works on a ticket that was read like this: it asks again, under the lock.
    """
    rows = _QUESTION.values(ticket.pk)
    kinds = frozenset(name.removeprefix("has_") for name, found in (rows[0] if rows else {}).items() if found)
    parts = [Prefetch(name, own if name in kinds else own.none()) for name, own in _kinds().items()]
    prefetch_related_objects([ticket], *parts)
    steps_of(ticket)
    return kinds


def steps_of(ticket: Ticket) -> list[Step]:
    """The steps with their tasks, asked for once for all that the page tells of them."""
    prefetch_related_objects([ticket], Prefetch("steps", Step.objects.select_related("stream_task")))
    return list(ticket.steps.all())


def standing_verdicts(ticket: Ticket) -> list[Verdict]:
    """The refused parts of the request."""
    return [verdict for verdict in ticket.verdicts.all() if verdict.stands]


def known(ticket: Ticket, kinds: frozenset[str]) -> Known:
    """What the rules ask of a ticket whose parts were read; `kinds` are those of which there is anything."""
    return Known(
        contributors=frozenset(one.actor_id for one in ticket.contributions.all()),
        anything_sent=SENT in kinds,
        held=held_ids(ticket) if HOLDS in kinds else (),
        refused_parts=frozenset(verdict.part for verdict in standing_verdicts(ticket)),
    )
