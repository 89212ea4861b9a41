"""How the audit log stands: its size, its newest checkpoint, who holds that, and what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from requests_app.audit import checkpoints, witnesses
from requests_app.audit_actions import AuditAction
from requests_app.models import AuditCheckpoint, AuditEntry, AuditWitness, Ticket, triggers
from requests_app.queries import audit_verify

# The whole log is checked weekly (docs/audit.md); a day more for a timer that is late.
CHECKED_LATELY = timedelta(days=8)
_PLACES = {
    witnesses.FILE: gettext_lazy("the file"),
    witnesses.MAIL: gettext_lazy("mail"),
    witnesses.WEB: gettext_lazy("the web address"),
}


@dataclass(frozen=True)
class Witness:
    """A place outside the database. `size` is that of the newest checkpoint it has, `error` empty where all is well."""

    name: str
    size: int
    reached_at: datetime | None
    error: str
    failed_at: datetime | None
    failures: int


class Standing(Enum):
    """What can be said of the chain from its latest check."""

    INTACT = "intact"
    UNCHECKED = "unchecked"
    LONG_AGO = "long ago"
    BROKEN = "broken"


@dataclass(frozen=True)
class Check:
    """The latest check. `broken_at` is the first entry that did not hold, 0 where all did or nobody wrote it down."""

    at: datetime
    intact: bool
    broken_at: int = 0


@dataclass(frozen=True)
class ChainState:
    """The log in figures. `uncovered` entries are newer than the newest checkpoint: the exposure window."""

    entries: int
    head: str
    checkpoint: AuditCheckpoint | None
    uncovered: int
    witnesses: tuple[Witness, ...]
    # Why no checkpoint could be made lately, or an empty text.
    trouble: str
    check: Check | None
    now: datetime

    @property
    def witnessed_by(self) -> tuple[str, ...]:
        """Who holds the newest checkpoint outside the database."""
        size = self.checkpoint.size if self.checkpoint else 0
        return tuple(witness.name for witness in self.witnesses if size and witness.size >= size)

    @property
    def witness_words(self) -> str:
        """The same for people."""
        return ", ".join(str(_PLACES.get(name, name)) for name in self.witnessed_by)

    @property
    def standing(self) -> Standing:
        """Whether the chain was found intact, and lately enough to say so."""
        if self.check is None:
            return Standing.UNCHECKED
        if not self.check.intact:
            return Standing.BROKEN
        return Standing.LONG_AGO if self.now - self.check.at > CHECKED_LATELY else Standing.INTACT

    @property
    def troubles(self) -> tuple[str, ...]:
        """A sentence for whatever is wrong with signing and handing out."""
        failing = tuple(
            _("The witness “%(name)s” cannot be reached: %(why)s") % {"name": one.name, "why": one.error}
            for one in self.witnesses
            if one.error
        )
        return ((self.trouble,) if self.trouble else ()) + failing

    @property
    def number(self) -> str:
        """The entries, written for people."""
        return f"{self.entries:,}"


def chain_state(now: datetime | None = None) -> ChainState:
    """The state of the log in four queries, whatever its length. That it is intact is what its latest check found."""
    entries, head = AuditEntry.objects.order_by("-seq").values_list("seq", "hash").first() or (0, "")
    checkpoint = checkpoints.newest()
    rows = AuditWitness.objects.in_bulk()
    making = rows.get(witnesses.MAKING)
    return ChainState(
        entries=entries,
        head=head,
        checkpoint=checkpoint,
        uncovered=entries - (checkpoint.size if checkpoint else 0),
        witnesses=tuple(_witness(name, rows.get(name)) for name, wanted in witnesses.configured().items() if wanted),
        trouble=making.error if making else "",
        check=_last_check(),
        now=now or timezone.now(),
    )


def _last_check() -> Check | None:
    """The latest check on the page, or by the command where that is newer and nothing was found broken before it."""
    entries = AuditEntry.objects.filter(action=AuditAction.AUDIT_CHECKED.value).order_by("-at", "-seq")
    told = entries.values_list("at", "facts").first()
    found = Check(told[0], bool(told[1].get("intact")), int(told[1].get("broken_at", 0))) if told else None
    noted = audit_verify.remembered_at()
    if noted and (found is None or (found.intact and found.at < noted)):
        return Check(noted, True)
    return found


@dataclass(frozen=True)
class TicketChain:
    """The chain beside what happened to a ticket: how many entries are its own, and the state of all."""

    entries: int
    state: ChainState


def chain_of(ticket: Ticket) -> TicketChain:
    """The chain's state for the page of a ticket."""
    return TicketChain(AuditEntry.objects.filter(ticket_id=ticket.pk).count(), chain_state())


def _witness(name: str, row: AuditWitness | None) -> Witness:
    if row is None:
        return Witness(name, 0, None, "", None, 0)
    return Witness(name, row.size, row.reached_at, row.error, row.failed_at, row.failures)


def check() -> tuple[bool, str]:
    """The log's part of the readiness answer: whether the database still refuses changes to it."""
    gone = triggers.missing(connection)
    if gone:
        return False, f"Triggers that protect the log are missing or changed: {', '.join(gone)}."
    return True, "The database refuses changes to the audit log."
