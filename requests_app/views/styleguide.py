"""Every piece of the pages in every state, on one page: to look at, to build from, and for the accessibility test."""

from __future__ import annotations

from datetime import date, timedelta

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from requests_app.enums import AttemptOutcome, Kind, Outcome, State, StepState
from requests_app.queries.activity import Event
from requests_app.queries.tickets import Row, Tag
from requests_app.views.loaders import page
from requests_app.views.paging import Pager

# Nobody of this name is on any Stream app.
SOMEBODY = "u_82c1f0e9"


class Sample(forms.Form):
    """A field of each sort."""

    words = forms.CharField(label="A line of text", help_text="With a hint beneath its name.")
    more = forms.CharField(label="Several lines", required=False, widget=forms.Textarea(attrs={"rows": 2}))
    choice = forms.ChoiceField(label="One of some", choices=[("a", "The first"), ("b", "The second")])
    day = forms.DateField(label="A day", widget=forms.DateInput(attrs={"type": "date"}))
    tick = forms.BooleanField(label="A tick with its sentence", required=False)


@page
@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """For administrators: nothing on it does anything."""
    today = timezone.localdate()
    context = {
        "vocabularies": [
            (_("Tickets"), list(State)),
            (_("Steps"), list(StepState)),
            (_("Outcomes"), list(Outcome)),
            (_("Calls"), list(AttemptOutcome)),
        ],
        "stream_statuses": ["pending", "running", "completed", "failed"],
        "tones": ["", "blue", "amber", "green", "red"],
        "people": ["Ana Ruiz", "Mara Koenig", "Tom Baker", "Lena Vogt", ""],
        "days": [today + timedelta(days=days) for days in (-3, 0, 1, 4, 30)],
        "somebody": SOMEBODY,
        "form": Sample(auto_id="fine_%s"),
        "wrong_form": Sample({"day": "yesterday"}, auto_id="wrong_%s"),
        "rows": [_row(state, number, today) for number, state in enumerate(State, 1)],
        "pagers": [
            Pager(words=_("The first page"), first="", next="?"),
            Pager(words=_("One in the middle"), first="?", next="?"),
            Pager(words=_("All on one page"), first="", next=""),
        ],
        "events": _events(),
    }
    return render(request, "styleguide/page.html", context)


def _row(state: State, number: int, today: date) -> Row:
    erase = number % 2 == 1
    return Row(
        reference=f"DSR-{number:06d}",
        kind=Kind.ERASE if erase else Kind.EXPORT,
        subject=SOMEBODY,
        app="chat-prod-eu",
        opened_by="Ana Ruiz",
        opened_on=today,
        tags=(Tag("hard", "user, messages", True),) if erase else (Tag("", "user data", False),),
        state=state,
        outcome="",
        due_on=today + timedelta(days=5 * number - 10),
        closed=False,
        number=number,
        owner="Tom Baker" if erase else "",
        received_on=today,
        closed_on=None,
        paused=number == 2,
        extended=number == 3,
        refused_late=number == 4,
    )


def _events() -> tuple[Event, ...]:
    now = timezone.now()
    return (
        Event(actor="Mara Koenig", icon="gavel", text=_("approved the ticket"), quote="", at=now),
        Event(actor="", icon="send", text=_("Sent to Stream"), quote="", at=now - timedelta(minutes=3)),
        Event(
            actor="Ana Ruiz",
            icon="note",
            text=_("added a note"),
            quote=_("Confirmed twice by e-mail."),
            at=now - timedelta(hours=5),
        ),
    )
