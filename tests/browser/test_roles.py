"""The auditor's and the administrator's day in a browser, from signing in to signing out."""

from __future__ import annotations

import json

from django.utils import timezone
from playwright.sync_api import Page, expect

from requests_app.audit import checkpoints
from requests_app.audit_actions import AuditAction
from requests_app.models import AuditEntry, StreamApp
from tests import factories
from tests.browser.conftest import SignIn
from tests.sandbox_server import StandIn


def sign_out(page: Page) -> None:
    page.goto("/")
    page.get_by_text("Your account").locator("..").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Username")).to_be_visible()
    page.goto("/tickets/")
    expect(page.get_by_label("Username")).to_be_visible()


def download(page: Page, button: str) -> str:
    with page.expect_download() as begun:
        page.get_by_role("button", name=button).click()
    return begun.value.path().read_text()


def switch(page: Page, words: str, reason: str) -> None:
    """One switch of the app, with its reason."""
    card = page.get_by_role("region", name="chat-eu")
    card.locator("summary").click()
    card.get_by_label("Reason").fill(reason)
    card.get_by_role("button", name=words).click()


def actions_of(name: str) -> list[str]:
    return list(AuditEntry.objects.filter(actor_name=name).order_by("seq").values_list("action", flat=True))


def test_an_auditor_reads_unmasks_checks_and_takes_a_proof(sign_in: SignIn, app: StreamApp) -> None:
    ticket = factories.refused(factories.erase_plan("marie.curie"), app=app, requester_name="Marie Curie")
    checkpoints.make(actor=factories.WORKER, now=timezone.now())

    otto = sign_in("otto")
    otto.goto("/tickets/?view=all")
    expect(otto.get_by_text("marie.curie")).to_have_count(0)
    otto.get_by_role("link", name="Erase data of one account").click()
    expect(otto.get_by_role("heading", level=1)).to_contain_text("Refused")
    expect(otto.get_by_text("Marie Curie")).to_have_count(0)

    card = otto.locator("details").filter(has_text="Show personal data")
    card.locator("summary").click()
    card.get_by_label("Reason").fill("Complaint 4711.")
    card.get_by_role("button", name="Show personal data").click()
    expect(otto.get_by_text("marie.curie").first).to_be_visible()
    otto.get_by_role("button", name="Hide again").click()
    expect(otto.get_by_text("marie.curie")).to_have_count(0)

    proof = download(otto, "Download the proof")
    assert proof.strip()
    assert "marie.curie" not in proof

    otto.goto("/audit/")
    otto.get_by_role("textbox", name="Ticket", exact=True).fill(ticket.reference)
    otto.get_by_role("button", name="Show", exact=True).click()
    expect(otto.get_by_role("cell", name="refused the request").first).to_be_visible()
    expect(otto.get_by_role("cell", name="Complaint 4711.")).to_have_count(0)
    otto.get_by_role("button", name="Check the chain").click()
    expect(otto.get_by_text("Intact", exact=True)).to_be_visible()

    otto.goto("/audit/report/")
    lines = download(otto, "JSON lines with proof").splitlines()
    assert all(json.loads(line) for line in lines)
    assert ticket.reference in download(otto, "CSV")

    sign_out(otto)
    told = actions_of("otto")
    wanted = [
        AuditAction.SIGNED_IN,
        AuditAction.TICKET_READ,
        AuditAction.TICKET_UNMASKED,
        AuditAction.TICKET_MASKED,
        AuditAction.TICKET_PROVED,
        AuditAction.AUDIT_CHECKED,
        AuditAction.AUDIT_EXPORTED,
        AuditAction.SIGNED_OUT,
    ]
    assert [action for action in wanted if action.value not in told] == []


def test_an_administrator_sets_up_an_app_and_pauses_it(sign_in: SignIn, app: StreamApp, stand_in: StandIn) -> None:
    ruth = sign_in("ruth")
    ruth.goto("/apps/new/")
    ruth.get_by_label("Name").fill("chat-eu")
    ruth.get_by_label("Base URL").fill(stand_in.base_url)
    ruth.get_by_label("API key").fill(stand_in.key)
    ruth.get_by_label("API secret").fill(app.api_secret)
    ruth.get_by_label("This is a stand-in for Stream, not Stream").check()
    ruth.get_by_role("button", name="Save").click()
    expect(ruth.get_by_role("heading", level=1)).to_contain_text("Stream apps")
    made = StreamApp.objects.get(name="chat-eu")

    ruth.get_by_role("button", name="Test the connection of chat-eu").click()
    expect(ruth.get_by_role("status").filter(has_text="chat-eu:").first).to_be_visible()

    ruth.goto(f"/apps/{made.pk}/cover-sheet/")
    for field in ruth.get_by_role("textbox").all():
        field.fill("As our privacy notice says.")
    ruth.get_by_role("button", name="Save").click()
    expect(ruth.get_by_role("link", name="Version 1")).to_be_visible()

    ruth.goto(f"/apps/{made.pk}/recipients/")
    ruth.get_by_label("Recipients").fill("Mailing house\nWarehouse")
    with ruth.expect_navigation():
        ruth.get_by_role("button", name="Save").click()
    assert sorted(made.recipients.values_list("name", flat=True)) == ["Mailing house", "Warehouse"]

    ruth.goto("/sending/")
    switch(ruth, "Pause sending", "Stream is being moved.")
    expect(ruth.get_by_role("region", name="chat-eu")).to_contain_text("Stream is being moved.")
    switch(ruth, "Let sending go on", "It is moved.")
    expect(ruth.get_by_role("region", name="chat-eu")).not_to_contain_text("Stream is being moved.")

    ruth.goto("/styleguide/")
    expect(ruth.get_by_role("heading", level=1)).to_be_visible()
    ruth.goto("/tickets/new/")
    expect(ruth.get_by_text("not part of your role", exact=False)).to_be_visible()

    sign_out(ruth)
    told = actions_of("ruth")
    wanted = [
        AuditAction.APP_SAVED,
        AuditAction.APP_TESTED,
        AuditAction.COVER_SHEET_SAVED,
        AuditAction.RECIPIENTS_SAVED,
        AuditAction.SENDING_PAUSED,
        AuditAction.SENDING_LIFTED,
        AuditAction.ATTEMPT_REFUSED,
        AuditAction.SIGNED_OUT,
    ]
    assert [action for action in wanted if action.value not in told] == []
