"""Every combination of the audit page's filters walks one index from the place where its entries begin."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from requests_app.models import AuditEntry
from requests_app.queries import audit
from tests.benchmarks import long_log
from tests.people import actor, person

pytestmark = pytest.mark.django_db
# Enough for PostgreSQL to choose as it would with millions, not as for a table of a few pages.
ENTRIES = 20_000
TICKET, ACTION = "DSR-000700", long_log.ACTIONS[3].value
EXPLAIN = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"


@pytest.fixture
def staff() -> list[int]:
    """Four people and their long log."""
    people = [person(name).pk for name in ("ada", "ben", "dora", "otto")]
    long_log.grow(ENTRIES, people)
    return people


def filters_of(people: list[int]) -> list[audit.Filters]:
    """Whatever the form can ask for."""
    choices = product(
        (None, long_log.day(300).date()),
        (None, long_log.day(500).date()),
        (None, audit.WORKER, people[1]),
        ("", ACTION),
        ("", TICKET),
    )
    return [audit.Filters(*choice) for choice in choices]


def wanted_index(filters: audit.Filters) -> str:
    """The index that answers these filters from its one end of the range on."""
    if filters.ticket:
        return "audit_ticket"
    who = {None: "", audit.WORKER: "nobody"}.get(filters.actor, "person")
    if who:
        return f"audit_{who}_action" if filters.action else f"audit_{who}"
    return "audit_action_at" if filters.action else "audit_at"


def plan_of(filters: audit.Filters, **cursor: int) -> list[str]:
    """What the database says about reading a page: all of its queries that look into the log."""
    asked: list[tuple[str, Any]] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        audit.page_of(filters, actor("otto"), **cursor)
    lines = []
    with audit._fewest_entries_first(), connection.cursor() as question:
        for sql, params in asked:
            if f'FROM "{AuditEntry._meta.db_table}"' in sql:
                question.execute(f"{EXPLAIN} {sql}", params)
                lines += [str(row[-1]) for row in question.fetchall()]
    return lines


@pytest.mark.parametrize("known", ["with statistics", "without"])
def test_no_filter_reads_the_log_through_or_sorts_it(staff: list[int], known: str) -> None:
    if known == "without" and connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM sqlite_stat1")
            cursor.execute("ANALYZE sqlite_master")
    troubles = []
    for filters in filters_of(staff):
        for cursor_words in ({}, {"before": 12_000}, {"after": 12_000}):
            plan = plan_of(filters, **cursor_words)
            index = wanted_index(filters)
            # Without filters the newest entries stand at one end of the index: SQLite calls that a scan of it.
            walks = f"SCAN requests_app_auditentry USING INDEX {index}"
            read = [line for line in plan if re.search(r"SCAN |Seq Scan|Bitmap|Sort|TEMP B-TREE", line)]
            if [line for line in read if line != walks or filters.any] or not any(index in line for line in plan):
                troubles.append((filters, cursor_words, plan))
    assert troubles == [], troubles[0]


def test_filters_find_what_they_say_in_any_combination(staff: list[int]) -> None:
    everything = list(AuditEntry.objects.all())
    for filters in filters_of(staff):
        fitting = sorted(
            (
                entry
                for entry in everything
                if (not filters.since or timezone.localdate(entry.at) >= filters.since)
                and (not filters.until or timezone.localdate(entry.at) <= filters.until)
                and (filters.actor is None or (entry.actor_id or audit.WORKER) == filters.actor)
                and (not filters.action or entry.action == filters.action)
                and (not filters.ticket or entry.ticket_reference == filters.ticket)
            ),
            key=lambda entry: (entry.at, entry.seq),
            reverse=True,
        )
        found = audit.page_of(filters, actor("otto"))

        assert [line.seq for line in found.lines] == [entry.seq for entry in fitting[: audit.PAGE]]
        assert found.older is (len(fitting) > audit.PAGE)


def test_times_that_do_not_follow_the_numbers_lose_no_entry(staff: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "PAGE", 7)
    moment, other = long_log.day(800), long_log.day(799)
    first = ENTRIES + 1
    AuditEntry.objects.bulk_create(
        AuditEntry(
            seq=first + place,
            # Ten share a moment, and every third is from a clock that is behind.
            at=other if place % 3 == 0 else moment,
            action=ACTION,
            actor_id=staff[0],
            actor_role="agent",
            prev_hash=f"c{place:063x}",
            hash=f"d{place:063x}",
        )
        for place in range(40)
    )
    filters = audit.Filters(since=other.date(), actor=staff[0])
    wanted = [first + place for place in reversed(range(40)) if place % 3]
    wanted += [first + place for place in reversed(range(40)) if not place % 3]

    found, seen, page = [], [], audit.page_of(filters, actor("otto"))
    while True:
        seen.append([line.seq for line in page.lines])
        found += seen[-1]
        if not page.older:
            break
        page = audit.page_of(filters, actor("otto"), before=found[-1])
    back = audit.page_of(filters, actor("otto"), after=seen[-1][0])

    assert found == wanted
    assert [line.seq for line in back.lines] == seen[-2]


def test_the_page_asks_as_often_with_any_filters(staff: list[int], django_assert_num_queries: Any) -> None:
    client = Client()
    client.force_login(person("otto"))
    counts = set()
    queries = ({"actor": staff[1]}, {"actor": staff[2], "action": ACTION}, {"since": "2025-01-01", "actor": staff[0]})
    for query in queries:
        with django_assert_num_queries(100, exact=False) as counted:
            client.get("/audit/", query)
        counts.add(len(counted))
    assert len(counts) == 1
