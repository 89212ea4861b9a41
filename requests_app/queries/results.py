"""What was reached, as the page of a closed ticket shows it: the stored table, who approved, and the closing entry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from requests_app.audit_actions import AuditAction
from requests_app.enums import Answer, Asked, DataKind, Operation, Outcome, Reached, Seen, State
from requests_app.models import Account, AuditEntry, KindResult, Step, Ticket
from requests_app.models.ticket import is_erased
from requests_app.queries.outcome_words import accounts_with_results
from requests_app.workflow import reached

# So many accounts stand on the page at first.
FIRST = 25
# An account with one of these was not reached, or nobody knows whether it was.
_LEFT = frozenset({Outcome.PARTIAL, Outcome.NOT_VERIFIED, Outcome.REFUSED_BY_STREAM, Outcome.FAILED})
_CLOSES = (AuditAction.TICKET_COMPLETED.value, AuditAction.TICKET_GIVEN_UP.value)


@dataclass(frozen=True)
class ResultLine:
    """One kind of data in words; `later` is what the look a day later adds, `reached` the term for its pill."""

    kind: str
    asked: str
    answer: str
    seen: str
    later: str
    reached: Reached


@dataclass(frozen=True)
class AccountResults:
    """The table of one account. `clear`: the name is its user id; else it is its place on the ticket."""

    name: str
    clear: bool
    outcome: Outcome | None
    rows: tuple[ResultLine, ...]


@dataclass(frozen=True)
class Results:
    """The tables of a closed ticket; without accounts where it closed before tables were stored."""

    accounts: tuple[AccountResults, ...]
    total: int
    closed_at: datetime | None
    approved_by: str
    entry: AuditEntry | None

    @property
    def more(self) -> bool:
        """Whether accounts are left out."""
        return 0 < len(self.accounts) < self.total


def of_ticket(ticket: Ticket, steps: Iterable[Step], *, clear: bool, whole: bool = False) -> Results | None:
    """What the page of a completed ticket shows; None while it is not completed. Masked unless `clear`."""
    if ticket.state != State.COMPLETED:
        return None
    found = [account for account in accounts_with_results(ticket) if account.results.all()]
    shown = found if whole else found[:FIRST]
    seconds = _second_looks(steps)
    closes = AuditEntry.objects.filter(ticket_id=ticket.pk, action__in=_CLOSES)
    return Results(
        accounts=tuple(_account(account, seconds, clear=clear) for account in shown),
        total=len(found),
        closed_at=found[0].results.all()[0].closed_at if found else None,
        approved_by=", ".join(_approvers(ticket)),
        entry=closes.order_by("-seq").first(),
    )


def left_of(ticket: Ticket) -> tuple[str, ...]:
    """The user ids of a completed ticket that were not reached, in the order of its plan; those not erased by us."""
    if ticket.state != State.COMPLETED:
        return ()
    accounts = accounts_with_results(ticket)
    return tuple(one.user_id for one in accounts if one.outcome in _LEFT and not is_erased(one.user_id))


def _approvers(ticket: Ticket) -> Iterator[str]:
    for person in (ticket.first_approved_by, ticket.approved_by):
        if person is not None:
            yield person.get_full_name() or person.get_username()


def _account(
    account: Account, seconds: dict[tuple[int | None, str], dict[str, object]], *, clear: bool
) -> AccountResults:
    named = clear and not is_erased(account.user_id)
    return AccountResults(
        name=account.user_id if named else _("Account %(place)d") % {"place": account.position + 1},
        clear=named,
        outcome=Outcome(account.outcome) if account.outcome else None,
        rows=tuple(_line(row, seconds) for row in account.results.all()),
    )


def _line(row: KindResult, seconds: dict[tuple[int | None, str], dict[str, object]]) -> ResultLine:
    kind = DataKind(row.kind)
    second = seconds.get((row.account_id, reached.operation_of(kind).value), {})
    return ResultLine(
        kind=kind.label,
        asked=Asked(row.asked).label,
        answer=Answer(row.answer).label,
        seen=_seen_in_words(row),
        later="" if row.asked == Asked.NOT_ASKED else _later(kind, second),
        reached=Reached(row.reached),
    )


def _seen_in_words(row: KindResult) -> str:
    if row.kind == DataKind.FILES and row.seen == Seen.NOT_COUNTED:
        return _("Stream lists no files: not counted")
    words = Seen(row.seen).label
    if row.at_least is None:
        return words
    return _("%(words)s, at least %(number)d") % {"words": words, "number": row.at_least}


def _second_looks(steps: Iterable[Step]) -> dict[tuple[int | None, str], dict[str, object]]:
    """What the looks a day later showed, by account and operation."""
    return {
        (step.account_id, step.operation): step.evidence["second"]
        for step in steps
        if isinstance(step.evidence.get("second"), dict) and step.operation != Operation.RESTORE_USERS
    }


def _later(kind: DataKind, second: dict[str, object]) -> str:
    """What the look a day later says of a kind; nothing where there was none, or where it does not tell."""
    still = reached.shown(kind, second)
    if still is None:
        return ""
    return _("A day later: still there, or there again.") if still else _("A day later: not shown.")
