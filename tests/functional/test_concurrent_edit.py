"""Whoever saves second sees what differs, field by field, and overwrites nothing without a choice."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from requests_app.enums import Mode
from requests_app.models import FormDraft, Ticket
from requests_app.workflow import plan as plans
from requests_app.workflow import tickets
from tests import factories
from tests.functional.test_ticket_form import typed
from tests.people import actor, signed_in

pytestmark = pytest.mark.django_db

THEIRS = factories.erase_plan("u_1", "u_2", calls=Mode.HARD, new_channel_owner_id="svc-archive", copy_first=True)


@pytest.fixture
def ticket() -> Ticket:
    return factories.draft(factories.erase_plan("u_1", "u_2"))


@pytest.fixture
def ada() -> Client:
    return signed_in("ada")


def changed_by_ben(ticket: Ticket, **changes: Any) -> Ticket:
    """Ben saves the same draft meanwhile."""
    stored = Ticket.objects.get(pk=ticket.pk)
    told = factories.intake(THEIRS, requester_name="Mia P. Person", **changes)
    return tickets.edit_ticket(stored, told, actor=actor("ben"), now=ticket.opened_at, revision=stored.revision)


def save(ada: Client, ticket: Ticket, **values: Any) -> HttpResponse:
    answer: HttpResponse = ada.post(f"/tickets/{ticket.reference}/edit/", typed(**values))
    return answer


def rows(answer: HttpResponse) -> dict[str, tuple[str, str]]:
    """By the label of the field: what is saved, and what was typed."""
    page = answer.content.decode()
    found = re.findall(r'<fieldset class="card-b differs".*?</fieldset>', page, re.S)
    told = {}
    for row in found:
        legend = re.search(r"<legend>(.*?)</legend>", row)
        saved, own = re.findall(r'<span class="said">(.*?)</span>', row, re.S)
        assert legend is not None
        told[legend[1]] = (saved, own)
    return told


def revision_of(answer: HttpResponse) -> str:
    found = re.search(r'name="revision" value="(\d+)"', answer.content.decode())
    assert found is not None
    return found[1]


def now(ticket: Ticket) -> Ticket:
    return Ticket.objects.get(pk=ticket.pk)


def test_it_tells_what_differs_in_words(ada: Client, ticket: Ticket) -> None:
    changed_by_ben(ticket)

    answer = save(ada, ticket, revision=ticket.revision)

    assert answer.status_code == 409
    assert rows(answer) == {
        "Name of the requester": ("Mia P. Person", "Mia Person"),
        "E-mail of the requester": ("nothing", "mia@example.org"),
        "Feeds data": ("Hard", "Keep"),
        "Calls": ("Hard", "Soft"),
    }
    assert 'value="Mia Person"' in answer.content.decode()


def test_without_a_choice_for_each_nothing_is_saved(ada: Client, ticket: Ticket) -> None:
    changed_by_ben(ticket)
    first = save(ada, ticket, revision=ticket.revision)
    before = Ticket.objects.filter(pk=ticket.pk).values().get()
    asked = {"revision": revision_of(first), "differs": ["requester_name", "calls"], "hold_calls": "typed"}

    answer = save(ada, ticket, **asked)

    assert answer.status_code == 422
    assert answer.content.decode().count("Choose which of the two is to hold.") == 1
    assert 'id="hold_requester_name_error"' in answer.content.decode()
    assert re.search(r'name="hold_calls" value="typed"[^>]* checked', answer.content.decode())
    assert Ticket.objects.filter(pk=ticket.pk).values().get() == before


def test_each_field_holds_what_was_chosen(ada: Client, ticket: Ticket) -> None:
    changed_by_ben(ticket)
    first = save(ada, ticket, revision=ticket.revision)
    chosen = {"hold_requester_name": "saved", "hold_calls": "typed", "hold_user_ids": "saved", "hold_files": "saved"}

    answer = save(
        ada,
        ticket,
        revision=revision_of(first),
        differs=["requester_name", "calls", "user_ids", "files"],
        user_ids="u_3",
        files=None,
        **chosen,
    )

    assert answer.status_code == 302
    stored = now(ticket)
    plan = plans.from_json(stored.plan)
    assert stored.requester_name == "Mia P. Person"
    assert (plan.calls, plan.user_ids, plan.files) == (Mode.SOFT, ("u_1", "u_2"), True)


def test_a_third_save_in_between_is_told_again(ada: Client, ticket: Ticket) -> None:
    changed_by_ben(ticket)
    first = save(ada, ticket, revision=ticket.revision)
    changed_by_ben(ticket, requester_email="mia.p@example.org")

    answer = save(ada, ticket, revision=revision_of(first), differs=["calls"], hold_calls="typed")

    assert answer.status_code == 409
    assert rows(answer)["E-mail of the requester"] == ("mia.p@example.org", "mia@example.org")


def test_made_up_names_of_fields_change_nothing(ada: Client, ticket: Ticket) -> None:
    odd = {"differs": ["nonsense", "csrfmiddlewaretoken", "note"], "hold_nonsense": "saved", "hold_note": "saved"}
    odd |= {"hold_csrfmiddlewaretoken": "saved"}

    assert save(ada, ticket, revision=ticket.revision, **odd).status_code == 302
    assert now(ticket).requester_name == "Mia Person"


def test_a_form_that_is_refused_has_not_seen_what_was_saved_meanwhile(ada: Client, ticket: Ticket) -> None:
    changed_by_ben(ticket)

    refused = save(ada, ticket, revision=ticket.revision, channel="")
    again = save(ada, ticket, revision=revision_of(refused))

    assert (refused.status_code, again.status_code) == (422, 409)
    assert now(ticket).requester_name == "Mia P. Person"


@pytest.mark.parametrize("press", [{"action": "refresh"}, {"channel": ""}])
def test_what_is_still_to_be_chosen_stays_on_a_page_that_comes_back(
    ada: Client, ticket: Ticket, press: dict[str, Any]
) -> None:
    changed_by_ben(ticket)
    first = save(ada, ticket, revision=ticket.revision)
    asked = {"revision": revision_of(first), "differs": ["requester_name", "calls"], "hold_calls": "typed"}

    back = save(ada, ticket, **asked, **press)

    assert rows(back) == {"Name of the requester": ("Mia P. Person", "Mia Person"), "Calls": ("Hard", "Soft")}
    assert save(ada, ticket, **{**asked, "revision": revision_of(back)}).status_code == 422


def keep(ada: Client, ticket: Ticket, **values: Any) -> HttpResponse:
    """The form saves itself."""
    answer: HttpResponse = ada.post("/tickets/new/keep/", typed(draft=ticket.reference, **values, action=None))
    return answer


def test_a_form_that_saves_itself_chooses_for_nobody(ada: Client, ticket: Ticket) -> None:
    changed_by_ben(ticket)
    first = save(ada, ticket, revision=ticket.revision)
    before = Ticket.objects.filter(pk=ticket.pk).values().get()
    asked = {"revision": revision_of(first), "differs": ["requester_name", "calls"], "hold_calls": "typed"}

    waits = keep(ada, ticket, session="a" * 32, **asked)

    assert "Not saved: Choose for each field that differs what is to hold." in waits.content.decode()
    assert Ticket.objects.filter(pk=ticket.pk).values().get() == before
    restored = ada.get(f"/tickets/{ticket.reference}/edit/", {"kept": "a" * 32})
    assert save(ada, ticket, revision=revision_of(restored)).status_code == 409
    keep(ada, ticket, session="a" * 32, **asked, hold_requester_name="saved")
    assert (now(ticket).requester_name, now(ticket).plan["calls"]) == ("Mia P. Person", "soft")


def test_a_revision_that_nobody_made_is_none(ada: Client, ticket: Ticket) -> None:
    assert keep(ada, ticket, session="c" * 32, revision="999", channel="").status_code == 200
    assert FormDraft.objects.get(session="c" * 32).revision == ticket.revision


def test_what_was_left_unfinished_has_not_seen_what_was_saved_meanwhile(ada: Client, ticket: Ticket) -> None:
    session = "b" * 32
    keep(ada, ticket, session=session, revision=ticket.revision, channel="")
    changed_by_ben(ticket)

    page = ada.get(f"/tickets/{ticket.reference}/edit/", {"kept": session})

    assert "Mia Person" in page.content.decode()
    assert save(ada, ticket, revision=revision_of(page)).status_code == 409
