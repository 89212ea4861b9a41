"""An approval holds for a number of days: what was not sent by then goes to a person, whatever the call."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from requests_app.enums import Mode, Outcome, State
from requests_app.models import StreamApp, Ticket
from requests_app.workflow import aftercare
from requests_app.workflow.plan import Plan
from tests import explanations, factories
from tests.clock import Clock
from tests.people import actor
from tests.sandbox_server import StandIn

pytestmark = pytest.mark.django_db(transaction=True)

PLANS = {
    "the user alone": factories.erase_plan("marie.curie", feeds_data=Mode.KEEP),
    "feeds data first": factories.erase_plan("marie.curie"),
    "hide": factories.soft_plan("marie.curie"),
    "a copy first": factories.erase_plan("marie.curie", copy_first=True),
    "an export": factories.export_plan("marie.curie"),
}
TOO_OLD = "older than 30 days"


def fresh(ticket: Ticket) -> Ticket:
    return Ticket.objects.get(pk=ticket.pk)


def operations(stand_in: StandIn) -> list[str]:
    return [call["operation"] for call in stand_in.calls()]


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_nothing_is_sent_on_an_old_approval_nor_on_a_retry_of_it(
    app: StreamApp, stand_in: StandIn, clock: Clock, plan: Plan
) -> None:
    ticket = factories.approved(plan, app=app)
    clock.forward(days=30, minutes=1)

    clock.sweep_for(seconds=10)

    assert fresh(ticket).state == State.NEEDS_ATTENTION
    assert TOO_OLD in fresh(ticket).attention
    aftercare.retry(fresh(ticket), actor=actor("ada"), now=clock(), note="Once more.")
    # The worker that was refused holds its steps for the time of a lease.
    clock.sweep_for(seconds=70, step=10)
    assert fresh(ticket).state == State.NEEDS_ATTENTION
    assert operations(stand_in) == []


def test_what_is_left_of_a_ticket_is_not_sent_once_its_approval_is_old(
    app: StreamApp, stand_in: StandIn, clock: Clock
) -> None:
    ticket = factories.approved(PLANS["feeds data first"], app=app)
    stand_in.go_wrong(tasks={"DeleteFeedUserData": {"fate": "hang"}})
    clock.sweep()
    stand_in.go_wrong()
    clock.forward(days=31)

    clock.sweep_for(seconds=60)

    assert operations(stand_in) == ["DeleteFeedUserData"]
    assert (fresh(ticket).state, TOO_OLD in fresh(ticket).attention) == (State.NEEDS_ATTENTION, True)


def test_up_to_its_last_day_it_holds_and_a_restore_rests_on_its_own_word(
    app: StreamApp, stand_in: StandIn, clock: Clock
) -> None:
    ticket = factories.approved(PLANS["hide"], app=app)
    clock.forward(days=29, hours=23)
    clock.sweep_for(seconds=10)
    assert (fresh(ticket).state, fresh(ticket).outcome) == (State.COMPLETED, Outcome.HIDDEN)
    clock.forward(days=60)

    aftercare.restore(fresh(ticket), actor=actor("dora"), now=clock(), note="By mistake.")
    clock.sweep_for(seconds=10)

    assert fresh(ticket).outcome == Outcome.RESTORED


def test_whoever_asks_what_holds_it_reads_that() -> None:
    ticket = factories.running(
        factories.erase_plan("old", feeds_data=Mode.KEEP), at=timezone.now() - timedelta(days=31)
    )

    assert TOO_OLD in explanations.part(explanations.explain(ticket), "Steps")
