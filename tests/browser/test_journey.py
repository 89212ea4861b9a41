"""The main job in a browser, by people: opened, decided, carried out, downloaded, reviewed."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from requests_app.enums import State
from requests_app.models import StreamApp, Ticket
from tests import factories
from tests.browser.conftest import SignIn, press
from tests.clock import Clock
from tests.sandbox_server import StandIn


def choose(page: Page, data: str, mode: str) -> None:
    """One mode of the segmented choices."""
    page.get_by_role("radiogroup", name=data).get_by_label(mode).check()


def begin(page: Page, kind: str, user_ids: str) -> None:
    page.goto("/tickets/new/")
    with page.expect_response("**/tickets/new/plan/"):
        page.get_by_role("radio", name=kind).check()
    page.get_by_label("Stream user ids").fill(user_ids)


def test_an_erasure_from_the_request_to_the_audit_log(sign_in: SignIn, app: StreamApp, stand_in: StandIn) -> None:
    ada = sign_in("ada", by_form=True)
    begin(ada, "Erase", "marie.curie")
    expect(ada.get_by_label("New channel owner")).to_have_count(0)
    choose(ada, "The user", "Hard")
    expect(ada.get_by_label("New channel owner")).to_be_visible()
    complaint = ada.get_by_role("alert").filter(has_text="A hard user delete needs hard messages, too.")
    expect(complaint).to_be_visible()
    choose(ada, "Messages", "Hard")
    choose(ada, "Conversations", "Hard")
    expect(complaint).to_have_count(0)
    ada.get_by_label("New channel owner").fill("svc-archive")
    ada.get_by_label("New channel owner").blur()
    expect(ada.get_by_label("Request 1")).to_contain_text('"new_channel_owner_id": "svc-archive"')
    ada.get_by_role("button", name="Send to DPO").click()
    expect(ada.get_by_role("heading", level=1)).to_contain_text("Waiting for DPO")

    dora = sign_in("dora")
    dora.get_by_role("link", name="Erase data of marie.curie").first.click()
    expect(dora.get_by_text("This cannot be undone.")).to_be_visible()
    dora.get_by_label("Ground of the erasure").select_option("17_1_b")
    dora.get_by_label("Type the user id to approve").fill("marie.curie")
    dora.get_by_role("button", name="Approve erasure").click()
    expect(dora.get_by_role("heading", level=1)).to_contain_text("Approved")

    address = dora.url
    dora.evaluate("window.sameDocument = true")
    Clock().sweep_for(seconds=10)
    expect(dora.get_by_role("heading", level=1)).to_contain_text("Erased in part")
    expect(dora.get_by_text("Left out of the plan: calls")).to_be_visible()
    assert (dora.url, dora.evaluate("window.sameDocument")) == (address, True)
    assert stand_in.client().query_users(["marie.curie"]) == ()

    otto = sign_in("otto")
    otto.goto(f"/audit/?ticket={Ticket.objects.get().reference}")
    for words in ("opened the ticket", "approved the ticket", "Stream answered: Delete user", "completed the ticket"):
        expect(otto.get_by_role("cell", name=words).first).to_be_visible()
    otto.get_by_role("button", name="Check the chain").click()
    expect(otto.get_by_text("The chain is intact")).to_be_visible()


def test_an_export_and_its_download(sign_in: SignIn, app: StreamApp) -> None:
    ada = sign_in("ada")
    begin(ada, "Export", "marie.curie")
    expect(ada.get_by_label("User data")).to_be_checked()
    ada.get_by_label("Feeds data").uncheck()
    expect(ada.get_by_label("Request 2")).to_have_count(0)
    expect(ada.get_by_label("Request 1")).to_contain_text("POST /api/v2/export/users")
    ada.get_by_role("button", name="Send to DPO").click()
    expect(ada.get_by_role("heading", level=1)).to_contain_text("Waiting for DPO")
    dora = sign_in("dora")
    dora.goto(ada.url)
    dora.get_by_label("Type the user id to approve").fill("marie.curie")
    dora.get_by_role("button", name="Approve export").click()
    expect(dora.get_by_role("heading", level=1)).to_contain_text("Approved")
    Clock().sweep_for(seconds=10)

    ada.reload()
    with ada.expect_download() as download:
        ada.get_by_role("button", name="Download").click()

    content = download.value.path().read_bytes()
    assert b'"marie.curie"' in content
    assert download.value.suggested_filename.endswith("-user-data.ndjson")


def test_a_wrong_id_is_told_at_the_field_and_the_focus_goes_there(sign_in: SignIn, app: StreamApp) -> None:
    ticket = factories.submitted(factories.erase_plan("marie.curie"), app=app)
    dora = sign_in("dora")
    dora.goto(f"/tickets/{ticket.reference}/")
    dora.get_by_label("Type the user id to approve").fill("marie-curie")
    dora.get_by_role("button", name="Approve erasure").click()

    field = dora.get_by_label("Type the user id to approve")
    expect(dora.get_by_text("This is not the user id of the ticket.")).to_be_visible()
    expect(field).to_be_focused()
    expect(field).to_have_value("marie-curie")
    assert Ticket.objects.get().state == State.AWAITING_DECISION


def test_a_request_is_written_down_without_javascript(sign_in: SignIn, app: StreamApp) -> None:
    ada = sign_in("ada", java_script_enabled=False)
    ada.goto("/tickets/new/")
    ada.get_by_role("radio", name="Erase").check()
    ada.get_by_role("button", name="Show the choices for this").click()
    ada.get_by_label("Stream user ids").fill("marie.curie")
    ada.get_by_role("radiogroup", name="Feeds data").get_by_label("Hard").check()
    ada.get_by_role("button", name="Save draft").click()

    expect(ada.get_by_role("heading", level=1)).to_contain_text("Draft")
    assert Ticket.objects.get().plan["feeds_data"] == "hard"


def test_the_keyboard_leads_everywhere(sign_in: SignIn, app: StreamApp) -> None:
    ticket = factories.submitted(factories.erase_plan("marie.curie"), app=app)
    dora = sign_in("dora")
    press(dora, "g", "a")
    expect(dora.get_by_role("heading", level=1)).to_have_text("Approvals")
    press(dora, "j")
    expect(dora.get_by_role("link", name="Erase data of marie.curie")).to_be_focused()
    dora.keyboard.press("Control+k")
    dora.get_by_role("combobox", name="Ticket number or command").fill(str(ticket.pk))
    dora.keyboard.press("Enter")
    expect(dora.get_by_role("heading", level=1)).to_contain_text("Erase data of")
    press(dora, "c")
    expect(dora.get_by_role("heading", level=1)).to_have_text("New request")


def test_a_search_puts_nobodys_id_into_the_address(sign_in: SignIn, app: StreamApp) -> None:
    factories.submitted(factories.erase_plan("marie.curie"), app=app)
    factories.submitted(factories.erase_plan("jonas-weber"), app=app)
    ada = sign_in("ada")
    ada.goto("/tickets/")
    ada.get_by_role("searchbox", name="Search tickets").fill("marie")
    ada.keyboard.press("Enter")

    expect(ada.get_by_role("link", name="Erase data of marie.curie")).to_be_visible()
    expect(ada.get_by_role("link", name="Erase data of jonas-weber")).to_have_count(0)
    assert "marie" not in ada.url


def test_single_keys_that_are_switched_off_do_nothing(sign_in: SignIn, app: StreamApp) -> None:
    ada = sign_in("ada")
    ada.goto("/profile/")
    ada.get_by_label("Use single keys").uncheck()
    ada.get_by_role("button", name="Save").click()
    expect(ada.get_by_text("Your choices are saved.")).to_be_visible()

    ada.goto("/tickets/")
    ada.keyboard.press("?")
    expect(ada.get_by_role("dialog")).to_have_count(0)
    ada.keyboard.press("Control+k")
    expect(ada.get_by_role("dialog")).to_be_visible()
