"""What happened, as people read it: audit entries as sentences, with names and free texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.db.models import QuerySet
from django.utils import timezone

from requests_app.audit.texts import Kept, kept
from requests_app.audit_actions import AuditAction
from requests_app.enums import Operation, Outcome, Role
from requests_app.models import AuditEntry, AuditText, Ticket

# A page shows the newest of these; the audit log has all of them.
EVENTS = 40
MASKED = "Free text, masked for your role"
UNREADABLE = "[cannot be read: its key is missing]"
# Entries of people who look, which would drown what happened.
QUIET = (AuditAction.TICKET_READ.value, AuditAction.CALL_INTENDED.value, AuditAction.PREVIEW_MADE.value)
_ICONS = {
    AuditAction.TICKET_BEGUN: "player-play",
    AuditAction.TICKET_STOPPED: "alert-triangle",
    AuditAction.TICKET_COMPLETED: "circle-check",
    AuditAction.CALL_ANSWERED: "send",
    AuditAction.CALL_RECONCILED: "eye",
    AuditAction.STREAM_TASK_FINISHED: "circle-check",
    AuditAction.READ_BACK: "eye",
}


@dataclass(frozen=True)
class Event:
    """One thing that happened. `actor` is empty where the portal itself acted."""

    actor: str
    icon: str
    text: str
    at: datetime
    quote: str = ""
    seq: int = 0


def names_of(ids: Iterable[int], known: Mapping[int, AbstractUser] = MappingProxyType({})) -> dict[int, str]:
    """The names of staff members, by their ids; `known` are those who were read already."""
    wanted = set(ids)
    strangers = wanted - known.keys()
    people = get_user_model().objects.filter(pk__in=strangers) if strangers else ()
    met = [person for pk, person in known.items() if pk in wanted]
    return {person.pk: person.get_full_name() or person.get_username() for person in (*met, *people)}


def describe(entry: AuditEntry) -> str:
    """What an entry records, as the rest of a sentence that begins with who did it."""
    try:
        action = AuditAction(entry.action)
    except ValueError:
        return entry.action
    words = action.label[0].lower() + action.label[1:]
    if action in {AuditAction.TICKET_STOPPED, AuditAction.CALL_INTENDED, AuditAction.CALL_ANSWERED}:
        words = action.label
    detail = _details(action, entry.facts)
    return f"{words}: {detail}" if detail else words


def _details(action: AuditAction, facts: dict[str, object]) -> str:
    operation = _label(Operation, facts.get("operation"))
    outcome = _label(Outcome, facts.get("outcome"))
    match action:
        case AuditAction.CALL_INTENDED:
            return operation
        case AuditAction.CALL_ANSWERED:
            return f"{operation}, {str(facts.get('outcome', '')).replace('_', ' ')}"
        case AuditAction.CALL_RECONCILED:
            return f"{operation}, {facts.get('seen', '')}"
        case AuditAction.STREAM_TASK_FINISHED:
            return ", ".join(part for part in (operation, outcome.lower() or str(facts.get("status", ""))) if part)
        case AuditAction.READ_BACK | AuditAction.PACKAGE_DOWNLOADED:
            return operation
        case AuditAction.TICKET_COMPLETED | AuditAction.TICKET_GIVEN_UP:
            return outcome.lower()
        case AuditAction.ATTEMPT_REFUSED:
            return f"{facts.get('what', '')} ({facts.get('reason', '')})"
        case AuditAction.APP_TESTED:
            return "it works" if facts.get("worked") else "it does not work"
        case AuditAction.AUDIT_CHECKED:
            return f"{facts.get('entries', 0)} entries, {'intact' if facts.get('intact') else 'broken'}"
    return ""


def _label(vocabulary: type[Operation] | type[Outcome], value: object) -> str:
    try:
        return vocabulary(str(value)).label
    except ValueError:
        return ""


def entries_of(ticket: Ticket) -> QuerySet[AuditEntry]:
    """What happened to the ticket, newest first, without who merely looked."""
    return AuditEntry.objects.filter(ticket_id=ticket.pk).exclude(action__in=QUIET).order_by("-seq")


def events(
    ticket: Ticket, *, clear: bool, known: Mapping[int, AbstractUser] = MappingProxyType({})
) -> tuple[Event, ...]:
    """The newest entries about the ticket, with their free text where the role may read it."""
    rows = list(entries_of(ticket)[:EVENTS])
    people = names_of((row.actor_id for row in rows if row.actor_id), known)
    quotes = _quotes(rows, clear=clear)
    return tuple(
        Event(
            actor="" if row.actor_role == Role.WORKER else people.get(row.actor_id or 0, row.actor_name),
            icon=_ICONS.get(AuditAction(row.action), "settings"),
            text=_spoken(row),
            at=row.at,
            quote=quotes.get(row.seq, ""),
            seq=row.seq,
        )
        for row in rows
    )


def _spoken(row: AuditEntry) -> str:
    words = describe(row)
    return words[0].upper() + words[1:] if row.actor_role == Role.WORKER else words


def _quotes(rows: list[AuditEntry], *, clear: bool) -> dict[int, str]:
    wanted = [row.seq for row in rows if row.texts]
    if not clear:
        return dict.fromkeys(wanted, MASKED)
    return {one.seq: legible(one) for one in kept(AuditText.objects.filter(seq__in=wanted))}


def legible(one: Kept) -> str:
    """The text, or why there is none to read."""
    if one.erased_at:
        return f"[erased on {timezone.localtime(one.erased_at):%d %b %Y}]"
    return UNREADABLE if one.text is None else one.text
