"""What was reached: stored with the close, earned from what was seen, and shown to each role as far as it may see."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from requests_app.audit import log
from requests_app.audit_actions import AuditAction
from requests_app.enums import Kind, Outcome, Reached
from requests_app.models import Account, AuditEntry, KindResult, StreamApp, Ticket
from requests_app.queries import results as shown_results
from requests_app.queries import ticket_page
from requests_app.workflow import aftercare, outcomes, tickets
from requests_app.workflow.plan import Plan
from tests import factories, step_events
from tests.clock import Clock
from tests.people import actor, signed_in
from tests.sandbox_server import StandIn

pytestmark = pytest.mark.django_db(transaction=True)


def fresh(ticket: Ticket) -> Ticket:
    return Ticket.objects.get(pk=ticket.pk)


def stored(ticket: Ticket, column: str = "reached") -> dict[str, dict[str, Any]]:
    """A column of the stored table, by account and kind."""
    found: dict[str, dict[str, Any]] = {}
    for row in KindResult.objects.filter(account__ticket=ticket).select_related("account"):
        found.setdefault(row.account.user_id, {})[row.kind] = getattr(row, column)
    return found


def absent(kind: str) -> str:
    """What is reached of a user whom Stream does not show: what hangs on one is not looked for."""
    return "nothing_there" if kind in {"user", "feeds_data"} else "not_reached"


def page(who: str, ticket: Ticket, rest: str = "") -> str:
    answer = signed_in(who).get(f"/tickets/{ticket.reference}/{rest}")
    assert answer.status_code == 200
    return unescape(answer.content.decode().replace("<wbr>", ""))


def section(text: str) -> str:
    return text[text.index('id="results"') : text.index("steps-title")]


def test_the_table_is_stored_with_the_close_and_its_entry_counts_it(app: StreamApp, clock: Clock) -> None:
    ticket = factories.approved(factories.erase_plan("marie.curie", "nobody-here"), app=app)

    clock.sweep_for(seconds=30)

    everything = ("user", "messages", "conversations", "calls", "feeds_data", "files")
    assert stored(ticket) == {
        "marie.curie": dict.fromkeys(everything, "removed"),
        "nobody-here": {kind: absent(kind) for kind in everything},
    }
    assert stored(ticket, "seen")["marie.curie"]["files"] == "not_counted"
    entry = AuditEntry.objects.get(action=AuditAction.TICKET_COMPLETED)
    assert entry.facts["reached"] == {kind: {absent(kind): 1, "removed": 1} for kind in everything}
    assert "marie" not in str(entry.facts)


def test_a_close_that_leaves_no_entry_stores_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = factories.running(factories.erase_plan("u_1"))
    for step in ticket.steps.all():
        step_events.finish(step)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(log, "record_all", broken)
    with pytest.raises(RuntimeError):
        outcomes.settle_all([ticket.pk], actor=factories.WORKER, now=timezone.now())

    assert not KindResult.objects.exists()
    assert set(Account.objects.values_list("outcome", flat=True)) == {""}


@pytest.mark.parametrize("kind", list(Kind))
def test_who_else_is_on_a_ticket_changes_nothing_of_an_account(app: StreamApp, clock: Clock, kind: Kind) -> None:
    """Alone, with somebody who is there, and with somebody whom Stream does not know."""

    def plan(*ids: str) -> Plan:
        return factories.export_plan(*ids) if kind is Kind.EXPORT else factories.soft_plan(*ids)

    alone = factories.approved(plan("jonas-weber"), app=app)
    clock.sweep_for(seconds=30)
    together = factories.approved(plan("marie.curie", "nobody-here"), app=app)
    clock.sweep_for(seconds=30)

    def one(ticket: Ticket, user_id: str) -> tuple[str, dict[str, Any]]:
        return ticket.accounts.get(user_id=user_id).outcome, stored(ticket)[user_id]

    assert one(together, "marie.curie") == one(alone, "jonas-weber")
    unknown = factories.approved(plan("nobody-here"), app=app)
    clock.sweep_for(seconds=30)
    assert one(together, "nobody-here") == one(unknown, "nobody-here")


def test_a_ticket_that_is_given_up_says_what_was_reached(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    stand_in.go_wrong(tasks={"DeleteUsers": {"fate": "fail"}})
    ticket = factories.approved(factories.erase_plan("marie.curie"), app=app)
    clock.sweep_for(seconds=30)

    tickets.give_up(fresh(ticket), actor=actor("dora"), now=clock(), note="Not today.")

    now = stored(ticket)["marie.curie"]
    assert (now["feeds_data"], now["user"], now["files"]) == ("removed", "not_reached", "not_reached")
    assert fresh(ticket).outcome == Outcome.PARTIAL
    entry = AuditEntry.objects.get(action=AuditAction.TICKET_GIVEN_UP)
    assert entry.facts["reached"]["feeds_data"] == {"removed": 1}
    assert "Not reached: the user, messages" in page("dora", ticket)


def test_a_restore_writes_the_table_anew(app: StreamApp, clock: Clock) -> None:
    ticket = factories.approved(factories.soft_plan("marie.curie"), app=app)
    clock.sweep_for(seconds=20)
    assert stored(ticket)["marie.curie"]["user"] == "hidden"
    before = KindResult.objects.values_list("closed_at", flat=True)[0]
    clock.forward(hours=1)

    aftercare.restore(fresh(ticket), actor=actor("dora"), now=clock(), note="By mistake.")
    assert 'id="results"' not in page("dora", ticket)
    clock.sweep_for(seconds=20)

    now = stored(ticket)["marie.curie"]
    assert (now["user"], now["messages"], now["feeds_data"]) == ("restored", "hidden", "kept")
    assert KindResult.objects.earliest("closed_at").closed_at > before
    assert fresh(ticket).outcome == Outcome.RESTORED


def test_what_could_not_be_read_is_not_verified_and_a_later_look_does_not_change_that(
    app: StreamApp, stand_in: StandIn, clock: Clock
) -> None:
    ticket = factories.approved(factories.erase_plan("marie.curie"), app=app)
    stand_in.go_wrong(calls={"Search": {"error": 500}})
    clock.sweep_for(seconds=1500, step=20)
    before = list(KindResult.objects.values())
    assert stored(ticket)["marie.curie"]["messages"] == "not_verified"
    assert stored(ticket, "seen")["marie.curie"]["messages"] == "unreadable"

    stand_in.go_wrong()
    clock.forward(days=1)
    clock.sweep_for(seconds=60, step=10)

    assert list(KindResult.objects.values()) == before
    assert fresh(ticket).outcome == Outcome.NOT_VERIFIED
    text = section(page("dora", ticket))
    assert "Could not be read" in text
    assert "A day later: not shown." in text


def test_what_came_back_a_day_later_stands_beside_the_row(app: StreamApp, stand_in: StandIn, clock: Clock) -> None:
    ticket = factories.approved(factories.soft_plan("marie.curie"), app=app)
    clock.sweep_for(seconds=20)
    stand_in.client().restore_users(["marie.curie"])

    clock.forward(days=1)
    clock.sweep_for(seconds=20)

    assert "A day later: still there, or there again." in section(page("dora", ticket))
    assert stored(ticket)["marie.curie"]["user"] == "hidden"


@pytest.mark.parametrize("who", ["ada", "dora", "otto", "ruth"])
def test_each_role_reads_the_table_and_only_some_whom_it_is_about(who: str) -> None:
    ticket = factories.completed(factories.erase_plan("u_secret", "u_other"))

    text = section(page(who, ticket))

    for words in ("Kind of data", "Asked for", "Stream's answer", "Seen afterwards", "Reached", "Feeds data"):
        assert words in text
    assert "Stream lists no files: not counted" in text
    assert ("u_secret" in text) == (who in {"ada", "dora"})
    assert ("Account 1" in text) == (who in {"otto", "ruth"})
    assert ticket.reference in text


def test_the_certificate_names_who_approved_and_the_entry_that_closed_it() -> None:
    ticket = factories.completed()

    text = section(page("otto", ticket))

    entry = AuditEntry.objects.get(action=AuditAction.TICKET_COMPLETED, ticket_id=ticket.pk)
    assert f"Entry {entry.seq} closed it:" in text
    assert entry.hash in text
    assert (ticket.approved_by.get_full_name() or ticket.approved_by.username) in text  # type: ignore[union-attr]
    assert ticket.stream_app.name in text


def test_a_ticket_of_before_has_no_table_and_says_so() -> None:
    ticket = factories.completed()
    KindResult.objects.all().delete()

    text = page("dora", ticket)

    assert "so there is no table of it" in section(text)
    assert Reached.REMOVED.label not in section(text)
    assert "Removed: the user, messages, conversations, calls, feeds data, files." in text


def test_the_first_accounts_stand_on_the_page_and_the_rest_a_link_away() -> None:
    ids = [f"many-{place:02}" for place in range(shown_results.FIRST + 3)]
    ticket = factories.completed(factories.soft_plan(*ids))

    first, whole = section(page("dora", ticket)), section(page("dora", ticket, "?accounts=all"))

    assert ids[shown_results.FIRST - 1] in first
    assert ids[shown_results.FIRST] not in first
    assert "Show all 28 accounts" in first
    assert ids[-1] in whole


def test_the_table_takes_as_many_queries_for_many_accounts_as_for_few() -> None:
    few = factories.completed(factories.soft_plan("few-1", "few-2"))
    many = factories.completed(factories.soft_plan(*(f"many-{place}" for place in range(20))))
    counted = []
    for ticket in (few, many):
        read = fresh(ticket)
        with CaptureQueriesContext(connection) as queries:
            found = shown_results.of_ticket(read, ticket_page.steps_of(read), clear=True)
        assert found is not None
        counted.append((len(found.accounts), len(queries)))

    assert counted == [(2, counted[0][1]), (20, counted[0][1])]
