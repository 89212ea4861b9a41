"""Hidden is not absent: an account that an earlier ticket only hid is still at Stream, though Stream shows nobody."""

from __future__ import annotations

from collections.abc import Sequence

from requests_app.enums import DELETE_OPERATIONS, Answer, Asked, DataKind, Kind, Operation, Outcome, Reached, State
from requests_app.models import Account, Step
from requests_app.workflow import plan as plans
from requests_app.workflow import reached, results
from requests_app.workflow.reached import Row

SENTENCE = (
    "Stream shows nobody by this id, but {reference} hid this account, or may have, and hidden data stays at Stream. "
    "So this delete was not sent. Reopen it as a draft, or give up and open a new request where a part of it was sent "
    "already: whoever approves that can have the delete sent all the same."
)
_NOTHING_REACHED = (Outcome.NOTHING_FOUND.value, Outcome.FAILED.value, Outcome.REFUSED_BY_STREAM.value)
# What became of the kinds of data does not follow from the plan.
_UNSETTLED = ("", Outcome.PARTIAL.value, Outcome.NOT_VERIFIED.value)
# Stream did not take the call. It hides a user with one that it takes, whatever follows.
_NOT_TAKEN = frozenset({Answer.NOT_SENT, Answer.NOBODY, Answer.REFUSED})
# What a delete is about; the rest hangs on it.
_ABOUT = {Operation.DELETE_USERS: DataKind.ACCOUNT, Operation.DELETE_FEEDS_DATA: DataKind.FEEDS_DATA}


def references(steps: Sequence[Step]) -> dict[int, str]:
    """Of deletes whose user Stream does not show: the ticket that hid what they are about last, by the step's id.

    Whoever was erased for good or restored after that is left out, and so is whose id retention has erased.
    """
    deletes = [step for step in steps if step.operation in DELETE_OPERATIONS]
    if not deletes:
        return {}
    earlier = (
        Account.objects.filter(user_id__in={step.user_ids[0] for step in deletes})
        .filter(ticket__state=State.COMPLETED.value, ticket__kind=Kind.ERASE.value)
        .exclude(outcome__in=_NOTHING_REACHED)
        .select_related("ticket")
        .prefetch_related("results")
        .order_by("ticket__closed_at", "pk")
    )
    hidden_by = _hidden_by(list(earlier))
    named = {step.pk: hidden_by.get((*_key(step), Operation(step.operation)), "") for step in deletes}
    return {pk: reference for pk, reference in named.items() if reference}


def _key(step: Step) -> tuple[int, str]:
    return step.ticket.stream_app_id, step.user_ids[0]


def _hidden_by(earlier: Sequence[Account]) -> dict[tuple[int, str, Operation], str]:
    """The ticket that each account is hidden by, by what a delete is about; an empty text where it is gone for good.

    A ticket that did not touch that says nothing of it: what one before did still holds.
    """
    found: dict[tuple[int, str, Operation], str] = {}
    for account, table in results.tables_of(earlier):
        for operation in _ABOUT:
            hid = _hid(table, operation) if table else _hid_by_its_plan(account, operation)
            if hid is not None:
                reference = account.ticket.reference if hid else ""
                found[account.ticket.stream_app_id, account.user_id, operation] = reference
    return found


def _hid(table: Sequence[Row], operation: Operation) -> bool | None:
    """Whether what was reached leaves anything hidden that such a delete is about; None where it was not touched."""
    about = next((row for row in table if row.kind is _ABOUT[operation]), None)
    if (
        about is None
        or about.asked is Asked.NOT_ASKED
        or (about.answer in _NOT_TAKEN and about.asked is not Asked.RESTORE)
    ):
        return None
    if about.reached is Reached.RESTORED:
        return False
    # Without a word of Stream that it ended well, or a look at all of it, the user may be no more than hidden.
    gone = all(row.reached is Reached.REMOVED for row in reached.of_operation(table, operation))
    return not gone or about.answer is not Answer.ENDED


def _hid_by_its_plan(account: Account, operation: Operation) -> bool | None:
    """The same of a ticket that closed before there were tables."""
    asked = reached.asked_of(plans.from_json(account.ticket.plan), _ABOUT[operation])
    if asked is Asked.NOT_ASKED:
        return None
    if operation is Operation.DELETE_USERS and account.outcome == Outcome.RESTORED:
        return False
    return account.outcome in _UNSETTLED or asked is not Asked.HARD
