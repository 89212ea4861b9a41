"""What must hold of a request is asked in the workflow: every door gives the same answers, and none lets it in."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from requests_app.enums import Kind
from requests_app.forms.ticket import TicketForm
from requests_app.models import AuditEntry, StreamApp, Ticket
from requests_app.workflow import apps, intake, sheet, tickets
from requests_app.workflow.clock import clock
from requests_app.workflow.permissions import NotPermitted
from requests_app.workflow.policies import UnableTo
from tests import factories
from tests.people import actor

pytestmark = pytest.mark.django_db

BAD: dict[str, tuple[str, Any, str]] = {
    "no e-mail": ("requester_email", "no mail", intake.NO_EMAIL),
    "an e-mail without end": ("requester_email", f"{'a' * 60}@{'b' * 60}.{'c' * 200}.org", intake.NO_EMAIL),
    "no ground": ("ground", "zz", intake.NO_SUCH_GROUND),
    "no channel": ("channel", "pigeon", intake.NO_SUCH_WAY),
    "no identity": ("identity_method", "zz", intake.NO_SUCH_WAY),
    "a name of 5,000": ("requester_name", "N" * 5_000, intake.too_long(intake.MAX_NAME)),
    "a note of 100,000": ("note", "n" * 100_000, intake.too_long(intake.MAX_NOTE)),
    "a zero in the name": ("requester_name", "A\0da", intake.ZERO_CHARACTER),
    "a zero in the note": ("note", "A\0da", intake.ZERO_CHARACTER),
}
# A file has no column for it, or words of its own for what a cell may hold.
NOT_IN_A_FILE = {"no ground", "no channel", "no identity", "a zero in the name", "a zero in the note"}


def form_data(**changes: Any) -> dict[str, Any]:
    good = {
        "kind": Kind.EXPORT.value,
        "stream_app": factories.stream_app().pk,
        "user_ids": "u_1",
        "received_on": timezone.localdate().isoformat(),
        "channel": "email",
        "export_user_data": "on",
    }
    return good | changes


@pytest.mark.parametrize("case", BAD)
def test_no_verb_takes_it(case: str) -> None:
    field, value, sentence = BAD[case]
    bad: dict[str, Any] = {field: value}
    ticket = factories.draft()
    before = Ticket.objects.values().get(), AuditEntry.objects.count()

    with pytest.raises(UnableTo) as opened:
        tickets.open_ticket(factories.intake(**bad), actor=actor("ada"), now=timezone.now())
    with pytest.raises(UnableTo) as edited:
        tickets.edit_ticket(ticket, factories.intake(**bad), actor=actor("ada"), now=timezone.now())

    for refusal in (opened.value, edited.value):
        assert (refusal.field, str(refusal)) == (field, sentence)
    assert (Ticket.objects.values().get(), AuditEntry.objects.count()) == before


@pytest.mark.parametrize("case", BAD)
def test_the_form_says_the_same_at_the_same_field(case: str) -> None:
    field, value, sentence = BAD[case]

    apps = StreamApp.objects.all()
    form = TicketForm(form_data(**{field: value}), today=timezone.localdate(), clock=clock(), apps=apps)

    assert sentence in form.errors[field]


@pytest.mark.parametrize("case", [case for case in BAD if case not in NOT_IN_A_FILE])
def test_a_row_of_a_file_says_the_same_in_the_same_column(case: str) -> None:
    field, value, sentence = BAD[case]
    today = timezone.localdate()

    (row,) = sheet.read(f'request,user_ids,received_on,{field}\nexport,u_1,{today},"{value}"', today=today)

    assert (field, sentence) in [(problem.field, problem.text) for problem in row.problems]


def test_it_names_everything_that_does_not_hold_at_once() -> None:
    today = timezone.localdate()
    good = factories.intake(requester_email="ada@example.org", requester_name="N" * 200, note="n" * 4_000)
    bad = replace(good, requester_email="no mail", ground="zz", received_on=today + timedelta(days=2))

    assert list(intake.problems(good, today=today)) == []
    fields = [problem.field for problem in intake.problems(bad, today=today)]
    assert fields == ["received_on", "ground", "requester_email"]


@pytest.mark.parametrize("who", ["ada", "dora", "otto", "sven"])
def test_nobody_but_an_administrator_saves_an_app_or_writes_down_a_test_of_it(who: str) -> None:
    app = factories.stream_app()
    app.name = "Taken over"

    with pytest.raises(NotPermitted):
        apps.save_app(app, actor=actor(who), now=timezone.now(), changed=["name"])
    with pytest.raises(NotPermitted):
        apps.record_test(app, actor=actor(who), now=timezone.now(), worked=True, finding="It works.")

    assert not StreamApp.objects.filter(name="Taken over").exists()
    assert not AuditEntry.objects.filter(action__in=["app.save", "app.test"]).exists()
