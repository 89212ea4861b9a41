"""An address that only takes forms leads whoever opens it to the page of the form."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests import factories
from tests.functional.test_role_answers import ANSWERS, address, one_of, visitor
from tests.people import signed_in

pytestmark = pytest.mark.django_db

FORM_ONLY = [name for name, (get, _) in ANSWERS.items() if get == 302]
NOTHING_DONE = "Nothing was done: that address only takes the form of this page."


@pytest.mark.parametrize("name", FORM_ONLY)
def test_it_leads_to_a_page_that_says_that_nothing_was_done(name: str) -> None:
    answer = visitor(one_of(name)).get(address(name), follow=True)

    assert len(answer.redirect_chain) == 1
    # An upload is found by a token, and this one is nobody's.
    assert answer.status_code == (404 if name.startswith("import-") else 200)
    if answer.status_code == 200:
        assert NOTHING_DONE in answer.content.decode()


def test_the_address_that_a_refused_form_leaves_in_the_browser_leads_back_to_the_ticket() -> None:
    ticket = factories.submitted()
    dora = signed_in("dora")
    approve = reverse("ticket-approve", kwargs={"reference": ticket.reference})
    assert dora.post(approve).status_code == 422

    answer = dora.get(approve)

    assert answer.headers["Location"] == reverse("ticket-detail", kwargs={"reference": ticket.reference})


def test_whoever_may_not_send_the_form_is_led_nowhere() -> None:
    ticket = factories.submitted()
    approve = reverse("ticket-approve", kwargs={"reference": ticket.reference})

    assert signed_in("ada").get(approve).status_code == 403
