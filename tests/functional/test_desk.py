"""The agent's desk: who owns what, filters in the URL, saved views, the list as a file, and several at once."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from requests_app.audit_actions import AuditAction
from requests_app.enums import State
from requests_app.models import AuditEntry, SavedView, Ticket
from requests_app.queries import tickets as lists
from requests_app.views import spreadsheet, ticket_list
from requests_app.workflow import assignment
from requests_app.workflow.permissions import NotPermitted
from requests_app.workflow.policies import UnableTo
from tests import factories
from tests.people import actor, person, signed_in

pytestmark = pytest.mark.django_db


def fresh(ticket: Ticket) -> Ticket:
    return Ticket.objects.get(pk=ticket.pk)


def references(page: Any) -> list[str]:
    return [row.reference for row in page.context["rows"]]


def give(ticket: Ticket, to: str | None, by: str = "ada", **more: Any) -> Ticket:
    owner = person(to) if to else None
    return assignment.assign(ticket, owner, actor=actor(by), now=timezone.now(), **more)


# Owners


def test_whoever_opens_a_ticket_owns_it_until_it_is_handed_over() -> None:
    ticket = factories.draft(by="ada")
    assert ticket.owner == person("ada")

    give(ticket, "ben", note="Called twice, no answer yet.")

    assert fresh(ticket).owner == person("ben")
    assert ticket.notes.get().text == "Called twice, no answer yet."
    told = AuditEntry.objects.get(action=AuditAction.TICKET_ASSIGNED)
    assert told.facts == {"from": person("ada").pk, "to": person("ben").pk}
    assert ticket.reference in references(signed_in("ben").get("/tickets/?view=mine"))
    assert references(signed_in("ada").get("/tickets/?view=mine")) == []


def test_an_owner_works_on_tickets_and_a_closed_ticket_needs_none() -> None:
    with pytest.raises(UnableTo, match="agent or data protection officer"):
        give(factories.draft(), "otto")
    with pytest.raises(UnableTo, match="closed"):
        give(factories.cancelled(), "ben")
    with pytest.raises(NotPermitted):
        give(factories.draft(), "ben", by="otto")


def test_two_who_assign_at_once_are_told() -> None:
    ticket, ada = factories.draft(), signed_in("ada")
    give(ticket, "ben")

    answer = ada.post(f"/tickets/{ticket.reference}/assign/", {"owner": person("dora").pk, "shown": person("ada").pk})

    assert answer.status_code == 409
    assert "Somebody else assigned this ticket" in answer.content.decode()
    assert fresh(ticket).owner == person("ben")


def test_the_page_hands_over_and_lets_go() -> None:
    ticket, ada = factories.draft(), signed_in("ada")
    where = f"/tickets/{ticket.reference}/assign/"

    given = ada.post(where, {"owner": person("ben").pk, "note": "Yours."}, follow=True)
    assert f"{ticket.reference} belongs to Ben Agent now" in given.content.decode()
    ada.post(where, {"owner": "nobody"})

    assert fresh(ticket).owner is None
    assert references(ada.get("/tickets/?view=unassigned")) == [ticket.reference]


# Filters


def test_filters_narrow_and_each_chip_leads_to_the_list_without_it() -> None:
    mine = factories.draft(factories.export_plan(), by="ada")
    factories.draft(factories.erase_plan(), by="ada")
    factories.draft(factories.export_plan(), by="ben")

    page = signed_in("ada").get("/tickets/?view=open&kind=export&owner=me&sort=newest")

    assert references(page) == [mine.reference]
    assert [chip.words for chip in page.context["chips"]] == ["Request: Export", "Owner: Me"]
    assert page.context["chips"][1].without == "view=open&kind=export&sort=newest"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=draft", {"draft"}),
        ("view=closed&state=refused", {"refused"}),
        ("owner=nobody", set()),
        ("due=late", set()),
        ("app=999999", set()),
        ("owner=9" + "9" * 30, {"draft"}),
        ("state=%3Cb%3E&sort=x&kind=y&due=z&app=-1", {"draft"}),
    ],
)
def test_each_filter_and_what_is_none(query: str, expected: set[str]) -> None:
    factories.draft()
    factories.refused()

    shown = signed_in("ada").get(f"/tickets/?{query}").context["rows"]

    assert {row.state.value for row in shown} == expected


@pytest.mark.parametrize("sort", ["due", "later", "newest", "oldest"])
def test_it_pages_in_every_order_without_losing_a_ticket(monkeypatch: pytest.MonkeyPatch, sort: str) -> None:
    monkeypatch.setattr(lists, "PAGE", 2)
    today = timezone.localdate()
    made = [factories.draft() for _ in range(7)]
    for ticket, days in zip(made, (3, 1, 1, 2, 1, 3, 0), strict=True):
        Ticket.objects.filter(pk=ticket.pk).update(due_on=today + timedelta(days=days))
    key = {"due": lambda t: (t.due_on, t.pk), "newest": lambda t: -t.pk, "oldest": lambda t: t.pk}
    latest = [t.reference for t in sorted(Ticket.objects.all(), key=key["due"], reverse=True)]
    expected = (
        latest if sort == "later" else [t.reference for t in sorted(Ticket.objects.all(), key=key[sort])]  # type: ignore[no-untyped-call]
    )

    ada, seen, url = signed_in("ada"), [], f"/tickets/?sort={sort}"
    while url:
        page = ada.get(url)
        seen += references(page)
        url = page.context["pager"].next

    assert seen == expected


# Saved views


def test_a_view_is_saved_used_replaced_and_removed() -> None:
    ada, ben = signed_in("ada"), signed_in("ben")

    ada.post("/tickets/views/", {"query": "view=open&kind=erase&evil=1", "name": "Erasures"})
    ada.post("/tickets/views/", {"query": "view=open&kind=export", "name": "Erasures", "is_shared": "on"})
    saved = SavedView.objects.get()

    assert (saved.query, saved.is_shared) == ("view=open&kind=export", True)
    assert [view.name for view in ben.get("/tickets/").context["saved"]] == ["Erasures"]
    assert ben.post(f"/tickets/views/{saved.pk}/remove/").status_code == 404
    ada.post(f"/tickets/views/{saved.pk}/remove/")
    assert not SavedView.objects.exists()


def test_a_view_that_is_not_shared_is_its_owners_alone_and_needs_a_name() -> None:
    ada = signed_in("ada")
    ada.post("/tickets/views/", {"query": "view=closed", "name": "Old"})
    answer = ada.post("/tickets/views/", {"query": "view=closed", "name": " "}, follow=True)

    assert "Give the view a name." in answer.content.decode()
    assert signed_in("ben").get("/tickets/").context["saved"] == []


# The file


def rows_of(client: Client, query: str = "") -> list[dict[str, str]]:
    answer = client.get(f"/tickets/list.csv?{query}")
    assert answer["Content-Type"].startswith("text/csv")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text)))


def test_the_file_holds_every_ticket_of_the_list_once_and_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticket_list, "CHUNK", 3)
    made = [factories.draft(factories.erase_plan()) for _ in range(8)]
    factories.draft(factories.export_plan())

    found = rows_of(signed_in("ada"), "kind=erase")

    assert sorted(row["Ticket"] for row in found) == sorted(ticket.reference for ticket in made)
    told = AuditEntry.objects.get(action=AuditAction.LIST_EXPORTED)
    assert told.facts == {"filters": "view=open&kind=erase"}


@pytest.mark.parametrize("evil", ["=1+1", "+49", "-2", "@SUM(A1)", " =x", "=cmd|' /C calc'!A0"])
def test_no_cell_is_taken_for_a_formula(evil: str) -> None:
    assert spreadsheet.harmless(evil) == f"'{evil}"
    factories.draft(factories.erase_plan(evil.strip()))

    (row,) = rows_of(signed_in("ada"))

    assert row["About"] == f"'{evil.strip()}"


def test_an_auditor_takes_no_names_away() -> None:
    factories.submitted(factories.erase_plan("marie.curie"))

    (row,) = rows_of(signed_in("otto"))

    assert row["About"] == "one account"


# Several at once


def test_it_shows_first_who_takes_part_and_then_what_became_of_each() -> None:
    ready, waiting = factories.draft(), factories.submitted()
    ada = signed_in("ada")
    chosen = {"act": "submit", "ticket": [ready.reference, waiting.reference, "nonsense"]}

    first = ada.post("/tickets/several/", chosen)
    assert [result.done for result, _ in first.context["lines"]] == [True, False]
    assert "the ticket is “Waiting for DPO”" in first.content.decode()
    assert fresh(ready).state == State.DRAFT

    second = ada.post("/tickets/several/", {**chosen, "confirm": "yes"})
    assert [result.done for result, _ in second.context["lines"]] == [True, False]
    assert fresh(ready).state == State.AWAITING_DECISION


def test_several_are_handed_over_or_cancelled() -> None:
    made, ada = [factories.draft() for _ in range(3)], signed_in("ada")
    chosen = {"ticket": [ticket.reference for ticket in made], "confirm": "yes"}

    ada.post("/tickets/several/", {**chosen, "act": "assign", "owner": person("ben").pk})
    assert {fresh(ticket).owner for ticket in made} == {person("ben")}
    ada.post("/tickets/several/", {**chosen, "act": "cancel", "note": "Sent twice."})
    assert {fresh(ticket).state for ticket in made} == {State.CANCELLED}


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"act": "submit"}, "Choose at least one ticket"),
        ({"act": "approve", "ticket": ["DSR-000001"]}, ""),
        ({"act": "submit", "ticket": ["DSR-999999999"]}, "Choose at least one ticket"),
    ],
)
def test_several_of_nothing_or_of_what_is_not_possible(sent: dict[str, Any], sentence: str) -> None:
    factories.draft()

    answer = signed_in("ada").post("/tickets/several/", sent)

    assert answer.status_code == 422
    assert sentence in answer.content.decode()


def test_the_list_costs_as_many_queries_for_many_tickets_as_for_few(django_assert_num_queries: Any) -> None:

    ada = signed_in("ada")
    factories.draft()
    ada.get("/tickets/")
    with CaptureQueriesContext(connection) as few:
        ada.get("/tickets/")
    for _ in range(12):
        factories.draft()

    with django_assert_num_queries(len(few)):
        ada.get("/tickets/")
