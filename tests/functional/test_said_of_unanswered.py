"""What is said of a delete whose end nobody told: being hidden proves the call, and not the erasure."""

from __future__ import annotations

from typing import Any

import pytest

from requests_app.enums import Mode, Outcome, State
from requests_app.models import StreamApp, Ticket
from requests_app.queries import outcome_words, ticket_page
from tests import factories
from tests.clock import Clock
from tests.sandbox_server import StandIn

pytestmark = pytest.mark.django_db(transaction=True)

MARIE, SERVICE = "marie.curie", "svc-archive"
KEEP = {"messages": Mode.KEEP, "conversations": Mode.KEEP, "calls": Mode.KEEP, "files": False}
VANISHES: dict[str, Any] = {"tasks": {"DeleteUsers": {"fate": "vanish"}}}
LOST_AND_FAILED: dict[str, Any] = {
    "calls": {"DeleteUsers": {"lose_answer": True, "times": 1}},
    "tasks": {"DeleteUsers": {"fate": "fail"}},
}


def fresh(ticket: Ticket) -> Ticket:
    return Ticket.objects.get(pk=ticket.pk)


def said(ticket: Ticket) -> str:
    told = outcome_words.told(fresh(ticket))
    assert told is not None
    return str(told.sentence)


@pytest.mark.parametrize("faults", [VANISHES, LOST_AND_FAILED], ids=["vanishes", "lost and failed"])
@pytest.mark.parametrize(
    "plan",
    [
        factories.erase_plan(MARIE, feeds_data=Mode.KEEP, user=Mode.PRUNING, **KEEP),
        factories.erase_plan(SERVICE, feeds_data=Mode.KEEP, calls=Mode.KEEP, files=False),
    ],
    ids=["pruned", "hard, with nothing to count"],
)
def test_a_user_who_is_only_hidden_is_not_called_gone(
    app: StreamApp, stand_in: StandIn, clock: Clock, plan: Any, faults: dict[str, Any]
) -> None:
    ticket = factories.approved(plan, app=app)
    stand_in.go_wrong(**faults)

    clock.sweep_for(seconds=300, step=5)

    (row,) = stand_in.store.rows("SELECT name FROM users WHERE id = ?", plan.user_ids[0])
    assert row["name"], "the stand-in has erased nothing"
    assert (fresh(ticket).state, fresh(ticket).outcome) == (State.COMPLETED, Outcome.NOT_VERIFIED)
    assert "Removed" not in said(ticket)
    assert "Emptied" not in said(ticket)


def test_a_soft_delete_is_proven_by_the_user_who_is_hidden(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = factories.approved(factories.soft_plan(MARIE, messages=Mode.KEEP), app=app)
    stand_in.go_wrong(**VANISHES)

    clock.sweep_for(seconds=300, step=5)

    assert fresh(ticket).outcome == Outcome.HIDDEN


def test_feeds_data_that_was_not_counted_before_is_looked_for_in_all_its_kinds(
    app: StreamApp, stand_in: StandIn, clock: Clock
) -> None:
    """The call never reached Stream, and what is left are bookmarks alone."""
    stand_in.store.add("bookmark", "mark-1", SERVICE, {"activity_id": "act-00-0"}, 1.0)
    ticket = factories.approved(factories.erase_plan(SERVICE), app=app)
    stand_in.go_wrong(calls={"DeleteFeedUserData": {"error": 500, "times": 1}})

    clock.sweep_for(seconds=300, step=5)

    assert [call["operation"] for call in stand_in.calls()].count("DeleteFeedUserData") == 1
    assert stand_in.client().count_bookmarks(SERVICE).number == 0
    assert fresh(ticket).state == State.COMPLETED


@pytest.mark.parametrize(
    "faults",
    [
        {"tasks": {"DeleteFeedUserData": {"fate": "nothing"}}},
        {"calls": {"DeleteFeedUserData": {"error": 500, "times": 1}}},
    ],
    ids=["does nothing", "is not carried out"],
)
def test_a_hard_delete_leaves_nothing_that_a_soft_one_has_hidden(
    app: StreamApp, stand_in: StandIn, clock: Clock, faults: dict[str, Any]
) -> None:
    factories.approved(factories.erase_plan(MARIE, feeds_data=Mode.SOFT, user=Mode.KEEP, **KEEP), app=app)
    clock.sweep_for(seconds=30)
    ticket = factories.approved(factories.erase_plan(MARIE), app=app)
    stand_in.go_wrong(**faults)

    clock.sweep_for(seconds=300, step=5)

    hidden = stand_in.client().count_activities(MARIE, include_soft_deleted=True).number
    assert (hidden == 0) is (fresh(ticket).state == State.COMPLETED)


def test_what_comes_back_a_day_later_is_said_where_the_outcome_stands(
    app: StreamApp, stand_in: StandIn, clock: Clock
) -> None:
    ticket = factories.approved(factories.erase_plan(MARIE), app=app)
    clock.sweep_for(seconds=60)
    assert fresh(ticket).outcome == Outcome.ERASED
    stand_in.store.add("activity", "act-back", MARIE, {"type": "post", "text": "Again.", "fids": []}, 1.0)

    clock.sweep_for(seconds=28 * 3600, step=600)

    told = outcome_words.told(fresh(ticket))
    assert told is not None
    assert told.tone == "amber"
    assert "a day later showed data of it" in said(ticket)
    assert "shows nothing of it any more" not in said(ticket)
    assert "Data again" in [stone.label for stone in ticket_page.milestones(fresh(ticket))]
