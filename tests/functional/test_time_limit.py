"""Extending the time, stopping the clock, and counting anew when the settings change: on the page and in the data."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from requests_app.audit_actions import AuditAction
from requests_app.enums import Channel, ExtensionGround, PauseOfClock
from requests_app.models import AuditEntry, ClockPause, Extension, Ticket
from requests_app.upkeep import deadlines
from requests_app.workflow import closing, refusing, tickets, time_limit
from requests_app.workflow import plan as plans
from requests_app.workflow.permissions import NotPermitted
from requests_app.workflow.policies import UnableTo
from tests import factories
from tests.factories import WORKER
from tests.people import actor, person, signed_in

pytestmark = pytest.mark.django_db

# Received on a Monday; a month later is Wednesday 23 December.
RECEIVED = date(2026, 11, 23)
DUE = date(2026, 12, 23)


def at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


@pytest.fixture
def ticket() -> Ticket:
    """One that waits for the DPO, received on that Monday whatever today is."""
    made = factories.submitted()
    Ticket.objects.filter(pk=made.pk).update(received_on=RECEIVED, due_on=DUE, refuse_by_on=DUE)
    made.refresh_from_db()
    return made


def extend(ticket: Ticket, *, who: str = "dora", now: date = RECEIVED, **changes: Any) -> Extension:
    values: dict[str, Any] = {
        "ground": ExtensionGround.COMPLEXITY,
        "reason": "Three thousand channels.",
        "notice_on": now,
        "notice_channel": Channel.EMAIL,
    }
    return time_limit.extend(ticket, actor=actor(who), now=at(now), **(values | changes))


def ask(ticket: Ticket, *, who: str = "ada", now: date = RECEIVED, **changes: Any) -> ClockPause:
    values: dict[str, Any] = {
        "kind": PauseOfClock.IDENTITY,
        "asked_on": now,
        "question": "The address is unknown to us.",
    }
    return time_limit.ask(ticket, actor=actor(who), now=at(now), **(values | changes))


def dates(ticket: Ticket) -> tuple[date, date | None]:
    ticket.refresh_from_db()
    return ticket.due_on, ticket.refuse_by_on


def test_an_extension_moves_the_answer_and_not_the_refusal(ticket: Ticket) -> None:
    extend(ticket)

    assert dates(ticket) == (date(2027, 2, 23), DUE)
    entry = AuditEntry.objects.get(action=AuditAction.CLOCK_EXTENDED.value)
    assert (entry.facts["due_on_before"], entry.facts["due_on"]) == ("2026-12-23", "2027-02-23")
    assert "Three thousand" not in str(entry.facts)


def test_the_clock_stands_from_the_question_to_the_answer(ticket: Ticket) -> None:
    pause = ask(ticket, now=date(2026, 11, 25))
    time_limit.answer(ticket, pause.pk, actor=actor("ada"), now=at(date(2026, 12, 2)), answered_on=date(2026, 12, 1))

    assert dates(ticket) == (date(2026, 12, 29), date(2026, 12, 29))
    assert [entry.action for entry in AuditEntry.objects.filter(action__startswith="clock.").order_by("seq")] == [
        "clock.ask",
        "clock.answer",
    ]


LATE = DUE + timedelta(days=1)
REFUSED: dict[str, tuple[Callable[[Ticket], object], str, str]] = {
    "twice": (lambda ticket: (extend(ticket), extend(ticket)), "allows it once", ""),
    "too late": (lambda ticket: extend(ticket, now=LATE, notice_on=DUE), "It is over", ""),
    "told too late": (lambda ticket: extend(ticket, notice_on=LATE, now=DUE), "in the future", "notice_on"),
    "told before": (lambda ticket: extend(ticket, notice_on=RECEIVED - timedelta(days=1)), "before the", "notice_on"),
    "no reason": (lambda ticket: extend(ticket, reason=" "), "Write why", "note"),
    "asked tomorrow": (lambda ticket: ask(ticket, asked_on=RECEIVED + timedelta(days=1)), "in the future", "asked_on"),
    "asked before": (lambda ticket: ask(ticket, asked_on=RECEIVED - timedelta(days=1)), "before the", "asked_on"),
    "asked too late": (lambda ticket: ask(ticket, now=LATE), "what is over", "asked_on"),
    "asked twice": (lambda ticket: (ask(ticket), ask(ticket)), "asked this already", "kind"),
    "no question": (lambda ticket: ask(ticket, question=""), "reasonable", "note"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_hold_changes_nothing(ticket: Ticket, case: str) -> None:
    act, words, field = REFUSED[case]

    with pytest.raises(UnableTo, match=words) as refused:
        act(ticket)

    assert refused.value.field == field
    assert ClockPause.objects.count() + Extension.objects.count() == case.endswith("twice")


def test_an_answer_comes_after_its_question_and_once(ticket: Ticket) -> None:
    pause = ask(ticket)
    for day, words in ((RECEIVED - timedelta(days=1), "before the question"), (DUE, "in the future")):
        with pytest.raises(UnableTo, match=words):
            time_limit.answer(ticket, pause.pk, actor=actor("ada"), now=at(RECEIVED), answered_on=day)
    time_limit.answer(ticket, pause.pk, actor=actor("ada"), now=at(RECEIVED), answered_on=RECEIVED)
    with pytest.raises(UnableTo, match="answered already"):
        time_limit.answer(ticket, pause.pk, actor=actor("ada"), now=at(RECEIVED), answered_on=RECEIVED)


def test_who_may(ticket: Ticket) -> None:
    with pytest.raises(NotPermitted, match="extends the time"):
        extend(ticket, who="ada")
    with pytest.raises(NotPermitted, match="stop the clock"):
        ask(ticket, who="otto")
    assert AuditEntry.objects.filter(action=AuditAction.ATTEMPT_REFUSED.value).count() == 2


def test_a_closed_ticket_keeps_its_dates() -> None:
    closed = factories.cancelled()
    with pytest.raises(UnableTo, match="closed"):
        extend(closed, now=closed.received_on)


def test_the_database_keeps_it_too(ticket: Ticket) -> None:
    pause = ask(ticket)
    with pytest.raises(IntegrityError), transaction.atomic():
        ClockPause.objects.filter(pk=pause.pk).update(
            answered_on=RECEIVED - timedelta(days=1), answered_by=person("ada")
        )
    with pytest.raises(IntegrityError), transaction.atomic():
        ClockPause.objects.create(
            ticket=ticket, kind=pause.kind, question="x", asked_on=RECEIVED, asked_by=person("ada")
        )


def test_an_edit_keeps_the_extension() -> None:
    ticket = factories.draft()
    today = ticket.received_on
    extend(ticket, now=today)
    due_on, _ = dates(ticket)
    ticket = Ticket.objects.get(pk=ticket.pk)

    from_form = factories.intake(factories.erase_plan(*ticket.plan["user_ids"]), received_on=today)
    edited = factories.tickets.edit_ticket(ticket, from_form, actor=actor("ada"), now=at(today))

    assert dates(edited)[0] == due_on


def test_changed_settings_count_open_tickets_anew_and_leave_closed_ones(settings: Any, ticket: Ticket) -> None:
    now = at(RECEIVED)
    deadlines.recompute(WORKER, now)
    closed = factories.cancelled()
    Ticket.objects.filter(pk=closed.pk).update(received_on=date(2026, 5, 4), due_on=date(2026, 6, 4))
    Ticket.objects.filter(pk=ticket.pk).update(received_on=date(2026, 5, 4), due_on=date(2026, 6, 4))
    assert deadlines.recompute(WORKER, now) == 0

    settings.DSR_HOLIDAYS = "DE-BY"

    assert deadlines.recompute(WORKER, now) == 1
    assert dates(ticket)[0] == date(2026, 6, 5)
    assert dates(closed)[0] == date(2026, 6, 4)
    entry = AuditEntry.objects.filter(action=AuditAction.CLOCK_COUNTED.value).latest("seq")
    assert (entry.facts["due_on_before"], entry.facts["due_on"]) == ("2026-06-04", "2026-06-05")
    assert deadlines.recompute(WORKER, now) == 0


def test_while_the_clock_stands_the_date_moves_on_each_day(ticket: Ticket) -> None:
    ask(ticket)
    deadlines.recompute(WORKER, at(RECEIVED))

    deadlines.recompute(WORKER, at(RECEIVED + timedelta(days=8)))

    assert dates(ticket)[0] == date(2026, 12, 31)


def test_the_command_says_what_it_did(ticket: Ticket, capsys: Any) -> None:
    Ticket.objects.update(due_on=date(2030, 1, 1))

    call_command("recompute_deadlines")

    assert "1 ticket has other dates now." in capsys.readouterr().out


def test_the_page_tells_each_date_and_takes_the_forms() -> None:
    ticket = factories.submitted()
    today = ticket.received_on.isoformat()
    ada, dora = signed_in("ada"), signed_in("dora")

    asked = ada.post(
        f"/tickets/{ticket.reference}/ask/", {"kind": "identity", "note": "Unknown address.", "asked_on": today}
    )
    page = dora.get(f"/tickets/{ticket.reference}/").content.decode()

    assert asked.status_code == 302
    assert "Unknown address." in page
    assert "Refusal until" in page
    assert "The answer came" in page

    wrong = dora.post(
        f"/tickets/{ticket.reference}/extend/",
        {"ground": "complexity", "note": "Much.", "notice_on": "2099-01-01", "notice_channel": "email"},
    )
    assert wrong.status_code == 422
    assert "cannot have been told in the future" in wrong.content.decode()
    assert not Extension.objects.exists()


def test_whoever_only_reviews_reads_no_question() -> None:
    ticket = factories.submitted()
    ask(ticket, now=ticket.received_on)

    page = signed_in("otto").get(f"/tickets/{ticket.reference}/").content.decode()

    assert "not answered yet" in page
    assert "The address is unknown to us." not in page
    assert "Stop the clock" not in page


def test_a_refusal_that_comes_too_late_takes_the_officers_word_and_is_flagged() -> None:
    ticket = factories.submitted()
    Ticket.objects.filter(pk=ticket.pk).update(received_on=RECEIVED - timedelta(days=200))
    ticket.refresh_from_db()
    told: dict[str, Any] = {"note": "Not the owner.", "code": "11_2"}

    with pytest.raises(UnableTo, match="no extension moves") as refused:
        refusing.refuse(ticket, actor=actor("dora"), now=at(RECEIVED), **told)
    assert refused.value.field == "override_late"

    refusing.refuse(ticket, actor=actor("dora"), now=at(RECEIVED), override_late=True, **told)

    assert Ticket.objects.get().refused_late
    assert AuditEntry.objects.get(action=AuditAction.TICKET_REFUSED.value).facts["late"] is True


def test_no_case_is_closed_while_a_question_is_open() -> None:
    ticket = factories.submitted()
    pause = ask(ticket, now=ticket.received_on)
    factories.refusing.refuse(ticket, actor=actor("dora"), now=at(ticket.received_on), note="No.", code="11_2")
    assert any("answer is open" in sentence for sentence in closing.missing(ticket))
    due_on, _ = dates(ticket)

    time_limit.answer(ticket, pause.pk, actor=actor("ada"), now=at(ticket.received_on), answered_on=ticket.received_on)

    assert not any("answer is open" in sentence for sentence in closing.missing(ticket))
    assert dates(ticket)[0] == due_on


def moved(ticket: Ticket, received_on: date) -> Ticket:
    """Edit nothing but the day of receipt."""
    again = factories.intake(plans.from_json(ticket.plan), ticket.stream_app, received_on=received_on)
    return tickets.edit_ticket(ticket, again, actor=actor("ada"), now=timezone.now())


def in_hand(days_ago: int) -> Ticket:
    return factories.draft(received_on=timezone.localdate() - timedelta(days=days_ago))


def test_the_day_of_receipt_does_not_pass_a_question() -> None:
    made, today = in_hand(10), timezone.localdate()
    asked_on = today - timedelta(days=4)
    time_limit.ask(
        made,
        actor=actor("ada"),
        now=timezone.now(),
        kind=PauseOfClock.CLARIFICATION,
        asked_on=asked_on,
        question="Which?",
    )

    with pytest.raises(UnableTo, match="The person was asked something on") as refused:
        moved(made, asked_on + timedelta(days=1))

    assert refused.value.field == "received_on"
    assert moved(made, asked_on).received_on == asked_on


def test_the_day_of_receipt_does_not_pass_the_notice_of_an_extension_nor_make_it_late() -> None:
    made, today = in_hand(10), timezone.localdate()
    told_on = today - timedelta(days=2)
    time_limit.extend(
        made,
        actor=actor("dora"),
        now=timezone.now(),
        ground=ExtensionGround.COMPLEXITY,
        reason="Many.",
        notice_on=told_on,
        notice_channel=Channel.EMAIL,
    )

    with pytest.raises(UnableTo, match="The person was told of the extension on"):
        moved(made, told_on + timedelta(days=1))
    with pytest.raises(UnableTo, match="before the person was told of the extension"):
        moved(made, told_on - timedelta(days=60))
    assert moved(made, told_on - timedelta(days=3)).received_on == told_on - timedelta(days=3)


def page_of(ticket: Ticket) -> str:
    client = signed_in("ada")
    return " ".join(client.get(f"/tickets/{ticket.reference}/").content.decode().split())


def test_each_date_has_its_reason_beside_it() -> None:
    page = page_of(factories.draft())

    assert "10 days before the answer is due, or the working day before that." in page
    assert "One month after receipt on" in page
    assert "Art. 12(4) GDPR." in page


def test_the_card_of_a_closed_ticket_shows_what_it_was_answered_by(settings: Any) -> None:
    closed = factories.cancelled()
    Ticket.objects.filter(pk=closed.pk).update(target_on=date(2019, 5, 6), refuse_by_on=date(2019, 5, 7))

    page = page_of(closed)

    assert "6 May 2019" in page
    assert "7 May 2019" in page
    assert "counted by the settings that held until the ticket was closed" in page


def test_more_that_is_asked_after_the_due_date_is_kept_and_stops_nothing() -> None:
    made = in_hand(120)
    client = signed_in("ada")

    typed = {"method": "document", "result": "more", "doubt": "Two people share the address."}
    answer = client.post(f"/tickets/{made.reference}/identity/", typed, follow=True)

    assert "so the clock does not stand" in answer.content.decode()
    assert made.identity_checks.get().doubt == "Two people share the address."
    assert not made.clock_pauses.exists()


def test_the_lists_mark_what_is_special_about_the_clock() -> None:
    plain, paused, extended = (factories.submitted() for _ in range(3))
    ask(paused, now=timezone.localdate())
    extend(extended, now=timezone.localdate())
    late = factories.refused()
    Ticket.objects.filter(pk=late.pk).update(refused_late=True)
    client = signed_in("dora")

    rows = {row.number: row for row in client.get("/tickets/?view=all").context["rows"]}
    told = {pk: (row.paused, row.extended, row.refused_late) for pk, row in rows.items()}

    assert told[plain.pk] == (False, False, False)
    assert told[paused.pk] == (True, False, False)
    assert told[extended.pk] == (False, True, False)
    assert told[late.pk] == (False, False, True)
    for page in ("/tickets/", "/approvals/"):
        text = client.get(page).content.decode()
        assert text.count("#hourglass") >= 1
        assert ">paused<" in text.replace(" ", "")
        assert "extended" in text
