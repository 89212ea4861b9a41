"""What the portal says of a user whom Stream does not show claims no more than was looked for and done."""

from __future__ import annotations

import pytest

from requests_app.enums import DataKind, Language, Mode, Outcome, Reached, State
from requests_app.models import KindResult, StreamApp, Ticket
from requests_app.queries import outcome_words
from requests_app.workflow import letters
from requests_app.workflow.plan import Plan
from tests import factories
from tests.clock import Clock
from tests.sandbox_server import StandIn

MARIE = "marie.curie"

pytestmark = pytest.mark.django_db(transaction=True)


def fresh(ticket: Ticket) -> Ticket:
    return Ticket.objects.get(pk=ticket.pk)


def result(ticket: Ticket) -> tuple[str, str]:
    now = fresh(ticket)
    return now.state, now.outcome


def callout(ticket: Ticket) -> str:
    told = outcome_words.told(fresh(ticket))
    assert told is not None
    return str(told.sentence)


def letter(ticket: Ticket, clock: Clock) -> str:
    """What the letter that comes first says was done."""
    return letters.values(fresh(ticket), Language.ENGLISH, now=clock())["what_was_done"]


def ends(ticket: Ticket) -> dict[str, str]:
    """What the stored table says was reached, by kind of data."""
    return dict(KindResult.objects.filter(account__ticket=ticket).values_list("kind", "reached"))


def without_feeds(*user_ids: str, copy_first: bool = False) -> Plan:
    return factories.erase_plan(*user_ids, feeds_data=Mode.KEEP, copy_first=copy_first)


def run(plan: Plan, app: StreamApp, clock: Clock, *, seconds: int = 30) -> Ticket:
    """A ticket of this plan, approved and carried out as far as Stream lets it."""
    ticket = factories.approved(plan, app=app)
    clock.sweep_for(seconds=seconds)
    return ticket


def test_whose_data_was_copied_is_not_nothing(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    """The user was erased before, but not the feeds data: the copies are files with data."""
    run(without_feeds(MARIE), app, clock)

    ticket = run(without_feeds(MARIE, copy_first=True), app, clock)

    assert sorted(call["operation"] for call in stand_in.calls()[1:]) == ["ExportFeedUserData", "ExportUsers"]
    assert result(ticket) == (State.COMPLETED, Outcome.NOT_VERIFIED)
    assert "Made first: copy of feeds data, copy of user data." in callout(ticket)
    assert "nothing was" not in callout(ticket)
    assert "found no" not in letter(ticket, clock)


def test_what_hangs_on_a_user_deleted_elsewhere_is_not_called_absent(
    app: StreamApp, stand_in: StandIn, clock: Clock
) -> None:
    stand_in.client().delete_users([MARIE], {"user": "soft"})
    assert stand_in.client().count_messages(MARIE).number

    ticket = run(without_feeds(MARIE), app, clock)

    assert result(ticket) == (State.COMPLETED, Outcome.NOTHING_FOUND)
    assert {kind for kind, end in ends(ticket).items() if end == Reached.NOTHING_THERE} == {DataKind.ACCOUNT}
    assert callout(ticket).startswith("Stream shows no user by this id")
    assert "Not reached: messages, conversations, calls, files." in callout(ticket)
    assert letter(ticket, clock) == "We found no account like the one that you named, so nothing was copied or deleted."
    assert "nothing for this id" not in fresh(ticket).steps.get().detail


def test_who_hangs_on_nobody_is_no_failure(app: StreamApp, clock: Clock) -> None:
    """The feeds data of a user who is gone is deleted: what else may be there was not looked for."""
    run(without_feeds(MARIE), app, clock)

    ticket = run(factories.erase_plan(MARIE), app, clock)

    assert result(ticket) == (State.COMPLETED, Outcome.NOT_VERIFIED)
    assert "Removed: feeds data." in callout(ticket)
    assert "- the messages you wrote: not reached" in letter(ticket, clock)
