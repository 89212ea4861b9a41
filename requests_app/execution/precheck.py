"""The last look before a delete: is it still the person that was decided about?

Stream reuses nothing, but an account can be gone, hidden, or made anew under the same id. A delete that
was approved for one person must never reach another (design: the remote `created_at` is compared again
right before each send).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial

from requests_app.enums import AttemptOutcome, Operation
from requests_app.execution.batching import MAX_DELETES
from requests_app.execution.context import Context
from requests_app.models import Step, StreamApp
from requests_app.stream.client import StreamClient
from requests_app.stream.errors import StreamError
from requests_app.stream.wire import RemoteUser

CHECKED = frozenset({Operation.DELETE_FEEDS_DATA, Operation.DELETE_USERS})


class Verdict(Enum):
    """What the look means for a step."""

    SEND = "send"
    NOTHING_FOUND = "nothing found"
    SOMEBODY_ELSE = "somebody else"
    NO_SUCH_OWNER = "no such owner"
    LATER = "later"


@dataclass(frozen=True)
class Look:
    """The verdict on one step, the user as Stream shows it, and the error where Stream could not be read."""

    verdict: Verdict
    user: RemoteUser | None = None
    error: StreamError | None = None


def look(steps: Sequence[Step], context: Context) -> dict[int, Look]:
    """A verdict for each step, by its id. Reads Stream once for up to 100 ids; changes nothing."""
    looks = {step.pk: Look(Verdict.SEND) for step in steps if step.operation not in CHECKED}
    by_app: dict[StreamApp, list[Step]] = defaultdict(list)
    for step in steps:
        if step.operation in CHECKED:
            by_app[step.ticket.stream_app].append(step)
    for app, own in by_app.items():
        seen = _users(app, own, context)
        if isinstance(seen, StreamError):
            looks.update({step.pk: Look(Verdict.LATER, error=seen) for step in own})
        else:
            looks.update({step.pk: _judge(step, seen) for step in own})
            looks.update(_feeds_of_absent(app, own, looks, context))
    return looks


def owners(step: Step) -> tuple[str, ...]:
    """The user ids that are to own what a hard-deleted user leaves."""
    named = (step.fields.get("new_channel_owner_id"), step.fields.get("new_call_owner_id"))
    return tuple(str(owner) for owner in named if owner)


def _users(app: StreamApp, steps: Iterable[Step], context: Context) -> dict[str, RemoteUser] | StreamError:
    wanted = sorted({user_id for step in steps for user_id in (*step.user_ids, *owners(step))})
    client = context.client(app)
    pages = [wanted[start : start + MAX_DELETES] for start in range(0, len(wanted), MAX_DELETES)]
    seen: dict[str, RemoteUser] = {}
    for answer in context.fetch([partial(client.query_users, page) for page in pages]):
        if isinstance(answer, StreamError):
            return answer
        seen.update({user.id: user for user in answer if user.deleted_at is None})
    return seen


def _judge(step: Step, seen: dict[str, RemoteUser]) -> Look:
    user = seen.get(step.user_ids[0])
    if any(owner not in seen for owner in owners(step)):
        return Look(Verdict.NO_SUCH_OWNER, user)
    if user is None:
        return Look(Verdict.SEND if _sent_before(step) or step.ticket.send_if_absent else Verdict.NOTHING_FOUND)
    if is_somebody_else(step, user):
        return Look(Verdict.SOMEBODY_ELSE, user)
    return Look(Verdict.SEND, user)


def _sent_before(step: Step) -> bool:
    """A delete that Stream accepted hides the user at once: absence then does not mean that nothing was found."""
    return step.attempts.filter(outcome=AttemptOutcome.ACCEPTED.value).exists()


def is_somebody_else(step: Step, user: RemoteUser) -> bool:
    """Whether the account was made after the approval, or is not the one that was seen before."""
    if user.created_at is None:
        return False
    known = step.account.remote_created_at if step.account else None
    approved_at = step.ticket.approved_at
    return (known is not None and user.created_at != known) or (
        approved_at is not None and user.created_at > approved_at
    )


def _feeds_of_absent(
    app: StreamApp, steps: Iterable[Step], looks: dict[int, Look], context: Context
) -> dict[int, Look]:
    """Feeds data can outlive the account: count it before saying that there is nothing to delete."""
    absent = [
        step
        for step in steps
        if step.operation == Operation.DELETE_FEEDS_DATA and looks[step.pk].verdict is Verdict.NOTHING_FOUND
    ]
    client = context.client(app)
    answers = context.fetch([partial(feeds_left, client, step.user_ids[0]) for step in absent])
    verdicts = {}
    for step, left in zip(absent, answers, strict=True):
        if isinstance(left, StreamError):
            verdicts[step.pk] = Look(Verdict.LATER, error=left)
        elif left:
            verdicts[step.pk] = Look(Verdict.SEND)
    return verdicts


def feeds_left(client: StreamClient, user_id: str) -> int:
    """How many feeds, activities and comments Stream still shows for the user, at least."""
    return (
        client.count_feeds(user_id).number
        + client.count_activities(user_id).number
        + client.count_comments(user_id).number
    )
