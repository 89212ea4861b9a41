"""What holds for every screen: accessible by the rules that can be checked, and as wide as the window."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from requests_app.models import StreamApp
from tests.browser.conftest import SignIn
from tests.browser.looks import places

RULES: dict[str, object] = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
# The rules of those that depend on what colours a page has.
COLOURS: dict[str, object] = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
WIDE = {"width": 1280, "height": 720}
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


def broken_rules(page: Page, *, only: dict[str, object] = RULES) -> list[tuple[str, list[str]]]:
    """What axe finds on the page as it is shown now."""
    return [
        (rule["id"], [node["html"][:200] for node in rule["nodes"]])
        for rule in page.evaluate("only => axe.run(only)", {"runOnly": only, "resultTypes": ["violations"]})[
            "violations"
        ]
    ]


def broken_in_both_schemes(page: Page) -> dict[str, list[tuple[str, list[str]]]]:
    """By colour scheme: all rules in the light one, and in the dark one those that a colour can break."""
    page.evaluate(Axe().axe_script)
    page.emulate_media(color_scheme="light")
    light = broken_rules(page)
    page.emulate_media(color_scheme="dark")
    return {
        scheme: broken for scheme, broken in (("light", light), ("dark", broken_rules(page, only=COLOURS))) if broken
    }


def lost_at(page: Page, width: int) -> object:
    """What a window of this width cuts off or makes wider than itself; None where nothing is."""
    page.set_viewport_size({"width": width, "height": 800})
    shown = page.evaluate("document.documentElement.scrollWidth"), page.evaluate(CUT_OFF)
    return None if shown == (width, []) else shown


@pytest.mark.timeout(400)
def test_it_keeps_the_rules_of_wcag_and_fits_a_telephone_and_200_percent(sign_in: SignIn, app: StreamApp) -> None:
    every = places.every(app)
    pages = {who: sign_in(who) for who in dict.fromkeys(place.who for place in every)}

    broken, lost = {}, {}
    for place in every:
        page = pages[place.who]
        page.set_viewport_size(WIDE)
        page.goto(place.path)
        broken[place.name] = broken_in_both_schemes(page)
        lost[place.name] = {width: lost_at(page, width) for width in NARROW}

    assert {name: found for name, found in broken.items() if found} == {}
    assert {name: found for name, found in lost.items() if any(found.values())} == {}


def test_the_pages_of_strangers_keep_them_too(sign_in: SignIn, app: StreamApp) -> None:
    page, otto = sign_in(), sign_in("otto")

    for window, path in ((page, "/accounts/login/"), (otto, "/tickets/DSR-999999/"), (otto, "/holds/1/lift/")):
        window.goto(path)
        assert broken_in_both_schemes(window) == {}, path


def test_a_fault_would_be_seen(sign_in: SignIn, app: StreamApp) -> None:
    """The looks above see what they are there for: in the light, in the dark, and where a window is narrow."""
    page = sign_in()
    page.goto("/accounts/login/")
    page.evaluate(
        """() => {
          document.body.insertAdjacentHTML('beforeend', '<img src=x><p id=pale>pale</p><p id=wide>wide</p>');
          const pale = document.getElementById('pale').style;
          pale.background = 'light-dark(#fff, #000)';
          pale.color = 'light-dark(#000, #222)';
          document.getElementById('wide').style.width = '900px';
        }"""
    )

    broken = broken_in_both_schemes(page)

    assert "image-alt" in {rule for rule, _ in broken["light"]}
    assert [rule for rule, _ in broken["dark"]] == ["color-contrast"]
    assert lost_at(page, NARROW[0]) is not None
