"""Two people on one ticket, each in a browser of their own: one acts, the other sees it and loses nothing typed."""

from __future__ import annotations

from django.utils import timezone
from playwright.sync_api import Page, expect

from requests_app.enums import State
from requests_app.models import Ticket
from requests_app.workflow import refusing
from tests import factories
from tests.browser.conftest import SignIn
from tests.people import actor, person

# Milliseconds: a page asks every two seconds, and this machine may be busy.
SOON = 10_000
WORDS = "I called the person, who"


def at(page: Page, ticket: Ticket) -> Page:
    page.goto(f"/tickets/{ticket.reference}/")
    page.evaluate("window.sameDocument = true")
    return page


def test_what_one_does_the_other_sees_without_losing_what_they_type(sign_in: SignIn, db: None) -> None:
    ticket = factories.submitted(factories.erase_plan("u_1"))
    ada, dan = at(sign_in("ada"), ticket), at(sign_in("dan"), ticket)
    expect(ada.get_by_text("Dan Dpo is on this page, too")).to_be_visible(timeout=SOON)
    expect(dan.get_by_text("Ada Agent is on this page, too")).to_be_visible(timeout=SOON)
    field = dan.get_by_label("Add a note")
    field.press_sequentially(WORDS)

    ada.get_by_label("Add a note").fill("The person wrote again.")
    ada.get_by_role("button", name="Add the note").click()

    expect(dan.locator("#notes").get_by_text("The person wrote again.")).to_be_visible(timeout=SOON)
    expect(field).to_have_value(WORDS)
    expect(field).to_be_focused()
    assert dan.evaluate("window.sameDocument")


def test_a_decision_of_somebody_else_is_told_beside_the_one_that_is_being_written(sign_in: SignIn, db: None) -> None:
    ticket = factories.submitted(factories.erase_plan("u_1"))
    dan = at(sign_in("dan"), ticket)
    dan.get_by_label("Type the user id to approve").fill("u_1")
    dan.get_by_label("Note for the audit log").fill(WORDS)

    refusing.refuse(ticket, actor=actor("dora"), now=timezone.now(), note="Not the owner of the account.", code="11_2")

    news = dan.get_by_role("status").filter(has_text="Dora Dpo refused the request")
    expect(news).to_be_visible(timeout=SOON)
    expect(dan.get_by_role("heading", level=1)).to_contain_text("Refused")
    expect(dan.get_by_label("Note for the audit log")).to_have_value(WORDS)

    news.get_by_role("button", name="Show").click()
    expect(dan.get_by_role("button", name="Approve erasure")).to_have_count(0)
    expect(dan.get_by_label("What you had written:")).to_have_value(WORDS)
    assert dan.evaluate("window.sameDocument")


def test_a_conflict_is_told_and_the_words_are_kept(sign_in: SignIn, db: None) -> None:
    ticket = factories.submitted(factories.erase_plan("u_1"))
    dan = at(sign_in("dan"), ticket)
    # The page stands still from here on, as on a train in a tunnel.
    dan.route("**/progress/**", lambda route: route.fulfill(status=204))
    dan.get_by_text("Assign", exact=True).first.click()
    dan.get_by_role("combobox", name="Owner").select_option(label="Dan Dpo")
    dan.get_by_label("Hand-over note").fill(WORDS)
    Ticket.objects.filter(pk=ticket.pk).update(owner=person("dora"))

    dan.get_by_role("button", name="Assign").click()

    expect(dan.get_by_role("alert").filter(has_text="Somebody else assigned this ticket")).to_be_visible()
    expect(dan.get_by_label("Hand-over note")).to_have_value(WORDS)
    ticket.refresh_from_db()
    assert (ticket.state, ticket.owner) == (State.AWAITING_DECISION, person("dora"))


def test_whom_a_note_mentions_is_chosen_by_the_keyboard(sign_in: SignIn, db: None) -> None:
    for name in ("ben", "dora", "dan"):
        person(name)
    ada = at(sign_in("ada"), factories.submitted())
    field = ada.get_by_label("Add a note")
    field.press_sequentially("Please look, @d")
    expect(ada.locator(".people [role=option]")).to_have_count(2)
    field.press("ArrowDown")
    expect(ada.locator(".people [aria-selected=true]")).to_contain_text("Dora Dpo")
    field.press("Enter")

    expect(field).to_have_value("Please look, @dora ")
    expect(ada.locator(".people [role=option]")).to_have_count(0)
    field.press_sequentially("today @x")
    expect(ada.locator(".people [role=option]")).to_have_count(0)
    field.press_sequentially(" @b")
    expect(ada.locator(".people [role=option]")).to_have_count(1)
    field.press("Escape")
    expect(ada.locator(".people [role=option]")).to_have_count(0)
