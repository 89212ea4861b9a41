"""What holds for every screen: accessible by the rules that can be checked, and as wide as the window."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from requests_app.models import StreamApp
from tests.browser import places
from tests.browser.conftest import SignIn
from tests.browser.places import Place

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
SCHEMES = ("light", "dark")
# A telephone, and a window of 1280 pixels at 200 %.
NARROW = (390, 640)
# Text that is cut off where it cannot be scrolled to, and that nothing else tells.
CUT_OFF = """() => [...document.querySelectorAll('body *')].filter(one => {
  const style = getComputedStyle(one);
  const own = [...one.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
  return own && ['hidden', 'clip'].includes(style.overflowX) && one.clientWidth > 1
    && one.scrollWidth > one.clientWidth + 1 && !one.title && !one.closest('[title]');
}).map(one => one.outerHTML.slice(0, 160))"""


def test_no_page_is_left_out(app: StreamApp) -> None:
    names = {place.name.split()[0] for place in places.every(app)}

    # Some of each room; the list itself comes from the URLs.
    assert {
        "my-work",
        "ticket-list",
        "ticket-new",
        "ticket-detail",
        "ticket-edit",
        "ticket-refuse",
        "letter-new",
    } <= names
    assert {"import-new", "import-detail", "approval-list", "stream-task-list", "hold-list", "sending"} <= names
    assert {"audit-list", "audit-report", "report", "app-list", "app-edit", "app-cover-sheet", "styleguide"} <= names
    assert {"letter-template-list", "letter-template", "app-recipients", "profile"} <= names


def windows(sign_in: SignIn, found: list[Place]) -> dict[str, Page]:
    return {who: sign_in(who) for who in dict.fromkeys(place.who for place in found)}


@pytest.mark.timeout(300)
def test_it_keeps_the_rules_of_wcag(sign_in: SignIn, app: StreamApp) -> None:
    every = places.every(app)
    pages = windows(sign_in, every)

    found = {}
    for place in every:
        page = pages[place.who]
        page.goto(place.path)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            broken = Axe().run(page, options=RULES).response["violations"]
            if broken:
                nodes = [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in broken]
                found[f"{place.name}, {scheme}"] = nodes

    assert found == {}


def test_the_pages_of_strangers_keep_them_too(sign_in: SignIn, app: StreamApp) -> None:
    page, otto = sign_in(), sign_in("otto")

    for window, path in ((page, "/accounts/login/"), (otto, "/tickets/DSR-999999/"), (otto, "/holds/1/lift/")):
        window.goto(path)
        for scheme in SCHEMES:
            window.emulate_media(color_scheme=scheme)
            assert Axe().run(window, options=RULES).response["violations"] == [], scheme


@pytest.mark.timeout(300)
def test_nothing_is_lost_on_a_telephone_or_at_200_percent(sign_in: SignIn, app: StreamApp) -> None:
    every = places.every(app)
    pages = windows(sign_in, every)

    lost = {}
    for place in every:
        page = pages[place.who]
        page.goto(place.path)
        for width in NARROW:
            page.set_viewport_size({"width": width, "height": 800})
            told = page.evaluate("document.documentElement.scrollWidth"), page.evaluate(CUT_OFF)
            if told != (width, []):
                lost[f"{place.name} at {width}"] = told

    assert lost == {}
