"""The audit log on the page: narrowed by the URL alone, paged by sequence, honest about what is gone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from requests_app.enums import AuditAction
from requests_app.models import AuditEntry, AuditText
from requests_app.queries import audit
from requests_app.views import audit as view
from tests import factories
from tests.people import actor, person

pytestmark = pytest.mark.django_db


def signed_in(name: str) -> Client:
    client = Client()
    client.force_login(person(name))
    return client


@pytest.fixture
def otto() -> Client:
    return signed_in("otto")


def seqs(page: Any) -> list[int]:
    return [line.seq for line in page.context["lines"]]


def actions(page: Any) -> set[str]:
    return set(AuditEntry.objects.filter(seq__in=seqs(page)).values_list("action", flat=True))


def test_it_shows_newest_first_with_who_what_and_hash(otto: Client) -> None:
    ticket = factories.approved()

    page = otto.get("/audit/")

    text = page.content.decode()
    entry = AuditEntry.objects.get(action=AuditAction.TICKET_APPROVED)
    assert seqs(page) == sorted(seqs(page), reverse=True)
    assert "Dora Dpo" in text
    assert "approved the ticket" in text
    assert "198.51.100.7" in text
    assert f'data-copy="{entry.hash}"' in text
    assert f'href="/tickets/{ticket.reference}/"' in text


def test_each_filter_narrows(otto: Client) -> None:
    ticket = factories.running()
    factories.submitted(by="ben")
    ada, today = actor("ada").id, timezone.localdate()

    by_person = otto.get("/audit/", {"actor": ada})
    by_worker = otto.get("/audit/", {"actor": audit.WORKER})
    by_action = otto.get("/audit/", {"action": "ticket.submit"})
    by_ticket = otto.get("/audit/", {"ticket": ticket.reference.lower()})
    by_day = otto.get("/audit/", {"since": today.isoformat(), "until": today.isoformat()})
    by_past = otto.get("/audit/", {"until": (today - timedelta(days=1)).isoformat()})

    assert {line.who for line in by_person.context["lines"]} == {"Ada Agent"}
    assert all(line.worker for line in by_worker.context["lines"])
    assert actions(by_worker) == {AuditAction.TICKET_BEGUN}
    assert actions(by_action) == {AuditAction.TICKET_SUBMITTED}
    assert {line.reference for line in by_ticket.context["lines"]} == {ticket.reference}
    assert AuditAction.TICKET_OPENED in actions(by_day)
    assert seqs(by_past) == []


def test_a_day_ends_at_midnight_here(otto: Client) -> None:
    ticket = factories.draft()
    entry = AuditEntry.objects.get(action=AuditAction.TICKET_OPENED)
    day = timezone.localdate(entry.at).isoformat()

    assert entry.seq in seqs(otto.get("/audit/", {"since": day, "until": day, "ticket": ticket.reference}))


def test_looking_with_filters_is_recorded_and_looking_without_is_not(otto: Client) -> None:
    otto.get("/audit/")
    assert not AuditEntry.objects.filter(action=AuditAction.AUDIT_READ).exists()

    otto.get("/audit/", {"action": "ticket.open", "ticket": "DSR-000001"})

    entry = AuditEntry.objects.get(action=AuditAction.AUDIT_READ)
    assert (entry.actor_id, entry.facts["action"], entry.facts["ticket"]) == (
        person("otto").pk,
        "ticket.open",
        "DSR-000001",
    )


def test_what_is_typed_about_a_person_is_refused_and_recorded_nowhere(otto: Client) -> None:
    page = otto.get("/audit/", {"ticket": "canary-quillfeather-7"})

    assert page.status_code == 422
    assert "DSR-000123" in page.context["problems"][0]
    assert not AuditEntry.objects.filter(action=AuditAction.AUDIT_READ).exists()


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"since": "soon"}, "is no date"),
        ({"since": "2026-11-31"}, "is no date"),
        ({"until": "0001-01-01"}, "Nothing was recorded in 0001."),
        ({"until": "9999-12-31"}, "Nothing was recorded in 9999."),
        ({"since": "2026-11-02", "until": "2026-11-01"}, "swap From and To"),
        ({"action": "everything"}, "no such action"),
    ],
)
def test_a_filter_that_says_nothing_answers_422_with_a_sentence(
    otto: Client, query: dict[str, str], sentence: str
) -> None:
    page = otto.get("/audit/", query)

    assert page.status_code == 422
    assert sentence in " ".join(page.context["problems"])


@pytest.mark.parametrize("odd", ["x", "²", "-1", "9" * 40, "1e3"])
@pytest.mark.parametrize("name", ["before", "after", "actor"])
def test_it_survives_odd_numbers(otto: Client, name: str, odd: str) -> None:
    assert otto.get("/audit/", {name: odd}).status_code == 200


def test_it_pages_to_the_oldest_and_back_without_losing_an_entry(otto: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "PAGE", 3)
    for _ in range(4):
        factories.draft()
    everything = list(
        AuditEntry.objects.filter(action=AuditAction.TICKET_OPENED).order_by("-seq").values_list("seq", flat=True)
    )

    pages, url = [], "/audit/?action=ticket.open"
    while url:
        page = otto.get(url)
        pages.append(seqs(page))
        url, back = page.context["pager"].next, page.context["pager"].first
    first = otto.get(back)

    assert [seq for seqs_ in pages for seq in seqs_] == everything
    assert "action=ticket.open" in back
    assert seqs(first) == pages[0]
    assert first.context["pager"].first == ""


def test_newer_from_deep_down_is_the_page_just_above(otto: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "PAGE", 2)
    for _ in range(6):
        factories.draft()
    everything = list(
        AuditEntry.objects.filter(action=AuditAction.TICKET_OPENED).order_by("-seq").values_list("seq", flat=True)
    )

    page = otto.get("/audit/", {"action": "ticket.open", "after": everything[4]})

    assert seqs(page) == everything[2:4]
    assert page.context["pager"].first
    assert page.context["pager"].next


def test_free_text_is_clear_masked_or_erased() -> None:
    ticket = factories.draft(note="Confirmed by phone.")
    query = {"ticket": ticket.reference, "action": "ticket.open"}

    for_dpo = signed_in("dora").get("/audit/", query).content.decode()
    for_auditor = signed_in("otto").get("/audit/", query).content.decode()
    AuditText.objects.all().delete()
    erased = signed_in("dora").get("/audit/", query).content.decode()

    assert "Confirmed by phone." in for_dpo
    assert "Confirmed by phone." not in for_auditor
    assert audit.MASKED in for_auditor
    assert audit.ERASED in erased


def test_a_text_that_no_key_opens_is_told_and_breaks_the_check_not_the_page() -> None:
    factories.draft(note="Confirmed by phone.")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE requests_app_audittext SET text = 'gAAAA-of-another-key'")
    dora = signed_in("dora")

    assert audit.UNREADABLE in dora.get("/audit/").content.decode()
    assert "cannot be read, or was altered" in dora.post("/audit/check/", follow=True).content.decode()


def test_checking_tells_what_was_found_and_when(otto: Client) -> None:
    factories.draft()
    assert "Chain not checked yet" in otto.get("/audit/").content.decode()

    page = otto.post("/audit/check/", follow=True).content.decode()

    entry = AuditEntry.objects.get(action=AuditAction.AUDIT_CHECKED)
    assert "The chain is intact" in page
    assert "Checked in 0." in page
    assert "Chain verified" in page
    assert (entry.facts["intact"], entry.facts["after"]) == (True, 0)


def test_a_long_log_is_checked_from_its_end_as_far_as_fits(otto: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "CHECKED_AT_ONCE", 3)
    factories.approved()
    count = AuditEntry.objects.count()

    page = otto.post("/audit/check/", follow=True).content.decode()

    assert f"The newest 3 of {count} entries are intact" in page
    assert "manage.py verify_audit for the whole log" in page


def test_the_number_of_queries_does_not_grow_with_the_entries(otto: Client, django_assert_num_queries: Any) -> None:
    def load(number: int) -> int:
        for _ in range(number):
            factories.approved(note="Note.")
        with django_assert_num_queries(100, exact=False) as counted:
            otto.get("/audit/")
        return len(counted)

    load(1)
    assert load(1) == load(5)
