"""The cover sheet of the access package: filled in once an app, kept in versions, and sent with each export."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from requests_app.audit_actions import AuditAction
from requests_app.enums import State
from requests_app.models import AuditEntry, CoverSheet, StreamApp, Ticket
from requests_app.workflow import cover_sheets, policies
from requests_app.workflow.permissions import NotPermitted
from tests import factories
from tests.people import actor, person, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def bare() -> StreamApp:
    """An app whose sheet nobody has filled in."""
    app = factories.stream_app()
    CoverSheet.objects.all().delete()
    return app


def waiting(bare: StreamApp, plan: Any = None) -> Ticket:
    ticket = factories.submitted(plan or factories.export_plan("marie.curie"))
    CoverSheet.objects.all().delete()
    return ticket


def typed(**changes: str) -> dict[str, str]:
    return {name: f"About {name}." for name in cover_sheets.NAMES} | {"based_on": "0"} | changes


def approve(ticket: Ticket, name: str = "dora") -> Ticket:
    return factories.approval.approve(
        ticket,
        actor=actor(name),
        now=timezone.now(),
        confirm_user_id=ticket.plan["user_ids"][0],
        **factories.seen(ticket),
    )


def test_an_export_cannot_be_approved_before_its_app_has_a_sheet(bare: StreamApp) -> None:
    ticket = waiting(bare)

    with pytest.raises(policies.UnableTo, match="cover sheet"):
        approve(ticket)

    assert Ticket.objects.get().state == State.AWAITING_DECISION
    page = signed_in("dora").get(f"/tickets/{ticket.reference}/").content.decode()
    assert policies.NO_COVER_SHEET in page
    assert f'href="/apps/{bare.pk}/cover-sheet/"' in page


def test_an_erasure_needs_none_even_where_it_makes_a_copy_first(bare: StreamApp) -> None:
    ticket = waiting(bare, factories.erase_plan("marie.curie", copy_first=True))

    assert approve(ticket).state == State.APPROVED
    assert Ticket.objects.get().cover_sheet is None


def test_each_save_is_a_new_version_and_the_old_ones_stay(bare: StreamApp) -> None:
    dora, url = signed_in("dora"), f"/apps/{bare.pk}/cover-sheet/"

    dora.post(url, typed())
    signed_in("ruth").post(url, typed(based_on="1", storage="Two years."))

    first, second = bare.cover_sheets.order_by("version")
    assert (first.storage, second.storage) == ("About storage.", "Two years.")
    assert (first.saved_by, second.saved_by) == (person("dora"), person("ruth"))
    entries = AuditEntry.objects.filter(action=AuditAction.COVER_SHEET_SAVED.value).order_by("seq")
    assert [entry.facts["version"] for entry in entries] == [1, 2]
    assert entries[1].facts["changed"] == ["storage"]
    assert entries[1].facts["digest"] == cover_sheets.digest(second)
    assert "About storage." in dora.get(f"{url}1/").content.decode()


def test_the_version_in_force_at_the_approval_stays_with_the_ticket(bare: StreamApp) -> None:
    ticket = waiting(bare)
    old = cover_sheets.save(bare, typed(), based_on=0, actor=actor("dora"), now=timezone.now())
    approve(ticket)
    cover_sheets.save(bare, typed(rights="Another."), based_on=1, actor=actor("dora"), now=timezone.now())

    ben = signed_in("ben")
    page = ben.get(f"/tickets/{ticket.reference}/cover-sheet/")
    text = ben.get(f"/tickets/{ticket.reference}/cover-sheet/?as=text")

    assert Ticket.objects.get().cover_sheet == old
    entry = AuditEntry.objects.get(action=AuditAction.TICKET_APPROVED.value)
    assert entry.facts["cover_sheet"] == 1
    for content in (page.content.decode(), text.content.decode()):
        assert "About rights." in content
        assert "Another." not in content
        assert "marie.curie" in content.replace("<wbr>", "")
    assert text.headers["Content-Disposition"] == f'attachment; filename="{ticket.reference}-cover-sheet.txt"'
    reads = AuditEntry.objects.filter(action=AuditAction.TICKET_READ.value, ticket_id=ticket.pk)
    assert reads.count() == 2
    assert f"/tickets/{ticket.reference}/cover-sheet/" in ben.get(f"/tickets/{ticket.reference}/").content.decode()


def test_those_who_review_see_the_sheet_without_the_account() -> None:
    ticket = factories.approved(factories.export_plan("marie.curie"))

    page = signed_in("otto").get(f"/tickets/{ticket.reference}/cover-sheet/").content.decode()

    assert "About Art. 15(1)(a)." in page
    assert "marie" not in page


def test_a_ticket_without_a_sheet_has_no_such_page() -> None:
    ticket = factories.submitted(factories.export_plan())

    assert signed_in("dora").get(f"/tickets/{ticket.reference}/cover-sheet/").status_code == 404


@pytest.mark.parametrize("name", cover_sheets.NAMES)
def test_each_letter_wants_its_answer(bare: StreamApp, name: str) -> None:
    answer = signed_in("dora").post(f"/apps/{bare.pk}/cover-sheet/", typed(**{name: "  "}))

    assert answer.status_code == 422
    assert answer.context["form"].errors.keys() == {name}
    assert not CoverSheet.objects.exists()
    with pytest.raises(policies.UnableTo) as refused:
        cover_sheets.save(bare, typed(**{name: " "}), based_on=0, actor=actor("dora"), now=timezone.now())
    assert refused.value.field == name


def test_who_was_overtaken_reads_the_new_version_first(bare: StreamApp) -> None:
    url = f"/apps/{bare.pk}/cover-sheet/"
    signed_in("ruth").post(url, typed())

    answer = signed_in("dora").post(url, typed(storage="For ever."))

    assert answer.status_code == 409
    assert "For ever." in answer.content.decode()
    assert CoverSheet.objects.count() == 1


def test_two_who_save_at_once_make_one_version(bare: StreamApp, monkeypatch: pytest.MonkeyPatch) -> None:
    cover_sheets.save(bare, typed(), based_on=0, actor=actor("ruth"), now=timezone.now())
    # Dora read before Ruth had saved.
    monkeypatch.setattr(cover_sheets, "in_force", lambda app: None)

    with pytest.raises(cover_sheets.Overtaken):
        cover_sheets.save(bare, typed(), based_on=0, actor=actor("dora"), now=timezone.now())

    assert CoverSheet.objects.count() == 1


def test_saving_what_is_there_makes_no_version(bare: StreamApp) -> None:
    cover_sheets.save(bare, typed(), based_on=0, actor=actor("dora"), now=timezone.now())

    assert signed_in("dora").post(f"/apps/{bare.pk}/cover-sheet/", typed(based_on="1")).status_code == 422
    assert CoverSheet.objects.count() == 1


def test_agents_write_no_sheet(bare: StreamApp) -> None:
    with pytest.raises(NotPermitted):
        cover_sheets.save(bare, typed(), based_on=0, actor=actor("ada"), now=timezone.now())

    assert AuditEntry.objects.filter(action=AuditAction.ATTEMPT_REFUSED.value).exists()
