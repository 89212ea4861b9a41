"""Reports: each number counted once more from the audit log alone, and each leading to its tickets."""

from __future__ import annotations

import csv
import io
import random
import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from requests_app.audit_actions import AuditAction
from requests_app.enums import (
    ANSWERED_STATES,
    OPEN_STATES,
    Channel,
    ExtensionGround,
    Ground,
    Kind,
    Outcome,
    PauseOfClock,
    Refusal,
    State,
    Verb,
)
from requests_app.models import AuditEntry, StreamApp, Ticket
from requests_app.queries import reports
from requests_app.queries.filters import NOT_STATED, read
from requests_app.queries.reports import Period
from requests_app.workflow import aftercare, closing, outcomes, refusing, states, tickets, time_limit
from requests_app.workflow.urgency import Urgency, urgency
from tests import factories, step_events
from tests.people import actor, signed_in

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 25)
OTHER_ENDS = ("cancelled", "waiting", "untold")
REFUSALS = ("11_2", "12_5_excessive")
PERIOD = Period(date(2026, 1, 1), TODAY)
CLOCK = [
    action.value
    for action in (
        AuditAction.CLOCK_EXTENDED,
        AuditAction.CLOCK_PAUSED,
        AuditAction.CLOCK_GOES_ON,
        AuditAction.CLOCK_COUNTED,
    )
]
LIFECYCLE = [states.AUDIT_ACTIONS[verb].value for verb in Verb]


def noon(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time(12)))


def second_app() -> StreamApp:
    app, _ = StreamApp.objects.get_or_create(
        name="second", defaults={"base_url": factories.NOWHERE, "api_key": "k", "identity_required": False}
    )
    factories.cover_sheet(app)
    return app


def answer(ticket: Ticket, on: date, *, how: str, told_after: int = 0) -> None:
    """Bring a ticket to an end on a day, by the verbs with the clock of that day; its case is closed days later."""
    now = noon(on)
    if how == "draft":
        return
    if how == "cancelled":
        tickets.cancel(ticket, actor=actor("ada"), now=now)
        return
    tickets.submit(ticket, actor=actor("ada"), now=now)
    if how == "waiting":
        return
    if how == "refused":
        told = {
            "note": "Not theirs.",
            "code": REFUSALS[ticket.pk % 2],
            "evidence": "Ten letters.",
            "override_late": True,
        }
        refusing.refuse(ticket, actor=actor("dora"), now=now, **told)
        close(ticket, now=now, after=told_after)
        return
    factories.approval.approve(
        ticket,
        actor=actor("dora"),
        now=now,
        confirm_user_id=ticket.plan["user_ids"][0],
        send_if_absent=False,
        ground="17_1_a" if ticket.kind == Kind.ERASE else "",
        **factories.seen(ticket, at=now),
    )
    factories.begin.begin_approved(actor=factories.WORKER, now=now)
    for step in ticket.steps.all():
        (step_events.find_nobody if how == "nothing" else step_events.finish)(step, at=now)
    outcomes.settle_all([ticket.pk], actor=factories.WORKER, now=now)
    ticket.refresh_from_db()
    if how == "untold":
        return
    close(ticket, now=now, after=told_after)
    if how == "restored":
        aftercare.restore(ticket, actor=actor("dora"), now=noon(on + timedelta(days=40)), note="By mistake.")


def close(ticket: Ticket, *, now: datetime, after: int) -> None:
    """Tell everybody and close the case, days after the end: only then the person has the answer."""
    later = min(now + timedelta(days=after), noon(TODAY))
    closing.answer(factories.told(ticket, now=later), actor=actor("ben"), now=later)


def stop_the_clock(ticket: Ticket, dice: random.Random) -> None:
    """Some are extended, some are paused, some both."""
    day = min(TODAY, ticket.received_on + timedelta(days=3))
    if dice.random() < 0.25:
        time_limit.extend(
            ticket,
            actor=actor("dora"),
            now=noon(day),
            ground=ExtensionGround.COMPLEXITY,
            reason="Many channels.",
            notice_on=day,
            notice_channel=Channel.EMAIL,
        )
    if dice.random() < 0.25:
        words = {"kind": PauseOfClock.CLARIFICATION, "asked_on": day, "question": "Which account?"}
        pause = time_limit.ask(ticket, actor=actor("ada"), now=noon(day), **words)
        later = min(TODAY, day + timedelta(days=4))
        time_limit.answer(ticket, pause.pk, actor=actor("ada"), now=noon(later), answered_on=later)
    ticket.refresh_from_db()


def populate(number: int, seed: int = 1) -> None:
    """Tickets of all kinds, ends and speeds, over a year, on two apps."""
    dice = random.Random(seed)
    apps = [factories.stream_app(), second_app()]
    for place in range(number):
        received_on = TODAY - timedelta(days=dice.randint(0, 330))
        how = dice.choice(["erased", "erased", "hidden", "exported", "nothing", "refused", "refused", *OTHER_ENDS])
        how = dice.choice(["draft", "restored"]) if place % 12 == 0 else how
        plan = {
            "exported": factories.export_plan,
            "hidden": factories.soft_plan,
            "restored": factories.soft_plan,
        }.get(how, factories.erase_plan)()
        ground = "" if plan.kind is Kind.EXPORT or place % 7 == 0 else dice.choice(list(Ground)).value
        opened_at = noon(min(TODAY, received_on + timedelta(days=dice.randint(0, 2))))
        wanted = factories.intake(plan, dice.choice(apps), received_on=received_on, ground=ground)
        ticket = tickets.open_ticket(wanted, actor=actor("ada"), now=opened_at)
        stop_the_clock(ticket, dice)
        on = min(TODAY, received_on + timedelta(days=dice.randint(2, 45)))
        answer(ticket, on, how=how, told_after=place % 4)


Numbers = tuple[tuple[int, ...], float | None]


@dataclass
class Told:
    """A ticket as its audit entries tell it."""

    kind: str = ""
    app: int = 0
    ground: str = ""
    received_on: date = date.min
    due_on: date = date.min
    state: str = ""
    outcome: str = ""
    refusal: str = ""
    answered_on: date | None = None
    is_told: bool = False
    extended: bool = False
    paused: bool = False

    @property
    def days(self) -> int:
        assert self.answered_on is not None
        return (self.answered_on - self.received_on).days

    @property
    def end(self) -> str:
        return self.state if self.state == State.REFUSED else self.outcome or NOT_STATED


def from_the_log() -> list[Told]:
    """All tickets, from audit entries and nothing else."""
    found: dict[int, Told] = {}
    for entry in AuditEntry.objects.filter(action__in=[*LIFECYCLE, *CLOCK]).order_by("seq"):
        facts, told = entry.facts, found.setdefault(entry.ticket_id or 0, Told())
        if entry.action in CLOCK:
            told.due_on = date.fromisoformat(facts["due_on"])
            told.extended |= entry.action == AuditAction.CLOCK_EXTENDED
            told.paused |= entry.action == AuditAction.CLOCK_PAUSED
            continue
        told.kind, told.app, told.ground = facts["kind"], facts["app"], facts["ground"]
        told.received_on, told.due_on = (date.fromisoformat(facts[name]) for name in ("received_on", "due_on"))
        told.state, told.outcome = facts["to"], str(facts.get("outcome", ""))
        told.refusal = facts.get("refusal", told.refusal)
        told.is_told = entry.action == AuditAction.TICKET_ANSWERED
        if told.is_told and told.answered_on is None:
            told.answered_on = timezone.localdate(entry.at)
    return list(found.values())


def expected(told: Iterable[Told]) -> Numbers:
    rows = list(told)
    in_time = sum(one.days <= (one.due_on - one.received_on).days for one in rows)
    refused = sum(one.state == State.REFUSED for one in rows)
    clock = sum(one.extended for one in rows), sum(one.paused for one in rows)
    return (len(rows), in_time, refused, *clock), statistics.median([one.days for one in rows]) if rows else None


def numbers(tally: reports.Tally) -> Numbers:
    counts = (tally.answered, tally.on_time, tally.refused, tally.extended, tally.paused)
    return counts, tally.median


def test_every_number_is_the_same_counted_from_the_audit_log_alone() -> None:
    populate(110)
    told = from_the_log()

    for period in (PERIOD, Period(date(2026, 3, 10), date(2026, 7, 4))):
        compare(told, period)


def compare(told: list[Told], period: Period) -> None:
    """Hold the report of the period against what the log tells."""
    answered = [one for one in told if one.answered_on and period.first <= one.answered_on <= period.last]
    found = reports.report(actor("dora"), period, TODAY)

    assert len(answered) > 20
    assert {one.refusal for one in answered} > {""}
    assert numbers(found.total.tally) == expected(answered)
    keys = {
        "month": lambda one: f"{one.answered_on:%Y-%m}",
        "kind": lambda one: Kind(one.kind).label,
        "ground": lambda one: Ground(one.ground).label if one.ground else "Not stated",
        "outcome": lambda one: (
            {State.REFUSED.value: "Refused", NOT_STATED: "Opened again"}.get(one.end) or Outcome(one.end).label
        ),
        "refusal": lambda one: Refusal(one.refusal).label,
        "app": lambda one: StreamApp.objects.get(pk=one.app).name,
    }
    for table in found.tables:
        rows = [one for one in answered if table.name != "ground" or one.kind == Kind.ERASE]
        rows = [one for one in rows if table.name != "refusal" or one.refusal]
        groups: dict[str, list[Told]] = {}
        for one in rows:
            groups.setdefault(keys[table.name](one), []).append(one)
        lines = {line.words: numbers(line.tally) for line in table.lines if line.tally.answered}
        assert lines == {words: expected(group) for words, group in groups.items()}, table.name
    still = [one for one in told if one.state in OPEN_STATES]
    by_age = Counter(reports._age((TODAY - one.received_on).days) for one in still)
    assert [one.number for one in found.ages] == [by_age[place] for place in range(5)]
    pressing = Counter(urgency(one.due_on, TODAY) for one in still)
    assert [one.number for one in found.pressing] == [
        pressing[Urgency.LATE],
        pressing[Urgency.URGENT] + pressing[Urgency.SOON],
        sum(one.state in ANSWERED_STATES and not one.is_told for one in told),
    ]


def listed(reader: Client, query: str) -> set[str]:
    """The references of the list behind a link."""
    rows = csv.reader(io.StringIO(reader.get(f"/tickets/list.csv?{query}").getvalue().decode()))
    return {row[0] for row in rows if row and row[0].startswith("DSR")}


def test_each_number_leads_to_exactly_its_tickets(monkeypatch: pytest.MonkeyPatch) -> None:
    populate(70, seed=3)
    monkeypatch.setattr(timezone, "localdate", lambda value=None, timezone=None: TODAY)
    found, dora = reports.report(actor("dora"), PERIOD, TODAY), signed_in("dora")

    lines = [found.total, *(line for table in found.tables for line in table.lines)]
    for line in lines:
        query = line.filters.query()
        assert len(listed(dora, query)) == line.tally.answered, query
        assert len(listed(dora, f"{query}&timing=late")) == line.tally.late, query
        assert len(listed(dora, f"{query}&timing=in_time")) == line.tally.on_time, query
        if "outcome" not in query:
            assert len(listed(dora, f"{query}&outcome=refused")) == line.tally.refused, query
        assert len(listed(dora, f"{query}&clock=extended")) == line.tally.extended, query
        assert len(listed(dora, f"{query}&clock=paused")) == line.tally.paused, query
    for one in (*found.ages, *found.pressing):
        assert len(listed(dora, one.filters.query())) == one.number, one.words


def test_a_restore_does_not_move_the_answer() -> None:
    ticket = factories.draft(factories.soft_plan(), received_on=date(2026, 3, 2))
    answer(ticket, date(2026, 3, 20), how="restored")

    tally = reports.report(actor("dora"), PERIOD, TODAY).total.tally

    assert numbers(tally) == ((1, 1, 0, 0, 0), 18)


def test_the_answer_is_the_closing_of_the_case_and_not_the_end() -> None:
    ticket = factories.draft(factories.soft_plan(), received_on=date(2026, 3, 2))
    answer(ticket, date(2026, 3, 20), how="untold")
    found = reports.report(actor("dora"), PERIOD, TODAY)
    assert (found.total.tally.answered, found.pressing[-1].number) == (0, 1)

    late = noon(ticket.due_on + timedelta(days=1))
    closing.answer(factories.told(ticket, now=late), actor=actor("ben"), now=late)

    found = reports.report(actor("dora"), PERIOD, TODAY)
    assert (found.total.tally.answered, found.total.tally.late, found.pressing[-1].number) == (1, 1, 0)


def test_the_due_date_itself_is_in_time() -> None:
    for days in (0, 1):
        ticket = factories.draft(factories.soft_plan(), received_on=date(2026, 3, 2))
        answer(ticket, ticket.due_on - timedelta(days=1), how="untold")
        day = noon(ticket.due_on + timedelta(days=days))
        closing.answer(factories.told(ticket, now=day), actor=actor("ben"), now=day)

    tally = reports.report(actor("dora"), PERIOD, TODAY).total.tally

    assert (tally.answered, tally.on_time, tally.late) == (2, 1, 1)


def test_stand_ins_are_left_out_unless_there_is_nothing_else() -> None:
    real, stand_in = factories.stream_app(), second_app()
    for app in (real, stand_in):
        answer(factories.draft(app=app, received_on=date(2026, 3, 2)), date(2026, 3, 20), how="refused")
    StreamApp.objects.filter(pk=stand_in.pk).update(is_sandbox=True)
    dora, url = signed_in("dora"), "/reports/?from=2026-01-01&to=2026-06-30"

    page = dora.get(url)
    assert page.context["report"].total.tally.answered == 1
    assert "Every app here stands in for Stream" not in page.content.decode()

    StreamApp.objects.update(is_sandbox=True)
    page = dora.get(url)
    assert page.context["report"].total.tally.answered == 2
    assert "Every app here stands in for Stream" in page.content.decode()


def test_those_who_only_review_are_not_told_of_drafts() -> None:
    factories.draft()
    factories.submitted()
    today = timezone.localdate()

    assert reports.report(actor("dora"), PERIOD, today).open_number == 2
    assert reports.report(actor("otto"), PERIOD, today).open_number == 1


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("from=2026-03-01&to=2026-02-01", "swap From and To"),
        ("from=yesterday", "is no date"),
        ("from=2017-01-01", "since 25 May 2018"),
        ("from=2019-01-01&to=2026-01-01", "at most 60 months"),
        ("to=9999-12-31&from=9999-12-01", "Check the years"),
    ],
)
def test_odd_periods_get_a_sentence(query: str, sentence: str) -> None:
    dora = signed_in("dora")

    page = dora.get(f"/reports/?{query}")
    file = dora.get(f"/reports/report.csv?{query}")

    assert (page.status_code, file.status_code) == (422, 422)
    assert sentence in page.content.decode()
    assert sentence in file.content.decode()


def test_an_empty_house_has_a_report_too() -> None:
    page = signed_in("otto").get("/reports/")

    assert page.status_code == 200
    assert "Nothing was answered in this period." in page.content.decode()


def test_the_file_holds_the_same_numbers_and_is_recorded() -> None:
    answer(factories.draft(received_on=date(2026, 3, 2)), date(2026, 3, 20), how="refused")

    file = signed_in("otto").get("/reports/report.csv?from=2026-01-01&to=2026-06-30")

    rows = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))
    assert rows[1] == ["All", "All answered", "1", "1", "0", "100.0", "18", "1", "0", "0"]
    entry = AuditEntry.objects.get(action=AuditAction.LIST_EXPORTED.value)
    assert entry.facts == {"report": "2026-01-01..2026-06-30"}


def test_the_page_draws_without_inline_styles_and_names_its_charts() -> None:
    answer(factories.draft(received_on=date(2026, 3, 2)), date(2026, 3, 20), how="refused")

    page = signed_in("dora").get("/reports/?from=2026-01-01&to=2026-06-30").content.decode()

    assert "style=" not in page
    assert page.count('<svg role="img"') == 3
    assert page.count("<title id=") == page.count("<desc id=") == 3
    assert 'class="chart-bar good"' in page


def test_the_queries_do_not_grow_with_the_tickets() -> None:
    dora = signed_in("dora")

    def load(number: int) -> int:
        populate(number, seed=number)
        with CaptureQueriesContext(connection) as queries:
            dora.get("/reports/")
        return len(queries)

    load(3)
    assert load(3) == load(40)


def test_the_answered_are_found_by_their_index() -> None:
    populate(30)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    found = Ticket.objects.filter(
        answered_on__gte=date(2026, 6, 1), answered_on__lte=date(2026, 6, 30), stream_app__in=[1, 2]
    )

    plan = found.order_by().values("kind", "state").explain()

    assert connection.vendor != "sqlite" or "COVERING INDEX ticket_answered" in plan


@pytest.mark.parametrize("text", ["..", "2026-02-30..", "2026-01-01", "x..y", "2026-01-01..2026-01-02..", "' OR 1"])
def test_what_is_no_range_narrows_nothing(text: str, rf: Any) -> None:
    assert read(rf.get("/", {"answered": text}).GET).answered == ""


@given(st.lists(st.integers(0, 60), min_size=1, max_size=50))
def test_the_median_is_that_of_the_textbook(days: list[int]) -> None:
    assert reports.median_of(Counter(days)) == statistics.median(days)


def test_nothing_has_no_median() -> None:
    assert reports.median_of({}) is None
