"""The DPO's decision in a browser: found by keys, read with counts, pressed twice, looked at again."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.models import Session
from playwright.sync_api import expect

from requests_app.enums import State
from requests_app.models import Decision, StreamApp, Ticket
from requests_app.views.freshness import SIGNED_IN_AT
from tests import factories
from tests.browser.conftest import SignIn, press
from tests.people import PASSWORD

WHO = "u_82c1f0e9"


def test_a_decision_from_the_line_to_what_became_of_it(sign_in: SignIn, app: StreamApp) -> None:
    factories.submitted(factories.erase_plan(WHO), app=app)
    factories.submitted(factories.erase_plan("marie.curie"), app=app)
    dora = sign_in("dora")
    press(dora, "g", "a")
    expect(dora.get_by_role("heading", level=1)).to_have_text("Approvals")
    press(dora, "j", "j", "k", "Enter")

    preview = dora.get_by_role("region", name="What Stream shows now")
    expect(preview.get_by_text("Priya Raman")).to_be_visible()
    expect(preview.get_by_role("listitem").filter(has_text="messages in these channels")).to_contain_text("8")
    dora.get_by_label("Type the user id to approve").fill(WHO)
    dora.get_by_role("button", name="Approve erasure").dblclick()
    expect(dora.get_by_role("heading", level=1)).to_contain_text("Approved")
    assert Decision.objects.count() == 1
    expect(dora.get_by_role("link", name="Next in line")).to_be_visible()

    dora.go_back()
    button = dora.get_by_role("button", name="Approve erasure")
    if button.count() and button.is_enabled():
        button.click()
    dora.reload()
    expect(dora.get_by_role("heading", level=1)).to_contain_text("Approved")
    assert Decision.objects.count() == 1


def test_an_old_sign_in_asks_the_password_and_goes_on(sign_in: SignIn, app: StreamApp) -> None:
    ticket = factories.submitted(factories.erase_plan(WHO), app=app)
    dora = sign_in("dora", by_form=True)
    _grow_old()
    dora.goto(f"/tickets/{ticket.reference}/")
    dora.get_by_label("Type the user id to approve").fill(WHO)
    dora.get_by_label("Note for the audit log").fill("As agreed with counsel.")
    dora.get_by_role("button", name="Approve erasure").click()

    dora.get_by_label("Password").fill(PASSWORD)
    dora.get_by_role("button").filter(has_text="Confirm").or_(dora.locator("main button[type=submit]")).first.click()

    expect(dora.get_by_role("heading", level=1)).to_contain_text("Approved")
    assert Ticket.objects.get().state == State.APPROVED
    assert Decision.objects.get().note == "As agreed with counsel."


def _grow_old() -> None:
    """Let the password have been entered ten minutes ago."""
    for row in Session.objects.all():
        found: dict[str, Any] = row.get_decoded()
        found[SIGNED_IN_AT] = found[SIGNED_IN_AT] - 600
        row.session_data = Session.objects.encode(found)
        row.save()
