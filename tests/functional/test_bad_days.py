"""Stream on a bad day: what could not be seen is not said, and what was not approved is not sent."""

from __future__ import annotations

import pytest

from requests_app.enums import Outcome, State
from requests_app.models import Step, StreamApp, Ticket
from requests_app.queries import outcome_words, ticket_page
from requests_app.stream.client import StreamClient
from requests_app.stream.errors import RateLimited, Rejected, UnknownOutcome
from requests_app.stream.wire import Count
from requests_app.workflow import tickets
from tests import factories
from tests.clock import Clock
from tests.people import actor
from tests.sandbox_server import StandIn

pytestmark = pytest.mark.django_db(transaction=True)


def result(ticket: Ticket) -> tuple[str, str]:
    now = Ticket.objects.get(pk=ticket.pk)
    return now.state, now.outcome


class Counting:
    """Answers to the count of messages, in turn; the last of them for ever."""

    def __init__(self, *answers: Count | Exception) -> None:
        self.answers = list(answers)

    def __call__(self, *_: object) -> Count:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


DOWN = UnknownOutcome("Stream is down.", operation="Search", status=500)


def test_an_export_of_a_changed_plan_is_not_sent(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = factories.running(factories.export_plan("marie.curie", export_feeds_data=False), app=app)
    plan = {**ticket.plan, "user_ids": ["marie.curie", "jonas-weber"]}
    Ticket.objects.filter(pk=ticket.pk).update(plan=plan)
    Step.objects.filter(ticket=ticket).update(user_ids=["jonas-weber"])

    clock.sweep_for(seconds=20)

    assert stand_in.calls() == []
    assert result(ticket)[0] == State.NEEDS_ATTENTION


def test_what_stream_does_not_list_is_not_verified(
    app: StreamApp, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = Rejected("Stream refused.", operation="Search", status=400)
    monkeypatch.setattr(StreamClient, "count_messages", Counting(refused))
    ticket = factories.approved(factories.erase_plan("marie.curie"), app=app)

    clock.sweep_for(seconds=30)

    assert result(ticket) == (State.COMPLETED, Outcome.NOT_VERIFIED)
    told = outcome_words.told(Ticket.objects.get(pk=ticket.pk))
    assert told is not None
    assert "nobody saw that all of it is done" in told.sentence


def test_who_was_hidden_by_a_delete_that_was_given_up_is_not_absent(
    app: StreamApp, stand_in: StandIn, clock: Clock
) -> None:
    stand_in.go_wrong(tasks={"DeleteUsers": {"fate": "fail"}})
    first = factories.approved(factories.erase_plan("marie.curie"), app=app)
    clock.sweep_for(seconds=30)
    tickets.give_up(Ticket.objects.get(pk=first.pk), actor=actor("dora"), now=clock(), note="Not today.")
    stand_in.go_wrong()
    ticket = factories.approved(factories.erase_plan("marie.curie"), app=app)

    clock.sweep_for(seconds=30)

    assert result(ticket)[0] == State.NEEDS_ATTENTION
    assert f"{first.reference} hid this account" in Ticket.objects.get(pk=ticket.pk).attention


def test_a_spent_budget_is_no_failed_look(app: StreamApp, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    spent = RateLimited("Spent.", retry_after=1, operation="Search")
    monkeypatch.setattr(StreamClient, "count_messages", Counting(*[spent] * 7, Count(0)))
    ticket = factories.approved(factories.erase_plan("marie.curie"), app=app)

    clock.sweep_for(seconds=120, step=5)

    assert result(ticket) == (State.COMPLETED, Outcome.ERASED)


def test_what_was_last_seen_there_is_not_forgotten(
    app: StreamApp, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StreamClient, "count_messages", Counting(*[Count(9)] * 4, DOWN))
    ticket = factories.approved(factories.erase_plan("marie.curie"), app=app)

    clock.sweep_for(seconds=1_500, step=20)

    assert result(ticket)[0] == State.NEEDS_ATTENTION


def test_a_look_a_day_later_is_told_where_the_first_failed() -> None:
    second = {"user": "absent", "messages": 7, "remains": True}

    words = ticket_page.evidence_words({"unreadable": True, "second": second})

    assert "It shows 7 messages of the user." in words
    assert not any("no evidence" in sentence for sentence in words)
