"""Hidden is not absent: an account that an earlier ticket only hid is still at Stream, though Stream shows nobody."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Exists, OuterRef, QuerySet

from requests_app.enums import DELETE_OPERATIONS, AttemptOutcome, Mode, Operation, Outcome, State, StepState
from requests_app.models import Account, Step

SENTENCE = (
    "Stream shows nobody by this id, but {reference} hid this account, and hidden data stays at Stream. So this delete "
    "was not sent. Reopen it as a draft, or give up and open a new request where a part of it was sent already: "
    "whoever approves that can have the delete sent all the same."
)
_NOTHING_REACHED = (Outcome.NOTHING_FOUND.value, Outcome.FAILED.value, Outcome.REFUSED_BY_STREAM.value)
# Given up halfway: what became of the user is read off the calls.
_UNSETTLED = ("", Outcome.PARTIAL.value)
_HIDES = frozenset({Mode.SOFT.value, Mode.PRUNING.value})


def references(steps: Sequence[Step]) -> dict[int, str]:
    """Of deletes whose user Stream does not show: the ticket that hid the account last, by the step's id.

    Whoever was erased for good or restored after that is left out, and so is whose id retention has erased.
    """
    deletes = [step for step in steps if step.operation in DELETE_OPERATIONS]
    if not deletes:
        return {}
    wanted = {(step.ticket.stream_app_id, step.user_ids[0]): step.pk for step in deletes}
    earlier = (
        Account.objects.filter(user_id__in={user_id for _, user_id in wanted}, ticket__state=State.COMPLETED.value)
        .exclude(outcome__in=_NOTHING_REACHED)
        .exclude(outcome=Outcome.EXPORTED.value)
        # Read by `_is_hidden`.
        .annotate(half_deleted=Exists(_taken().exclude(state=StepState.DONE.value)), deleted=Exists(_taken()))
        .select_related("ticket")
        .order_by("ticket__closed_at", "pk")
    )
    last = {(account.ticket.stream_app_id, account.user_id): account for account in earlier}
    return {
        step.pk: last[key].ticket.reference
        for step in deletes
        if (key := (step.ticket.stream_app_id, step.user_ids[0])) in last and _is_hidden(last[key], step)
    }


def _taken() -> QuerySet[Step]:
    """Deletes of the account that Stream took, or may have: it hides a user with the call, whatever follows."""
    taken = [AttemptOutcome.ACCEPTED.value, AttemptOutcome.UNKNOWN.value]
    deletes = Step.objects.filter(account=OuterRef("pk"), operation=Operation.DELETE_USERS.value)
    return deletes.filter(attempts__outcome__in=taken)


def _is_hidden(account: Account, step: Step) -> bool:
    """Whether what the step would delete is hidden by what that ticket did to the account."""
    settled = account.outcome not in _UNSETTLED
    if step.operation == Operation.DELETE_FEEDS_DATA:
        return settled and account.ticket.plan.get("feeds_data") == Mode.SOFT.value
    if not settled:
        by_the_plan = bool(getattr(account, "deleted", False)) and account.ticket.plan.get("user") in _HIDES
        return by_the_plan or bool(getattr(account, "half_deleted", False))
    return account.outcome != Outcome.RESTORED and account.ticket.plan.get("user") in _HIDES
