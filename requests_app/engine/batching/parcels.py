"""Claimed steps become calls.

Deletes of users with equal app and equal body apart from the ids share one call of at most 100 (Stream
API, DeleteUsers). Everything else travels alone: an export file holds everyone in its call.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from requests_app.engine.batching.waiting import Key, key_of
from requests_app.engine.context import Context
from requests_app.enums import Operation
from requests_app.models import Step, StreamApp
from requests_app.stream.client import StreamClient
from requests_app.stream.operations import CALLS
from requests_app.stream.wire import Accepted
from requests_app.workflow import plan as plans


@dataclass(frozen=True)
class Parcel:
    """One call to Stream and the steps it carries."""

    app: StreamApp
    operation: Operation
    steps: tuple[Step, ...]

    @property
    def user_ids(self) -> tuple[str, ...]:
        """The ids of the call, in the order of its steps."""
        return tuple(user_id for step in self.steps for user_id in step.user_ids)

    @property
    def fields(self) -> dict[str, str | bool]:
        """The body without the ids; equal for all steps of the parcel."""
        return dict(self.steps[0].fields)

    @property
    def digest(self) -> str:
        """SHA-256 of the exact call: operation, ids and fields."""
        return plans.body_digest(self.operation, {**self.fields, "user_ids": list(self.user_ids)})

    @property
    def endpoint(self) -> str:
        """The name under which Stream limits the call."""
        return CALLS[self.operation].endpoint


def parcels(steps: Iterable[Step]) -> list[Parcel]:
    """Group claimed steps into calls, keeping their order; the fullest calls first, since there may be few."""
    groups: dict[Key, list[Step]] = defaultdict(list)
    made: list[Parcel] = []
    for step in steps:
        if step.operation == Operation.DELETE_USERS:
            groups[key_of(step)].append(step)
        else:
            made.append(Parcel(step.ticket.stream_app, Operation(step.operation), (step,)))
    for (_, _, cap), members in groups.items():
        for start in range(0, len(members), cap):
            chunk = tuple(members[start : start + cap])
            made.append(Parcel(chunk[0].ticket.stream_app, Operation.DELETE_USERS, chunk))
    return sorted(made, key=lambda parcel: -len(parcel.steps))


def send(parcel: Parcel, context: Context) -> partial[Accepted | None]:
    """The parcel's call, ready to run in a thread: it touches no database."""
    return partial(_call, context.client(parcel.app), parcel.operation, parcel.user_ids, parcel.fields)


def _call(
    client: StreamClient, operation: Operation, user_ids: tuple[str, ...], fields: dict[str, str | bool]
) -> Accepted | None:
    match operation:
        case Operation.EXPORT_FEEDS_DATA:
            return client.export_feeds_data(user_ids[0])
        case Operation.EXPORT_USERS:
            return client.export_users(user_ids)
        case Operation.DELETE_FEEDS_DATA:
            return client.delete_feeds_data(user_ids[0], hard=bool(fields["hard_delete"]))
        case Operation.DELETE_USERS:
            return client.delete_users(user_ids, fields)
        case Operation.RESTORE_USERS:
            client.restore_users(user_ids)
            return None
