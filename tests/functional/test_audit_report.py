"""The report of a period: true numbers, files that hold what they say, and an entry for each that is taken."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from requests_app.audit import signing
from requests_app.audit_actions import AuditAction
from requests_app.models import AuditCheckpoint, AuditEntry
from requests_app.queries.audit import Filters
from requests_app.queries.audit_report import report
from tests import audit_file, factories, intruder
from tests.canary import EVERYWHERE
from tests.functional.test_checkpoints import make
from tests.people import person, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def otto() -> Client:
    return signed_in("otto")


def body(answer: Any) -> bytes:
    """What was streamed."""
    assert answer.status_code == 200, answer.content[:500]
    return b"".join(answer.streaming_content)


def days(first: int = 0, last: int = 0) -> dict[str, str]:
    """A period by days from today."""
    today = timezone.localdate()
    return {
        "since": (today + timedelta(days=first)).isoformat(),
        "until": (today + timedelta(days=last)).isoformat(),
    }


def moved(seqs: list[int], by: timedelta) -> None:
    """Let these entries be of another time. Their hashes no longer fit."""
    intruder.unprotect()
    for entry in AuditEntry.objects.filter(seq__in=seqs):
        AuditEntry.objects.filter(seq=entry.seq).update(at=entry.at + by)


def rows_of(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body(answer).decode("utf-8-sig"))))


def test_the_numbers_are_those_of_the_entries(otto: Client) -> None:
    factories.completed()
    factories.approved()
    make(timezone.now())
    # Agents approve nothing: that is a refused attempt.
    signed_in("ada").get("/approvals/")

    page = otto.get("/audit/report/", days())

    found, entries = page.context["report"], AuditEntry.objects.all()
    counted = {line.words: line.number for line in found.actions}
    assert found.entries == entries.count() == sum(counted.values())
    assert counted[AuditAction.TICKET_APPROVED.label] == 2
    assert found.tickets == 2
    assert found.refused == entries.filter(action=AuditAction.ATTEMPT_REFUSED).count() == 1
    assert {"Ada Agent", "Dora Dpo", "Portal worker"} <= {line.words for line in found.actors}
    assert sum(line.number for line in found.actors) == found.entries
    assert (found.begin.size, found.end.size) == (0, entries.count())
    assert (found.checkpoints, found.end.head) == (1, entries.latest("seq").hash)


def test_the_ends_of_a_period_are_where_the_chain_stood(otto: Client) -> None:
    factories.draft()
    first = make(timezone.now())
    factories.approved()
    last = make(timezone.now())
    moved(list(range(1, first.size + 1)), timedelta(days=-9))
    today = timezone.localdate()

    found = report(Filters(since=today, until=today))

    assert (found.begin and found.begin.size, found.begin and found.begin.head) == (first.size, first.head)
    assert (found.begin and found.begin.covered, found.end and found.end.covered) == (first.size, last.size)
    assert report(Filters(since=today - timedelta(days=3), until=today - timedelta(days=2))).begin is None


def test_other_filters_narrow_the_counts_and_the_table_alone(otto: Client) -> None:
    ticket = factories.approved()
    factories.approved()
    query = days() | {"ticket": ticket.reference}

    found = otto.get("/audit/report/", query).context["report"]
    table = rows_of(otto.post("/audit/report/csv/", query))
    proof = body(otto.post("/audit/report/proof/", query))

    assert found.tickets == 1
    assert {row["Ticket"] for row in table} == {ticket.reference}
    assert found.end.size > found.entries
    assert len(audit_file.entry_lines(proof)) == AuditEntry.objects.count()


def test_what_was_chosen_stands_on_the_paper(otto: Client) -> None:
    ticket = factories.approved()
    query = days() | {"ticket": ticket.reference, "actor": str(person("dora").pk), "action": "ticket.approve"}

    head = otto.get("/audit/report/", query).content.decode().partition('<form class="filters"')[0]

    assert "Who: Dora Dpo." in head
    assert f"Ticket: {ticket.reference}." in head
    assert "ticket.approve" in head


def test_the_table_holds_each_entry_and_nothing_of_the_person(otto: Client) -> None:
    factories.completed(note="Confirmed by phone.")

    raw = body(otto.post("/audit/report/csv/", days())).decode("utf-8-sig")

    table = list(csv.DictReader(io.StringIO(raw)))
    stored = list(AuditEntry.objects.order_by("at", "seq").values_list("seq", "hash"))
    assert sorted((int(row["Number"]), row["Hash"]) for row in table) == sorted(stored)
    assert [row["Time (UTC)"] for row in table] == sorted(row["Time (UTC)"] for row in table)
    assert "Confirmed by phone." not in raw
    assert [word for word in EVERYWHERE if word in raw] == []


def test_no_cell_of_the_table_is_a_formula(otto: Client) -> None:
    ada = person("ada")
    ada.first_name, ada.last_name = "=HYPERLINK(1)", "x"
    ada.save()
    factories.draft()

    table = rows_of(otto.post("/audit/report/csv/", days()))

    assert "'=HYPERLINK(1) x" in {row["Who"] for row in table}


def test_the_table_is_read_while_it_is_sent(otto: Client, django_assert_max_num_queries: Any) -> None:
    factories.draft()
    answer = otto.post("/audit/report/csv/", days())

    assert answer.streaming
    with django_assert_max_num_queries(8):
        body(answer)


def test_the_file_with_proof_holds_without_the_portal(otto: Client, tmp_path: Path) -> None:
    factories.draft()
    first = make(timezone.now())
    factories.completed(note="Confirmed by phone.")
    moved_to = AuditEntry.objects.latest("seq").seq
    file = tmp_path / "period.jsonl"

    data = body(otto.post("/audit/report/proof/", days()))

    file.write_bytes(data)
    (key,) = (str(key) for key in signing.verifiers())
    done = audit_file.run(file, "--key", key)
    assert (done.returncode, "INTACT" in done.stdout) == (0, True), done.stdout
    assert b"Confirmed by phone." not in data
    # What the download itself wrote is in the file, and the newest signature covers all of it.
    size = AuditCheckpoint.objects.latest("size").size
    assert len(audit_file.entry_lines(data)) == size > moved_to > first.size
    changed = data.replace(b'"action":"ticket.open"', b'"action":"ticket.edit"', 1)
    file.write_bytes(changed)
    assert audit_file.run(file, "--key", key).returncode == 1


def test_a_period_that_is_over_goes_on_to_the_next_signature(otto: Client, tmp_path: Path) -> None:
    factories.draft()
    factories.draft()
    size = make(timezone.now()).size
    # Only the first two entries are of that day; the signature over them came later.
    moved([1, 2], timedelta(days=-9))
    intruder.rewrite(intruder.tail(1), start=1)
    AuditCheckpoint.objects.all().delete()
    size = make(timezone.now()).size

    data = body(otto.post("/audit/report/proof/", days(-9, -9)))

    assert len(audit_file.entry_lines(data)) == size
    file = tmp_path / "period.jsonl"
    file.write_bytes(data)
    (key,) = (str(key) for key in signing.verifiers())
    assert audit_file.run(file, "--key", key).returncode == 0


@pytest.mark.parametrize(("path", "form"), [("csv", "csv"), ("proof", "jsonl")])
def test_each_file_is_an_entry_with_its_filters(otto: Client, path: str, form: str) -> None:
    factories.draft()

    body(otto.post(f"/audit/report/{path}/", days()))

    entry = AuditEntry.objects.get(action=AuditAction.AUDIT_EXPORTED)
    assert entry.actor_id == person("otto").pk
    assert entry.facts | days() | {"form": form, "texts": False} == entry.facts


def test_nothing_is_handed_out_of_a_log_that_cannot_be_signed(otto: Client) -> None:
    factories.draft()
    intruder.unprotect()
    intruder.alter(1, actor_name="eve")

    page = otto.post("/audit/report/proof/", days())

    assert page.status_code == 409
    assert "No file was made" in page.content.decode()


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"since": "soon"}, "is no date"),
        ({"since": "2026-11-02", "until": "2026-11-01"}, "swap From and To"),
        ({"since": "2024-01-01", "until": "2026-01-01"}, "at most 366 days"),
    ],
)
def test_a_period_that_is_none_answers_422(otto: Client, query: dict[str, str], sentence: str) -> None:
    for answer in (otto.get("/audit/report/", query), otto.post("/audit/report/csv/", query)):
        assert answer.status_code == 422
        assert sentence in answer.content.decode()
    assert not AuditEntry.objects.filter(action=AuditAction.AUDIT_EXPORTED).exists()


def test_the_report_asks_as_often_however_much_there_is(otto: Client, django_assert_num_queries: Any) -> None:
    def load(number: int) -> int:
        for _ in range(number):
            factories.approved()
        with django_assert_num_queries(100, exact=False) as counted:
            otto.get("/audit/report/", days())
        return len(counted)

    load(1)
    assert load(1) == load(5)


def test_who_may_take_it_is_led_there(otto: Client) -> None:
    factories.draft()

    assert "/audit/report/" in otto.get("/audit/").content.decode()
    assert "/audit/report/" not in signed_in("ruth").get("/audit/").content.decode()
