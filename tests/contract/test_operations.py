"""One table of operations, through the portal's client and, where it is installed, through Stream's official one.

Both meet a sandbox of their own and must see the very same results.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.by_hand import BYSTANDER, HARD, NEIGHBOUR, SUBJECT
from tests.contract.clients import CLIENTS, LISTS, Client, Ended, Refused
from tests.sandbox_server import StandIn, running_sandbox

SOFT = {"user": "soft", "messages": "soft", "conversations": "soft"}
ODD = "a b/c"
EVERYTHING = {**HARD, "calls": "hard", "files": True, "new_channel_owner_id": BYSTANDER, "new_call_owner_id": BYSTANDER}
NAMES = {SUBJECT: "Priya Raman", ODD: "Ada Blank-Slash"}


def one(user_id: str) -> tuple[tuple[str, str], ...]:
    return ((user_id, "ok"),)


def then(*calls: Callable[[Client], object]) -> Callable[[Client], object]:
    """Several calls in a row; the last one's result counts."""
    return lambda client: [call(client) for call in calls][-1]


def deleted(user_id: str, **fields: Any) -> Callable[[Client], object]:
    return lambda client: client.delete_users([user_id], fields)


TABLE: dict[str, tuple[Callable[[Client], object], object]] = {
    "get app": (lambda c: c.app(), ("Sandbox", "Stand-in for Stream")),
    "rate limits": (lambda c: c.limits("GetApp", feeds=False), (10_000, 10_000)),
    "rate limits of feeds": (
        then(lambda c: c.export_feeds_data(SUBJECT), lambda c: c.limits("ExportFeedUserData", feeds=True)),
        (1000, 999),
    ),
    "query users": (lambda c: c.users([SUBJECT, ODD, "nobody"]), sorted(NAMES.items())),
    **{
        f"count {what}": (lambda c, what=what: c.count(what, SUBJECT), number)
        for what, number in zip(LISTS, (2, 3, 1, 1, 1, 1, 4, 2), strict=True)
    },
    "count messages": (lambda c: c.messages(SUBJECT), 8),
    "channels by what a deletion tells apart": (lambda c: c.channel_tally(SUBJECT), (4, 2, 1)),
    "count follows": (lambda c: c.follows(f"user:{SUBJECT}"), 2),
    "export feeds data": (lambda c: c.export_feeds_data(SUBJECT), Ended("completed", file=True)),
    "export feeds data of an odd id": (lambda c: c.export_feeds_data(ODD), Ended("completed", file=True)),
    "export feeds data of nobody": (lambda c: c.export_feeds_data("nobody"), Refused(404, 16)),
    "delete feeds data hard": (lambda c: c.delete_feeds_data(SUBJECT, True), Ended("completed")),
    "hard feeds data is gone": (
        then(
            lambda c: c.delete_feeds_data(SUBJECT, True),
            lambda c: c.count("activities", SUBJECT, include_soft_deleted=True),
        ),
        0,
    ),
    "soft feeds data is hidden": (
        then(lambda c: c.delete_feeds_data(ODD, False), lambda c: c.count("activities", ODD)),
        0,
    ),
    "soft feeds data can be seen": (
        then(
            lambda c: c.delete_feeds_data(SUBJECT, False),
            lambda c: c.count("activities", SUBJECT, include_soft_deleted=True),
        ),
        3,
    ),
    "feeds data of an odd id": (
        then(lambda c: c.delete_feeds_data(ODD, True), lambda c: c.users([ODD])),
        [(ODD, NAMES[ODD])],
    ),
    "export users": (lambda c: c.export_users([SUBJECT, ODD]), Ended("completed", file=True)),
    "export of nobody": (lambda c: c.export_users([SUBJECT, "nobody"]), Refused(404, 16)),
    "delete users without modes": (deleted(SUBJECT), Ended("completed", one(SUBJECT))),
    "delete users soft": (deleted(SUBJECT, **SOFT), Ended("completed", one(SUBJECT))),
    "delete users with everything": (deleted(SUBJECT, **EVERYTHING), Ended("completed", one(SUBJECT))),
    "delete several users": (
        lambda c: c.delete_users([SUBJECT, NEIGHBOUR], {"user": "pruning"}),
        Ended("completed", tuple(sorted(one(SUBJECT) + one(NEIGHBOUR)))),
    ),
    "a deleted user is not shown": (then(deleted(SUBJECT), lambda c: c.users([SUBJECT])), []),
    "hard user with soft messages": (deleted(SUBJECT, **{**HARD, "messages": "soft"}), Refused(400, 4)),
    "hard user without conversations": (deleted(SUBJECT, user="hard", messages="hard"), Refused(400, 4)),
    "an owner who does not exist": (deleted(SUBJECT, **{**HARD, "new_channel_owner_id": "nobody"}), Refused(400, 4)),
    "delete nobody": (deleted("nobody", **HARD), Refused(404, 16)),
    "restore": (
        then(deleted(SUBJECT, **SOFT), lambda c: c.restore_users([SUBJECT]), lambda c: c.users([SUBJECT])),
        [(SUBJECT, NAMES[SUBJECT])],
    ),
    "restore leaves conversations deleted": (
        then(deleted(SUBJECT, **SOFT), lambda c: c.restore_users([SUBJECT]), lambda c: c.count("channels", SUBJECT)),
        2,
    ),
    "restore of a live user": (lambda c: c.restore_users([SUBJECT]), Refused(400, 4)),
    "restore after hard": (then(deleted(SUBJECT, **HARD), lambda c: c.restore_users([SUBJECT])), Refused(404, 16)),
    "a task nobody knows": (lambda c: c.task("00000000-0000-0000-0000-000000000000"), Refused(404, 16)),
    "more than the limit": (then(*[deleted(name) for name in (SUBJECT, NEIGHBOUR, BYSTANDER)]), Refused(429, 9)),
}


@pytest.fixture
def strict() -> Any:
    with running_sandbox(delete_users_per_minute=2) as started:
        yield started


# The official client notes each field of an answer that the sandbox leaves out (docs/sandbox.md).
@pytest.mark.filterwarnings("ignore:Missing value of non-optional:RuntimeWarning")
@pytest.mark.parametrize("name", CLIENTS)
@pytest.mark.parametrize("row", TABLE)
def test_every_client_sees_the_same(strict: StandIn, row: str, name: str) -> None:
    call, expected = TABLE[row]
    client = CLIENTS[name](strict)
    try:
        seen = call(client)
    except client.refusals as error:
        seen = Refused(getattr(error, "status", None) or getattr(error, "status_code", None), error.code)
    finally:
        client.close()

    assert seen == expected
