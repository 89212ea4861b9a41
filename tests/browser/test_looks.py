"""What holds for every screen: accessible by the rules that can be checked, and as wide as the window."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from requests_app.models import StreamApp
from tests import factories
from tests.browser.conftest import SignIn

SCREENS = {
    "work": "/",
    "tickets": "/tickets/",
    "form": "/tickets/new/?kind=erase",
    "export form": "/tickets/new/?kind=export",
    "ticket": "/tickets/{waiting}/",
    "done": "/tickets/{done}/",
    "stopped": "/tickets/{stopped}/",
    "approvals": "/approvals/",
    "tasks": "/stream-tasks/",
    "audit": "/audit/",
    "apps": "/apps/",
}


def references(app: StreamApp) -> dict[str, str]:
    return {
        "waiting": factories.submitted(factories.erase_plan("marie.curie"), app=app).reference,
        "done": factories.completed(factories.export_plan("jonas-weber"), app=app).reference,
        "stopped": factories.stopped(factories.soft_plan("b.kowalski"), app=app).reference,
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_keeps_the_rules_of_wcag(sign_in: SignIn, app: StreamApp, scheme: str) -> None:
    tickets = references(app)
    dora = sign_in("dora", color_scheme=scheme)
    rules = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}

    found = {}
    for name, place in SCREENS.items():
        dora.goto(place.format(**tickets))
        broken = Axe().run(dora, options=rules).response["violations"]
        if broken:
            found[name] = [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in broken]

    assert found == {}


def test_the_sign_in_page_keeps_them_too(sign_in: SignIn, db: None) -> None:
    page = sign_in()
    page.goto("/accounts/login/")

    assert Axe().run(page).response["violations"] == []


def test_no_screen_is_wider_than_a_telephone(sign_in: SignIn, app: StreamApp) -> None:
    tickets = references(app)
    dora = sign_in("dora", viewport={"width": 390, "height": 800})

    widths = {}
    for name, place in SCREENS.items():
        dora.goto(place.format(**tickets))
        widths[name] = dora.evaluate("document.documentElement.scrollWidth")

    assert widths == dict.fromkeys(SCREENS, 390)
