"""The audit log on the page: narrowed by the URL alone, paged by sequence, honest about what is gone."""

from __future__ import annotations

import html
import io
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from requests_app.audit import checkpoints
from requests_app.audit_actions import AuditAction
from requests_app.models import AuditCheckpoint, AuditEntry, AuditText
from requests_app.queries import activity, audit, audit_verify
from requests_app.queries.audit_state import CHECKED_LATELY, Standing, chain_state
from requests_app.views import audit as view
from tests import factories, intruder
from tests.people import actor, person, signed_in

pytestmark = pytest.mark.django_db


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
        cursor.execute("UPDATE requests_app_audittext SET sealed = 'gAAAA-of-another-key'")
    dora = signed_in("dora")

    assert activity.UNREADABLE in dora.get("/audit/").content.decode()
    assert "cannot be read, or was altered" in dora.post("/audit/check/", follow=True).content.decode()


def test_checking_tells_what_was_found_and_when(otto: Client) -> None:
    factories.draft()
    assert "Not checked yet" in otto.get("/audit/").content.decode()

    page = otto.post("/audit/check/", follow=True).content.decode()

    entry = AuditEntry.objects.get(action=AuditAction.AUDIT_CHECKED)
    assert "The chain is intact" in page
    assert (
        "Hashes, free texts, who approved what was sent, and the tree against 0 signed checkpoints were checked in 0."
        in page
    )
    assert "Found intact" in page
    assert (entry.facts["intact"], entry.facts["after"]) == (True, 0)


def signed() -> int:
    """Sign the log as it stands; returns its size."""
    made = checkpoints.make_and_hand_out(actor=actor("otto"), now=timezone.now())
    assert made is not None
    return made.size


def checked(client: Client) -> str:
    return html.unescape(client.post("/audit/check/", follow=True).content.decode())


def test_a_long_log_is_checked_from_its_end_as_far_as_fits(otto: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.approved()
    first = signed()
    factories.approved()
    last = signed()
    monkeypatch.setattr(view, "CHECKED_AT_ONCE", AuditEntry.objects.count() - first)

    page = checked(otto)

    assert f"The newest {last - first} of {last} entries are intact" in page
    assert "the tree against 1 signed checkpoint were" in page
    assert "manage.py verify_audit --full for the whole log" in page
    assert AuditEntry.objects.get(action=AuditAction.AUDIT_CHECKED).facts["after"] == first


def test_checking_compares_the_tree_with_what_was_signed(otto: Client) -> None:
    factories.approved()
    signed()
    intruder.unprotect()
    # The end of the log is hashed anew: each entry follows the one before it, and is not the one that was signed.
    rows = intruder.tail(3)
    rows[0].actor_name = "eve"
    intruder.rewrite(rows, start=3)

    page = checked(otto)

    assert "are not those that were signed" in page
    assert chain_state().standing is Standing.BROKEN
    assert "Broken at entry" in otto.get("/audit/").content.decode()


def test_a_check_that_begins_at_a_checkpoint_trusts_its_tree_only_as_signed(
    otto: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.approved()
    first = signed()
    factories.approved()
    monkeypatch.setattr(view, "CHECKED_AT_ONCE", AuditEntry.objects.count() - first)
    intruder.unprotect()
    AuditCheckpoint.objects.filter(size=first).update(frontier=[])

    assert f"the stored checkpoint of {first} entries was altered" in checked(otto)


def test_a_partial_check_is_not_remembered_as_one_of_everything(
    otto: Client, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> None:
    settings.AUDIT_VERIFIED_FILE = str(tmp_path / "verified.json")
    factories.approved()
    first = signed()
    factories.approved()
    signed()
    monkeypatch.setattr(view, "CHECKED_AT_ONCE", AuditEntry.objects.count() - first)
    checked(otto)
    assert audit_verify.remembered() == audit_verify.NOTHING

    monkeypatch.setattr(view, "CHECKED_AT_ONCE", 10_000)
    checked(otto)
    assert audit_verify.remembered().size > first


def test_the_state_is_told_in_the_same_words_on_both_pages(otto: Client, settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_CHECKPOINT_FILE = str(tmp_path / "checkpoints.txt")
    ticket = factories.approved()
    signed()
    checked(otto)

    for url in ("/audit/", f"/tickets/{ticket.reference}/"):
        words = " ".join(re.sub(r"<[^>]+>", "", otto.get(url).content.decode()).split())
        size = chain_state().entries
        # Reading a ticket is an entry that its own page does not count yet.
        assert re.search(
            rf"Intact, ({size - 1}|{size}) entries, last checkpoint just now, witnessed by the file\.", words
        )


def test_a_check_of_long_ago_is_called_that(otto: Client) -> None:
    factories.draft()
    checked(otto)
    assert chain_state().standing is Standing.INTACT

    late = chain_state(timezone.now() + CHECKED_LATELY + timedelta(minutes=1))

    assert late.standing is Standing.LONG_AGO


def test_a_newer_check_by_the_command_counts_but_unsays_no_break(otto: Client, settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_VERIFIED_FILE = str(tmp_path / "verified.json")
    factories.approved()
    signed()
    call_command("verify_audit", stdout=io.StringIO())
    assert chain_state().standing is Standing.INTACT

    intruder.unprotect()
    intruder.alter(2, actor_name="eve")
    checked(otto)
    Path(settings.AUDIT_VERIFIED_FILE).touch()

    state = chain_state()
    assert (state.standing, state.check and state.check.broken_at) == (Standing.BROKEN, 2)


def test_a_witness_that_fails_is_told_beside_the_state(otto: Client, settings: Any, tmp_path: Path) -> None:
    settings.AUDIT_CHECKPOINT_FILE = str(tmp_path / "away" / "checkpoints.txt")
    factories.approved()
    signed()

    page = html.unescape(otto.get("/audit/").content.decode())

    assert "witnessed by nobody outside the database" in page
    assert "The witness “file” cannot be reached: AUDIT_CHECKPOINT_FILE cannot be written" in page


def test_the_number_of_queries_does_not_grow_with_the_entries(otto: Client, django_assert_num_queries: Any) -> None:
    def load(number: int) -> int:
        for _ in range(number):
            factories.approved(note="Note.")
        with django_assert_num_queries(100, exact=False) as counted:
            otto.get("/audit/")
        return len(counted)

    load(1)
    assert load(1) == load(5)
