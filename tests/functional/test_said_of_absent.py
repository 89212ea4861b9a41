"""What the portal says of a user whom Stream does not show claims no more than was looked for and done."""

from __future__ import annotations

import pytest

from requests_app.enums import AttemptOutcome, DataKind, Language, Mode, Outcome, Reached, State, StepState, Verb
from requests_app.models import KindResult, Recipient, StreamApp, Ticket
from requests_app.queries import outcome_words
from requests_app.stream.client import StreamClient
from requests_app.stream.errors import UnknownOutcome
from requests_app.stream.wire import RemoteUser
from requests_app.workflow import aftercare, closing, letters, tickets
from requests_app.workflow.plan import Plan
from requests_app.workflow.policies import UnableTo
from tests import factories
from tests.clock import Clock
from tests.people import actor, signed_in
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


def restored(ticket: Ticket, clock: Clock, *, seconds: int = 30) -> None:
    """Ask the users of a ticket back, as far as Stream lets that be done."""
    aftercare.restore(fresh(ticket), actor=actor("dora"), now=clock(), note="By mistake.")
    clock.sweep_for(seconds=seconds, step=20)


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


def feeds_alone(mode: Mode) -> Plan:
    keep = dict.fromkeys(("user", "messages", "conversations", "calls"), Mode.KEEP)
    return factories.erase_plan(MARIE, **keep, files=False, feeds_data=mode)


def given_up(ticket: Ticket, clock: Clock) -> None:
    """Leave a stopped ticket as it stands: a part of it was done."""
    tickets.give_up(fresh(ticket), actor=actor("dora"), now=clock(), note="Enough.")
    assert result(ticket) == (State.COMPLETED, Outcome.PARTIAL)


def is_held(ticket: Ticket, by: Ticket) -> bool:
    return result(ticket)[0] == State.NEEDS_ATTENTION and f"{by.reference} hid this account" in fresh(ticket).attention


def test_who_was_hidden_stays_so_after_a_ticket_about_feeds_data(app: StreamApp, clock: Clock) -> None:
    first = run(factories.soft_plan(MARIE), app, clock)
    run(feeds_alone(Mode.HARD), app, clock)

    assert is_held(run(factories.erase_plan(MARIE), app, clock), by=first)


def test_who_was_hidden_stays_so_after_half_an_export(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    first = run(factories.soft_plan(MARIE), app, clock)
    stand_in.go_wrong(tasks={"ExportUsers": {"fate": "fail"}})
    given_up(run(factories.export_plan(MARIE), app, clock), clock)
    stand_in.go_wrong()

    assert is_held(run(without_feeds(MARIE), app, clock), by=first)


def test_feeds_data_that_half_a_ticket_hid_is_hidden(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    stand_in.go_wrong(tasks={"DeleteUsers": {"fate": "fail"}})
    first = run(factories.erase_plan(MARIE, feeds_data=Mode.SOFT), app, clock)
    given_up(first, clock)
    stand_in.go_wrong()

    assert is_held(run(feeds_alone(Mode.HARD), app, clock), by=first)


def test_a_delete_that_nobody_verified_may_have_hidden_only(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    stand_in.go_wrong(calls={"Search": {"error": 500}}, tasks={"DeleteUsers": {"fate": "vanish"}})
    first = run(without_feeds(MARIE), app, clock, seconds=2000)
    assert result(first) == (State.COMPLETED, Outcome.NOT_VERIFIED)
    stand_in.go_wrong()

    assert is_held(run(without_feeds(MARIE), app, clock), by=first)


def test_who_was_erased_after_being_hidden_is_absent(app: StreamApp, clock: Clock) -> None:
    run(factories.soft_plan(MARIE), app, clock)
    again = factories.approved(without_feeds(MARIE), app=app, send_if_absent=True)
    clock.sweep_for(seconds=30)
    assert result(again)[0] == State.COMPLETED

    assert result(run(without_feeds(MARIE), app, clock)) == (State.COMPLETED, Outcome.NOTHING_FOUND)


@pytest.mark.parametrize("outcome", [Outcome.NOT_VERIFIED, Outcome.HIDDEN, Outcome.ERASED])
def test_a_ticket_of_before_the_tables_is_told_by_its_plan(app: StreamApp, clock: Clock, outcome: Outcome) -> None:
    plan = factories.soft_plan(MARIE) if outcome is Outcome.HIDDEN else without_feeds(MARIE)
    first = run(plan, app, clock)
    KindResult.objects.all().delete()
    first.accounts.update(outcome=outcome.value)

    ticket = run(without_feeds(MARIE), app, clock)

    assert is_held(ticket, by=first) == (outcome is not Outcome.ERASED)


def may_cancel(ticket: Ticket) -> bool:
    """Whether its page offers that."""
    page = signed_in("dora").get(f"/tickets/{ticket.reference}/")
    return bool(page.context["actions"][Verb.CANCEL.value].allowed)


def test_what_was_only_looked_at_can_be_cancelled(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    """Of one user nothing was found; the delete of the other was not taken for the rate limit."""
    ticket = factories.approved(factories.erase_plan("nobody-here", MARIE), app=app)
    stand_in.go_wrong(calls={"DeleteFeedUserData": {"error": 429}})
    clock.sweep_for(seconds=3)
    assert ticket.steps.filter(attempts__outcome=AttemptOutcome.NOT_SENT.value).exists()
    assert ticket.steps.filter(state=StepState.DONE.value).exists()

    assert may_cancel(ticket)
    tickets.cancel(fresh(ticket), actor=actor("dora"), now=clock(), note="Withdrawn.")

    assert stand_in.calls() == []
    assert fresh(ticket).state == State.CANCELLED


def test_what_stream_took_is_not_cancelled(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    stand_in.go_wrong(calls={"GetTask": {"error": 500}})
    ticket = run(factories.erase_plan(MARIE), app, clock, seconds=3)
    assert ticket.steps.filter(attempts__outcome=AttemptOutcome.ACCEPTED.value).exists()

    assert not may_cancel(ticket)
    with pytest.raises(UnableTo, match="already sent"):
        tickets.cancel(fresh(ticket), actor=actor("dora"), now=clock(), note="Withdrawn.")


def test_a_restore_that_nobody_saw_reads_as_no_erasure(
    app: StreamApp, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = run(factories.soft_plan(MARIE), app, clock)
    looked, look = [0], StreamClient.query_users

    def first_look_only(client: StreamClient, user_ids: list[str]) -> tuple[RemoteUser, ...]:
        looked[0] += 1
        if looked[0] > 1:
            raise UnknownOutcome("Down.", operation="QueryUsers", status=500)
        return look(client, user_ids)

    monkeypatch.setattr(StreamClient, "query_users", first_look_only)
    restored(ticket, clock, seconds=2500)

    assert result(ticket) == (State.COMPLETED, Outcome.NOT_VERIFIED)
    assert callout(ticket).startswith("Stream was asked to bring the users back")
    assert "Asked back, not seen again: the user." in callout(ticket)
    account = letter(ticket, clock).splitlines()[0]
    assert account == (
        "- your account and profile: our provider was asked to bring it back; "
        "we have not been able to check that it is there again"
    )


def test_a_restore_that_failed_says_so(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = run(factories.soft_plan(MARIE), app, clock)
    stand_in.go_wrong(calls={"RestoreUsers": {"error": 400}})
    restored(ticket, clock)
    given_up(ticket, clock)

    assert "Not brought back: the user." in callout(ticket)
    assert "it was to be brought back, and we did not manage to" in letter(ticket, clock)


def test_who_was_hidden_by_a_delete_that_failed_comes_back(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    stand_in.go_wrong(tasks={"DeleteUsers": {"fate": "fail"}})
    ticket = run(factories.soft_plan(MARIE), app, clock)
    given_up(ticket, clock)
    assert stand_in.client().query_users([MARIE]) == ()

    restored(ticket, clock)

    assert result(ticket) == (State.COMPLETED, Outcome.RESTORED)
    assert [user.id for user in stand_in.client().query_users([MARIE])] == [MARIE]


def test_who_was_never_hidden_is_not_restored(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    stand_in.go_wrong(calls={"DeleteUsers": {"error": 400}})
    ticket = run(factories.soft_plan(MARIE), app, clock)
    tickets.give_up(fresh(ticket), actor=actor("dora"), now=clock(), note="Enough.")

    with pytest.raises(UnableTo):
        restored(ticket, clock)


def test_nobody_is_told_of_an_erasure_of_nobody(app: StreamApp, clock: Clock) -> None:
    Recipient.objects.create(stream_app=app, name="Analytics Ltd")

    nobody, erased = (run(factories.erase_plan(user_id), app, clock) for user_id in ("nobody-here", MARIE))

    assert not nobody.informings.exists()
    assert not any("Analytics" in missing for missing in closing.missing(fresh(nobody)))
    assert [one.recipient.name for one in erased.informings.all()] == ["Analytics Ltd"]
