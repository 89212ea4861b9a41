"""What goes wrong between a person and the portal: no session, no connection, the back button, an impatient finger."""

from __future__ import annotations

from django.contrib.sessions.models import Session
from playwright.sync_api import Page, Route, expect

from requests_app.enums import State
from requests_app.models import Decision, Note, StreamApp, Ticket
from tests import factories
from tests.browser.conftest import SignIn
from tests.patience import until
from tests.people import PASSWORD, person

WORDS = "Confirmed twice by e-mail."
COUNT_TOASTS = """
window.toasts = 0;
new MutationObserver(() => { window.toasts += document.querySelector("#toasts").children.length; })
  .observe(document.querySelector("#toasts"), { childList: true });
"""


def at_a_note(page: Page, ticket: Ticket) -> None:
    # Its own asking for news would meet what the test does to it, at a moment of its own.
    page.route("**/progress/**", lambda route: route.fulfill(status=204))
    page.goto(f"/tickets/{ticket.reference}/")
    page.get_by_label("Add a note").fill(WORDS)


def test_an_old_session_loses_nothing_that_was_typed(sign_in: SignIn, app: StreamApp) -> None:
    ticket = factories.submitted(factories.erase_plan("marie.curie"), app=app)
    ada = sign_in("ada")
    at_a_note(ada, ticket)
    Session.objects.all().delete()

    ada.get_by_role("button", name="Add the note").click()
    dialog = ada.get_by_role("dialog", name="You were signed out")
    expect(dialog).to_be_visible()
    with ada.context.expect_page() as opened:
        dialog.get_by_role("link", name="Sign in in another window").click()
    other = opened.value
    other.get_by_label("Username").fill("ada")
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    expect(other.get_by_role("heading", level=1)).to_have_text("My work")
    other.close()
    ada.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(dialog).to_be_hidden()
    ada.get_by_role("button", name="Add the note").click()

    expect(ada.get_by_text(WORDS).first).to_be_visible()
    assert [note.text for note in Note.objects.all()] == [WORDS]


def as_somebody_else(page: Page) -> None:
    """The session of this browser ends, and dora signs in in another window of it."""
    Session.objects.all().delete()
    other = page.context.new_page()
    other.goto("/accounts/login/")
    other.get_by_label("Username").fill("dora")
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    expect(other.get_by_role("heading", level=1)).to_have_text("My work")


def test_somebody_else_in_the_same_browser_does_not_write_in_ones_name(sign_in: SignIn, app: StreamApp) -> None:
    ticket = factories.submitted(factories.erase_plan("marie.curie"), app=app)
    person("dora")
    ada = sign_in("ada")
    at_a_note(ada, ticket)
    as_somebody_else(ada)

    ada.get_by_role("button", name="Add the note").click()

    expect(ada.get_by_text("Somebody else is signed in in this browser now.").first).to_be_visible()
    assert not Note.objects.exists()


def test_whoever_comes_back_to_somebody_elses_session_is_told(sign_in: SignIn, app: StreamApp) -> None:
    ticket = factories.submitted(factories.erase_plan("marie.curie"), app=app)
    person("dora")
    ada = sign_in("ada")
    at_a_note(ada, ticket)
    Session.objects.all().delete()
    ada.get_by_role("button", name="Add the note").click()
    dialog = ada.get_by_role("dialog", name="You were signed out")
    expect(dialog).to_be_visible()
    as_somebody_else(ada)

    ada.evaluate("window.dispatchEvent(new Event('focus'))")

    expect(dialog).to_be_hidden()
    expect(ada.get_by_text("Somebody else is signed in in this browser now.").first).to_be_visible()
    expect(ada.get_by_label("Add a note")).to_have_value(WORDS)


def test_a_lost_connection_loses_nothing_that_was_typed(sign_in: SignIn, app: StreamApp) -> None:
    ticket = factories.submitted(factories.erase_plan("marie.curie"), app=app)
    ada = sign_in("ada")
    at_a_note(ada, ticket)
    ada.route("**/signed-in/", lambda route: route.abort("internetdisconnected"))

    ada.get_by_role("button", name="Add the note").click()
    expect(ada.get_by_text("No connection to the portal. Nothing was sent").first).to_be_visible()
    expect(ada.get_by_label("Add a note")).to_have_value(WORDS)
    ada.unroute("**/signed-in/")
    ada.get_by_role("button", name="Add the note").click()

    expect(ada.get_by_text(WORDS).first).to_be_visible()
    assert Note.objects.count() == 1


def test_a_region_that_renews_itself_says_once_that_the_portal_is_busy(sign_in: SignIn, app: StreamApp) -> None:
    ticket = factories.approved(factories.erase_plan("marie.curie"), app=app)
    dora = sign_in("dora")
    asked: list[str] = []

    def busy(route: Route) -> None:
        if "hx-request" not in route.request.headers:
            route.fallback()
            return
        asked.append(route.request.url)
        route.fulfill(status=503, content_type="text/plain", body="The portal is busy. Try again in a moment.")

    dora.goto(f"/tickets/{ticket.reference}/")
    dora.evaluate(COUNT_TOASTS)
    dora.route("**/*", busy)

    expect(dora.get_by_text("The portal is busy. What you see may be old.").first).to_be_visible()
    until(lambda: dora.evaluate("1") and len(asked) > 2, seconds=30, what="the page to ask again")
    assert dora.evaluate("window.toasts") == 1
    dora.unroute("**/*")
    expect(dora.get_by_text("Connected again.").first).to_be_visible()


def test_a_double_click_on_approve_approves_once(sign_in: SignIn, app: StreamApp) -> None:
    ticket = factories.submitted(factories.erase_plan("marie.curie"), app=app)
    dora = sign_in("dora")
    dora.goto(f"/tickets/{ticket.reference}/")
    dora.get_by_label("Type the user id to approve").fill("marie.curie")
    dora.get_by_role("button", name="Approve erasure").dblclick()
    expect(dora.get_by_role("heading", level=1)).to_contain_text("Approved")

    assert Decision.objects.count() == 1
    expect(dora.get_by_role("alert")).to_have_count(0)


def test_the_back_button_after_an_approval_shows_what_is_now(sign_in: SignIn, app: StreamApp) -> None:
    ticket = factories.submitted(factories.erase_plan("marie.curie"), app=app)
    dora = sign_in("dora")
    dora.goto(f"/tickets/{ticket.reference}/")
    dora.get_by_label("Type the user id to approve").fill("marie.curie")
    dora.get_by_role("button", name="Approve erasure").click()
    expect(dora.get_by_role("heading", level=1)).to_contain_text("Approved")
    dora.go_back()

    expect(dora.get_by_role("heading", level=1)).not_to_contain_text("Waiting for DPO")
    expect(dora.get_by_role("button", name="Approve erasure")).to_have_count(0)
    assert Ticket.objects.get().state == State.APPROVED
