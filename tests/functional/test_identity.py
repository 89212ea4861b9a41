"""The identity of whoever asks: checked by whom and how, asked for at submit, a doubt in words, the clock stopped."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from requests_app.audit_actions import AuditAction
from requests_app.enums import IdentityMethod, IdentityResult, Purpose, State
from requests_app.models import Attachment, AuditEntry, ClockPause, IdentityCheck, Ticket, sealed_file
from requests_app.upkeep.evidence import remove_decided
from requests_app.workflow import attachments, holds, identity, tickets
from requests_app.workflow.permissions import NotPermitted
from requests_app.workflow.policies import UnableTo
from tests import factories
from tests.people import actor, person, signed_in

pytestmark = pytest.mark.django_db


def check(ticket: Ticket, *, who: str = "ada", **changes: Any) -> IdentityCheck:
    values: dict[str, Any] = {"method": IdentityMethod.EMAIL_LOOP, "result": IdentityResult.CONFIRMED}
    return identity.record(ticket, actor=actor(who), now=timezone.now(), **(values | changes))


def strict() -> Ticket:
    return factories.draft(app=factories.stream_app(identity_required=True))


def submit(ticket: Ticket) -> Ticket:
    return tickets.submit(ticket, actor=actor("ada"), now=timezone.now())


def test_submit_asks_for_a_confirmed_check_where_the_app_does() -> None:
    ticket = strict()
    with pytest.raises(UnableTo, match="Check who is asking"):
        submit(ticket)
    check(ticket, result=IdentityResult.NOT_CONFIRMED, doubt="Another name.")
    with pytest.raises(UnableTo, match="Check who is asking"):
        submit(ticket)
    check(ticket)

    assert submit(ticket).state == State.AWAITING_DECISION


def test_an_app_may_do_without() -> None:
    assert submit(factories.draft()).state == State.AWAITING_DECISION


@pytest.mark.parametrize("result", [IdentityResult.NOT_CONFIRMED, IdentityResult.MORE])
def test_a_doubt_is_put_into_words(result: IdentityResult) -> None:
    ticket = factories.draft()
    with pytest.raises(UnableTo, match="Write what the doubt is"):
        check(ticket, result=result, doubt=" ")
    with pytest.raises(IntegrityError), transaction.atomic():
        IdentityCheck.objects.create(
            ticket=ticket,
            method="other",
            result=result.value,
            about="x",
            checked_by=person("ada"),
            checked_at=timezone.now(),
        )

    assert not IdentityCheck.objects.exists()


def test_asking_for_more_stops_the_clock_once() -> None:
    ticket = factories.draft()
    check(ticket, result=IdentityResult.MORE, doubt="Another name.")
    check(ticket, result=IdentityResult.MORE, doubt="Still another name.")

    assert ClockPause.objects.count() == 1
    entries = AuditEntry.objects.filter(action=AuditAction.IDENTITY_CHECKED.value)
    assert [entry.facts["result"] for entry in entries] == ["more", "more"]
    assert "Another" not in str([entry.facts for entry in entries])


def test_after_the_decision_it_is_too_late_and_not_everybody_may() -> None:
    with pytest.raises(UnableTo, match="decision was made"):
        check(factories.approved())
    with pytest.raises(NotPermitted):
        check(factories.submitted(), who="otto")


def test_the_page_shows_who_checked_and_how_and_takes_the_form() -> None:
    ticket = factories.draft()
    client = Client()
    client.force_login(person("ada"))
    sent = client.post(f"/tickets/{ticket.reference}/identity/", {"method": "document", "result": "confirmed"})
    page = client.get(f"/tickets/{ticket.reference}/").content.decode()

    assert sent.status_code == 302
    assert "by Ada Agent (document seen)" in page
    wrong = client.post(f"/tickets/{ticket.reference}/identity/", {"method": "document", "result": "more"})
    assert wrong.status_code == 422
    assert "Write what the doubt is" in wrong.content.decode()


def test_a_check_in_the_form_goes_with_the_request() -> None:
    app = factories.stream_app(identity_required=True)
    client = Client()
    client.force_login(person("ada"))
    data = {
        "kind": "erase",
        "stream_app": app.pk,
        "user_ids": "marie.curie",
        "feeds_data": "hard",
        "received_on": timezone.localdate().isoformat(),
        "channel": "email",
        "action": "submit",
    }
    without = client.post("/tickets/new/", data)
    assert without.status_code == 422
    assert "Check who is asking" in without.content.decode()

    client.post("/tickets/new/", {**data, "identity_method": "session"})

    ticket = Ticket.objects.get(state=State.AWAITING_DECISION.value)
    assert identity.latest(ticket) is not None


def test_the_dpo_reads_who_checked_and_how() -> None:
    ticket = factories.submitted()
    dora = Client()
    dora.force_login(person("dora"))
    before = dora.get(f"/tickets/{ticket.reference}/").content.decode()
    check(ticket, method=IdentityMethod.CALL_BACK)

    page = dora.get(f"/tickets/{ticket.reference}/").content.decode()

    assert "Nobody noted here how the person's identity was checked" in before
    assert page.count("Identity confirmed by Ada Agent (called back)") == 2


def test_a_doubt_that_comes_after_the_submit_holds_the_approval() -> None:
    ticket = strict()
    check(ticket)
    submit(ticket)
    check(ticket, who="dora", result=IdentityResult.NOT_CONFIRMED, doubt="Another name.")

    with pytest.raises(UnableTo, match="Check who is asking"):
        factories.approval.approve(
            ticket,
            actor=actor("dora"),
            now=timezone.now(),
            confirm_user_id=ticket.plan["user_ids"][0],
            **factories.seen(ticket),
        )


def test_a_check_is_about_the_user_ids_that_stood_there() -> None:
    ticket = strict()
    check(ticket)
    other = factories.intake(factories.erase_plan("somebody-else"), app=ticket.stream_app)
    tickets.edit_ticket(ticket, other, actor=actor("ada"), now=timezone.now())

    with pytest.raises(UnableTo, match="Check who is asking"):
        submit(ticket)
    check(ticket)

    assert submit(ticket).state == State.AWAITING_DECISION


# Evidence


def send(ticket: Ticket, *, who: str = "ada", file: Any = None, **changes: str) -> Any:
    client = signed_in(who)
    typed: dict[str, Any] = {"method": IdentityMethod.DOCUMENT.value, "result": IdentityResult.CONFIRMED.value}
    file = {} if file is None else {"file": file}
    return client.post(f"/tickets/{ticket.reference}/identity/", {**typed, **changes, **file})


def scan(name: str = "passport.pdf") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n")


def evidence(ticket: Ticket) -> Attachment:
    return Attachment.objects.get(ticket=ticket, purpose=Purpose.EVIDENCE.value)


def clear_away() -> int:
    return remove_decided(factories.WORKER, timezone.now())


def test_evidence_comes_with_the_check_and_goes_at_the_decision(django_capture_on_commit_callbacks: Any) -> None:
    ticket = factories.draft()
    assert send(ticket, file=scan()).status_code == 302
    kept = evidence(ticket)
    assert list(sealed_file.read(kept.stored_name, kept.key))
    submit(Ticket.objects.get(pk=ticket.pk))
    assert clear_away() == 0

    decided = Ticket.objects.get(pk=ticket.pk)
    tickets.cancel(decided, actor=actor("ada"), now=timezone.now())

    with django_capture_on_commit_callbacks(execute=True):
        assert clear_away() == 1
    gone = evidence(ticket)
    assert (gone.key, gone.removed_by) == ("", None)
    assert gone.stored_name not in [name for name, _ in sealed_file.stored()]
    entry = AuditEntry.objects.get(action=AuditAction.ATTACHMENT_REMOVED.value)
    assert (entry.ticket_id, entry.facts["purpose"]) == (ticket.pk, "evidence")
    assert clear_away() == 0


def test_other_files_stay_and_so_does_evidence_on_hold() -> None:
    ticket = factories.draft(factories.erase_plan("marie.curie"))
    attachments.add(ticket, [b"a note"], name="a.txt", size=6, actor=actor("ada"), now=timezone.now())
    send(ticket, file=scan())
    hold = holds.place(ticket.stream_app, "marie.curie", actor=actor("dora"), now=timezone.now(), reason="A case.")
    tickets.cancel(Ticket.objects.get(pk=ticket.pk), actor=actor("ada"), now=timezone.now())

    assert clear_away() == 0
    holds.lift(hold, actor=actor("dora"), now=timezone.now(), reason="It is over.")
    assert clear_away() == 1
    assert Attachment.objects.kept().get(ticket=ticket).name == "a.txt"


def test_a_file_that_is_not_taken_keeps_the_check_out_and_says_why_at_the_field() -> None:
    ticket = factories.draft()

    answer = send(ticket, file=scan("passport.exe"))

    assert answer.status_code == 422
    assert answer.context["identity_form"].errors["file"]
    assert not IdentityCheck.objects.exists()
    assert not Attachment.objects.exists()


def test_after_the_decision_no_evidence_is_taken() -> None:
    ticket = factories.cancelled()

    assert send(ticket, file=scan()).status_code == 422
    assert not Attachment.objects.exists()


def test_evidence_is_named_as_such_and_not_shown_to_those_who_review() -> None:
    ticket = factories.submitted()
    send(ticket, file=scan())
    agent, auditor = signed_in("ada"), signed_in("otto")

    assert "Evidence of identity" in agent.get(f"/tickets/{ticket.reference}/").content.decode()
    assert "passport" not in auditor.get(f"/tickets/{ticket.reference}/").content.decode()
