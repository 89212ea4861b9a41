"""The table of what was reached, read on a wide and on a narrow screen, and on paper."""

from __future__ import annotations

import pytest

from tests import factories
from tests.browser.conftest import SignIn


@pytest.mark.parametrize(("width", "stacked"), [(1440, False), (390, True)])
def test_the_table_is_read_on_every_screen(sign_in: SignIn, width: int, stacked: bool) -> None:
    ticket = factories.completed(factories.soft_plan("marie.curie", "jonas-weber"))
    page = sign_in("dora", viewport={"width": width, "height": 900})

    page.goto(f"/tickets/{ticket.reference}/")

    first = page.locator(".results-t tbody tr").first
    cells = [first.locator("td").nth(place).bounding_box() for place in range(2)]
    assert cells[0] is not None
    assert cells[1] is not None
    assert (cells[1]["y"] > cells[0]["y"]) == stacked
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_closed_ticket_prints_as_its_certificate(sign_in: SignIn) -> None:
    ticket = factories.completed(factories.soft_plan("marie.curie"))
    page = sign_in("dora")
    page.goto(f"/tickets/{ticket.reference}/")

    page.emulate_media(media="print")

    for shown in ("#results", ".certificate", "#plan-title", "h1"):
        assert page.locator(shown).first.is_visible()
    for left_out in ("#steps-title", "#activity-title", "#ticket-aside", ".side"):
        assert not page.locator(left_out).first.is_visible()
