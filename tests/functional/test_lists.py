"""Lists of tickets: who sees which, views, search, pages, and what waits for whom."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from requests_app.audit_actions import AuditAction
from requests_app.enums import State
from requests_app.models import AuditEntry, StreamTask, Ticket
from requests_app.queries import search
from requests_app.queries import tickets as lists
from tests import factories
from tests.people import actor, signed_in

pytestmark = pytest.mark.django_db


def references(page: Any) -> list[str]:
    return [row.reference for row in page.context["rows"]]


def test_each_view_holds_what_its_name_says() -> None:
    made = {state: factories.IN_STATE[state]() for state in State}
    ada = signed_in("ada")

    def shown(view: str) -> set[str]:
        found = set(references(ada.get("/tickets/", {"view": view})))
        return {state.value for state, ticket in made.items() if ticket.reference in found}

    closed = {"completed", "refused", "cancelled"}
    assert shown("open") == {state.value for state in State} - closed
    assert shown("closed") == closed
    assert shown("waiting") == {"awaiting_decision"}
    assert shown("running") == {"approved", "running"}
    assert shown("attention") == {"needs_attention"}
    assert shown("mine") == shown("open")
    assert references(signed_in("ben").get("/tickets/?view=mine")) == []


def test_due_soon_means_within_days_and_late() -> None:
    today = timezone.localdate()
    due = {days: factories.draft() for days in (-3, 0, 5, 6)}
    for days, ticket in due.items():
        Ticket.objects.filter(pk=ticket.pk).update(due_on=today + timedelta(days=days))

    assert references(signed_in("ada").get("/tickets/?view=due")) == [due[days].reference for days in (-3, 0, 5)]


def test_it_pages_by_deadline_without_losing_a_ticket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "PAGE", 2)
    today = timezone.localdate()
    made = [factories.draft() for _ in range(5)]
    for ticket, days in zip(made, (3, 1, 1, 2, 1), strict=True):
        Ticket.objects.filter(pk=ticket.pk).update(due_on=today + timedelta(days=days))
    expected = [made[place].reference for place in (1, 2, 4, 3, 0)]

    ada, seen, url = signed_in("ada"), [], "/tickets/"
    while url:
        page = ada.get(url)
        seen += references(page)
        url = page.context["pager"].next

    assert seen == expected
    assert page.context["pager"].first == "/tickets/?view=open"


@pytest.mark.parametrize(
    "query",
    ["after=x", "after=2026-01-01_x", "after=_5", f"after=2026-01-01_{'9' * 30}", "view=<b>", "after=9999-12-31_1"],
)
def test_it_survives_odd_addresses(query: str) -> None:
    factories.draft()

    assert signed_in("ada").get(f"/tickets/?{query}").status_code == 200


def found(name: str, text: str) -> list[str]:
    return references(signed_in(name).post("/tickets/", {"q": text}))


def test_a_search_finds_by_what_one_has_at_hand() -> None:
    ticket = factories.running(
        factories.erase_plan("marie.curie"), requester_email="marie@example.org", requester_name="Marie Curie"
    )
    factories.draft()
    task = StreamTask.objects.create(
        stream_app=ticket.stream_app, task_id="4f1d0c72", operation="delete_users", accepted_at=timezone.now()
    )
    ticket.steps.filter(operation="delete_users").update(stream_task=task)

    for text in (ticket.reference, ticket.reference.lower(), str(ticket.pk), "marie.curie", "MARIE", "4f1d0c72"):
        assert found("ada", text) == [ticket.reference], text
    assert found("ada", "marie@example.org") == [ticket.reference]
    assert found("ada", "marie CURIE") == [ticket.reference]
    assert found("ada", "nobody") == []
    assert found("ada", "curie") == []
    assert found("ada", "²") == []


def test_those_who_review_find_by_number_and_not_by_person() -> None:
    ticket = factories.submitted(factories.erase_plan("marie.curie"), requester_email="marie@example.org")

    assert found("otto", ticket.reference) == [ticket.reference]
    assert found("otto", "marie.curie") == []
    assert found("otto", "marie@example.org") == []


def test_a_draft_is_not_found_by_those_who_review() -> None:
    assert found("otto", factories.draft().reference) == []


def test_the_approvals_are_what_waits() -> None:
    waiting = factories.submitted()
    factories.draft()

    page = signed_in("dora").get("/approvals/")

    assert references(page) == [waiting.reference]


def test_my_work_is_what_waits_for_this_very_person() -> None:
    own, back, stopped = factories.draft(), factories.sent_back(), factories.stopped()
    waiting = factories.submitted(by="ben")

    def sections(name: str) -> dict[str, list[str]]:
        page = signed_in(name).get("/")
        return {section.title: [row.reference for row in section.rows] for section in page.context["sections"]}

    ada, dora = sections("ada"), sections("dora")
    assert ada["Your drafts"] == [own.reference]
    assert ada["Sent back to you"] == [back.reference]
    assert ada["Stopped: a person must look"] == [stopped.reference]
    assert "Waiting for your decision" not in ada
    assert dora["Waiting for your decision"] == [waiting.reference]
    assert "Your drafts" not in dora


def test_my_work_counts_and_leads_to_the_list_behind_each_number() -> None:
    today = timezone.localdate()
    late = [factories.draft(by="ada") for _ in range(3)]
    Ticket.objects.filter(pk__in=[ticket.pk for ticket in late]).update(due_on=today - timedelta(days=1), owner=None)
    ada = signed_in("ada")

    found = {section.title: section for section in ada.get("/").context["sections"]}

    assert list(found) == ["Late", "Nobody takes care of these"]
    for section in found.values():
        assert section.count == 3
        assert sorted(references(ada.get(section.url))) == sorted(ticket.reference for ticket in late)


@pytest.mark.parametrize("name", ["ada", "dora", "otto", "ruth"])
def test_empty_lists_say_what_to_do_next(name: str) -> None:
    client = signed_in(name)

    for url in ("/", "/tickets/", "/stream-tasks/"):
        assert 'class="empty-p"' in client.get(url).content.decode()


def test_the_number_of_queries_does_not_grow_with_the_tickets(django_assert_num_queries: Any) -> None:
    ada = signed_in("ada")

    def load(number: int) -> int:
        for _ in range(number):
            factories.draft()
        with django_assert_num_queries(100, exact=False) as counted:
            ada.get("/tickets/")
        return len(counted)

    assert load(1) == load(8)


@pytest.mark.parametrize("text", ["marie", "DSR-000001", "marie@example.org", "4f1d0c72"])
def test_a_search_looks_into_indexes_and_reads_no_table_whole(text: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            # It reads a small table whole, whatever its indexes; this shows whether it could do otherwise.
            cursor.execute("SET LOCAL enable_seqscan = off")
    with CaptureQueriesContext(connection) as queries:
        list(search.matching(Ticket.objects.all(), text, actor("ada")))
    plans = []
    with connection.cursor() as cursor:
        for query in queries:
            if query["sql"].startswith("SELECT"):
                prefix = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
                cursor.execute(f"{prefix} {query['sql']}")
                plans += [str(line) for line in cursor.fetchall()]

    assert plans
    # The Stream apps are a handful: an erased user id is looked for in each of them.
    read_whole = [line for line in plans if "SCAN" in line or "Seq Scan" in line]
    assert [line for line in read_whole if "streamapp" not in line] == []


def searches() -> list[tuple[str, dict[str, Any], list[str]]]:
    rows = AuditEntry.objects.filter(action=AuditAction.TICKETS_SEARCHED.value).order_by("seq")
    return [(row.actor_name, row.facts, row.subjects) for row in rows]


def test_a_search_is_an_entry_with_pseudonyms_in_place_of_the_words() -> None:
    ticket = factories.draft(factories.erase_plan("marie.curie"))

    found("ada", "marie.curie")
    found("otto", ticket.reference)

    (who, facts, subjects), reviewed = searches()
    assert (who, facts) == ("ada", {"found": 1})
    # The same name that every entry about the person has, so that “find entries about it” finds the search, too.
    opened = AuditEntry.objects.get(action=AuditAction.TICKET_OPENED.value)
    assert set(opened.subjects) <= set(subjects)
    assert opened.subjects
    # An auditor's search finds no person, and so looks for none.
    assert reviewed == ("otto", {"found": 0}, [])
    assert "marie" not in str(searches())


def test_a_list_without_a_search_is_none() -> None:
    signed_in("ada").get("/tickets/?view=closed&kind=export")
    found("ada", "   ")

    assert searches() == []
