"""The choices of a request under quick hands and slow answers: what was chosen last stays, and what is pressed, too."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, Response, Route, expect

from requests_app.models import StreamApp
from tests import factories
from tests.browser.conftest import SignIn

PLAN = "**/tickets/new/plan/"
LOOK_UP = "**/tickets/new/look-up/"
KINDS = ("Feeds data", "The user", "Messages", "Conversations", "Calls")


class Held:
    """Keeps the answers to the form's questions back until they are let go."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._routes: list[Route] = []
        page.route(PLAN, lambda route: self._routes.append(route))

    def let_go(self) -> None:
        """Answer what was asked so far, and hold nothing back any more."""
        with self._page.expect_response(_about_a_hard_delete_of_the_user):
            for route in self._routes:
                route.continue_()
        self._page.unroute(PLAN)


def _about_a_hard_delete_of_the_user(answer: Response) -> bool:
    return answer.url.endswith("/tickets/new/plan/") and "user=hard" in (answer.request.post_data or "")


def choose_a_hard_delete_of_the_user(page: Page) -> None:
    """And wait until the form has asked what that means."""
    with page.expect_request(lambda request: "user=hard" in (request.post_data or "")):
        page.get_by_role("radiogroup", name="The user").get_by_label("Hard").check()


def at_an_erasure(sign_in: SignIn) -> Page:
    """With an id that is looked up already: what is said about it moves the choices down."""
    ada = sign_in("ada")
    ada.goto("/tickets/new/?kind=erase")
    ada.get_by_label("Stream user ids").fill("marie.curie")
    expect(ada.locator("#look-up")).to_contain_text("marie.curie")
    return ada


def shown(page: Page) -> None:
    """The page has shown what came in so far."""
    page.evaluate("() => new Promise((shown) => requestAnimationFrame(() => requestAnimationFrame(shown)))")


def press_down_on(page: Page, choice: Locator) -> None:
    """With the mouse, which stays down."""
    choice.scroll_into_view_if_needed()
    place = choice.bounding_box()
    assert place is not None
    page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    page.mouse.down()


def test_an_answer_about_older_choices_leaves_a_newer_one_alone(sign_in: SignIn, app: StreamApp) -> None:
    ada = at_an_erasure(sign_in)
    held = Held(ada)
    choose_a_hard_delete_of_the_user(ada)
    messages = ada.get_by_role("radiogroup", name="Messages").get_by_label("Hard")
    # Chosen, and its own question has not gone out yet.
    messages.evaluate("radio => { radio.checked = true }")

    held.let_go()

    expect(messages).to_be_checked()
    messages.evaluate("radio => radio.dispatchEvent(new Event('change', { bubbles: true }))")
    expect(ada.get_by_label("New channel owner")).to_be_visible()
    expect(messages).to_be_checked()


def test_what_is_being_pressed_is_not_taken_away(sign_in: SignIn, app: StreamApp) -> None:
    ada = at_an_erasure(sign_in)
    held = Held(ada)
    choose_a_hard_delete_of_the_user(ada)
    press_down_on(ada, ada.get_by_role("radiogroup", name="Messages").locator("label").filter(has_text="Hard"))

    held.let_go()
    ada.mouse.up()

    expect(ada.get_by_role("radiogroup", name="Messages").get_by_label("Hard")).to_be_checked()
    expect(ada.get_by_label("New channel owner")).to_be_visible()


def test_what_is_being_pressed_is_not_moved(sign_in: SignIn, app: StreamApp) -> None:
    ada = sign_in("ada")
    ada.goto("/tickets/new/?kind=erase")
    known: list[Route] = []
    with ada.expect_request(LOOK_UP):
        ada.route(LOOK_UP, lambda route: known.append(route))
        ada.get_by_label("Stream user ids").fill("marie.curie")
    hard = ada.get_by_role("radiogroup", name="Messages").locator("label").filter(has_text="Hard")
    press_down_on(ada, hard)
    before = hard.bounding_box()

    with ada.expect_response(LOOK_UP):
        known[0].continue_()
    shown(ada)
    pressed = hard.bounding_box()
    ada.mouse.up()

    assert pressed == before
    expect(ada.get_by_role("radiogroup", name="Messages").get_by_label("Hard")).to_be_checked()
    expect(ada.locator("#look-up")).to_contain_text("marie.curie")


def test_the_plan_is_that_of_the_last_choice_whichever_answer_comes_last(sign_in: SignIn, app: StreamApp) -> None:
    ada = sign_in("ada")
    ada.goto("/tickets/new/?kind=export")
    late: list[Route] = []
    # The first question is that of the user ids, once the field is left.
    ada.route(PLAN, lambda route: route.continue_() if late else late.append(route))
    ada.get_by_label("Stream user ids").fill("marie.curie")
    ada.get_by_label("Feeds data").uncheck()
    expect(ada.get_by_label("Request 1")).to_contain_text("POST /api/v2/export/users")

    with ada.expect_response(lambda answer: answer.request == late[0].request):
        late[0].continue_()
    shown(ada)

    expect(ada.get_by_label("Request 2")).to_have_count(0)
    expect(ada.get_by_label("Request 1")).to_contain_text("POST /api/v2/export/users")


def test_every_mode_set_by_quick_keys_is_the_mode_that_is_sent(sign_in: SignIn, app: StreamApp) -> None:
    ada = at_an_erasure(sign_in)
    for data in KINDS:
        group = ada.get_by_role("radiogroup", name=data)
        group.locator("input:checked").focus()
        # From the first to the last, which is Hard.
        ada.keyboard.press("ArrowLeft")

    expect(ada.get_by_label("Request 2")).to_contain_text('"calls": "hard"')
    for data in KINDS:
        expect(ada.get_by_role("radiogroup", name=data).get_by_label("Hard")).to_be_checked()


def test_a_usual_way_fills_the_modes_in_whatever_was_chosen_before(sign_in: SignIn, app: StreamApp) -> None:
    ada = at_an_erasure(sign_in)
    choose_a_hard_delete_of_the_user(ada)

    ada.get_by_role("button", name="Everything gone").click()

    for data in KINDS:
        expect(ada.get_by_role("radiogroup", name=data).get_by_label("Hard")).to_be_checked()
    expect(ada.get_by_role("button", name="Everything gone")).to_have_attribute("aria-pressed", "true")


def test_what_is_chosen_right_after_a_usual_way_holds_beside_it(sign_in: SignIn, app: StreamApp) -> None:
    ada = at_an_erasure(sign_in)
    held = Held(ada)
    ada.get_by_role("button", name="Everything gone").click()
    calls = ada.get_by_role("radiogroup", name="Calls")
    calls.locator("label").filter(has_text="Keep").click()
    shown(ada)
    with ada.expect_request(lambda request: "calls=keep" in (request.post_data or "")):
        pass

    held.let_go()

    expect(calls.get_by_label("Keep")).to_be_checked()
    for data in set(KINDS) - {"Calls"}:
        expect(ada.get_by_role("radiogroup", name=data).get_by_label("Hard")).to_be_checked()
    expect(ada.get_by_label("Delete uploaded files, too")).to_be_checked()
    expect(ada.get_by_label("Request 2")).not_to_contain_text('"calls"')
    expect(ada.get_by_label("Request 2")).to_contain_text('"files": true')


def test_a_usual_way_takes_back_what_it_does_not_hold(sign_in: SignIn, app: StreamApp) -> None:
    ada = at_an_erasure(sign_in)
    ada.get_by_role("button", name="Everything gone").click()
    expect(ada.get_by_label("Delete uploaded files, too")).to_be_checked()
    ada.get_by_label("New channel owner").fill("svc-archive")

    ada.get_by_role("button", name="Hide only").click()

    for data in KINDS:
        expect(ada.get_by_role("radiogroup", name=data).get_by_label("Soft")).to_be_checked()
    expect(ada.get_by_role("button", name="Hide only")).to_have_attribute("aria-pressed", "true")
    expect(ada.get_by_label("Request 2")).not_to_contain_text("files")
    expect(ada.get_by_label("New channel owner")).to_have_count(0)


def test_a_usual_way_after_a_quick_choice_is_the_last_word(sign_in: SignIn, app: StreamApp) -> None:
    ada = at_an_erasure(sign_in)
    ada.get_by_role("button", name="Everything gone").click()
    calls = ada.get_by_role("radiogroup", name="Calls")
    expect(calls.get_by_label("Hard")).to_be_checked()

    calls.locator("label").filter(has_text="Keep").click()
    ada.get_by_role("button", name="Everything gone").click()

    expect(calls.get_by_label("Hard")).to_be_checked()
    expect(ada.get_by_label("Request 2")).to_contain_text('"calls": "hard"')


def test_what_is_chosen_before_the_scripts_are_there_is_in_the_plan(sign_in: SignIn, app: StreamApp) -> None:
    ticket = factories.draft(factories.erase_plan("marie.curie"), app=app)
    ada = sign_in("ada")
    scripts: list[Route] = []
    ada.route(re.compile(r"/(htmx|choices)[^/]*\.js$"), lambda route: scripts.append(route))
    ada.goto(f"/tickets/{ticket.reference}/edit/", wait_until="commit")
    ada.get_by_role("radiogroup", name="Calls").locator("label").filter(has_text="Keep").click()

    for route in scripts:
        route.continue_()

    expect(ada.get_by_label("Request 2")).to_contain_text('"conversations": "hard"')
    expect(ada.get_by_label("Request 2")).not_to_contain_text('"calls"')
