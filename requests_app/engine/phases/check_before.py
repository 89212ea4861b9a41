"""The last look before a delete: is it still the person that was decided about?

Stream reuses nothing, but an account can be gone, hidden, or made anew under the same id. A delete that
was approved for one person must never reach another (design: the remote `created_at` is compared again
right before each send).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from requests_app.engine.batching.waiting import MAX_DELETES
from requests_app.engine.phases.remaining import has_feeds_data
from requests_app.enums import READ_BACK_OPERATIONS, Operation
from requests_app.models import Step
from requests_app.stream.client import StreamClient
from requests_app.stream.wire import RemoteUser

CHECKED = READ_BACK_OPERATIONS
# A look at these may take several calls for one user.
SLOW = frozenset({Operation.DELETE_FEEDS_DATA})


class Verdict(Enum):
    """What the look means for a step."""

    SEND = "send"
    NOTHING_FOUND = "nothing found"
    SOMEBODY_ELSE = "somebody else"
    APPEARED = "appeared"
    NO_SUCH_OWNER = "no such owner"
    ALREADY_THERE = "already there"


@dataclass(frozen=True)
class Look:
    """The verdict on one step, and the user as Stream shows it."""

    verdict: Verdict
    user: RemoteUser | None = None


def look(client: StreamClient, steps: Sequence[Step]) -> dict[int, Look]:
    """A verdict for each of at most 100 deletes of one app, by the step's id. Reads Stream; changes nothing.

    Runs in a thread and touches no database. Raises `StreamError` where Stream could not be read.
    """
    wanted = sorted({user_id for step in steps for user_id in (*step.user_ids, *owners(step))})
    seen: dict[str, RemoteUser] = {}
    for start in range(0, len(wanted), MAX_DELETES):
        page = client.query_users(wanted[start : start + MAX_DELETES])
        seen.update({user.id: user for user in page if user.deleted_at is None})
    looks = {step.pk: _judge(step, seen) for step in steps}
    for step in steps:
        # Feeds data can outlive the account: count it before saying that there is nothing to delete.
        absent = looks[step.pk].verdict is Verdict.NOTHING_FOUND and step.operation == Operation.DELETE_FEEDS_DATA
        if absent and has_feeds_data(client, step.user_ids[0]):
            looks[step.pk] = Look(Verdict.SEND)
    return looks


def owners(step: Step) -> tuple[str, ...]:
    """The user ids that are to own what a hard-deleted user leaves: looked for before anything is deleted."""
    if step.operation == Operation.RESTORE_USERS:
        return ()
    named = (step.ticket.plan.get("new_channel_owner_id"), step.ticket.plan.get("new_call_owner_id"))
    return tuple(str(owner) for owner in named if owner)


def _judge(step: Step, seen: dict[str, RemoteUser]) -> Look:
    user = seen.get(step.user_ids[0])
    if step.operation == Operation.RESTORE_USERS:
        return Look(Verdict.ALREADY_THERE if user else Verdict.SEND, user)
    if any(owner not in seen for owner in owners(step)):
        return Look(Verdict.NO_SUCH_OWNER, user)
    if user is None:
        return Look(Verdict.SEND if _sent_before(step) or step.ticket.send_if_absent else Verdict.NOTHING_FOUND)
    if step.account and step.account.absent_when_approved:
        return Look(Verdict.APPEARED, user)
    if is_somebody_else(step, user):
        return Look(Verdict.SOMEBODY_ELSE, user)
    return Look(Verdict.SEND, user)


def _sent_before(step: Step) -> bool:
    """A delete that Stream accepted hides the user at once: absence then does not mean that nothing was found."""
    return bool(getattr(step, "accepted_before", False))


def is_somebody_else(step: Step, user: RemoteUser) -> bool:
    """Whether the account was made after the approval, or is not the one that was seen before."""
    if user.created_at is None:
        return False
    known = step.account.remote_created_at if step.account else None
    approved_at = step.ticket.approved_at
    return (known is not None and user.created_at != known) or (
        approved_at is not None and user.created_at > approved_at
    )
