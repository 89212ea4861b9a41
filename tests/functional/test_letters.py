"""What is said to people: letters, refusals with their notice, recipients, and closing the case."""

from __future__ import annotations

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from requests_app.audit_actions import AuditAction
from requests_app.enums import Language, LetterKind, MailState, Mode, Outcome, State
from requests_app.models import AuditEntry, Decision, Informing, Letter, LetterTemplate, Mail, Recipient, Ticket
from requests_app.upkeep import post
from requests_app.workflow import (
    aftercare,
    approval,
    closing,
    letter_templates,
    letters,
    recipients,
    refusing,
    tickets,
)
from requests_app.workflow.permissions import NotPermitted
from requests_app.workflow.policies import UnableTo
from requests_app.workflow.refusing import Part
from tests import factories
from tests.canary import EMAIL, NAME
from tests.people import actor, person, signed_in

pytestmark = pytest.mark.django_db


def now() -> Any:
    return timezone.now()


def url(name: str, ticket: Ticket, **more: object) -> str:
    return reverse(name, kwargs={"reference": ticket.reference, **more})


def stored(ticket: Ticket) -> Ticket:
    return Ticket.objects.get(pk=ticket.pk)


def written(ticket: Ticket, kind: LetterKind = LetterKind.RECEIPT, language: Language = Language.ENGLISH) -> Letter:
    return letters.write(ticket, letters.draft(ticket, kind, language, now=now()), actor=actor("ben"), now=now())


def person_of(**changes: Any) -> dict[str, Any]:
    return {"requester_name": NAME, "requester_email": EMAIL, **changes}


# Letters


@pytest.mark.parametrize("language", list(Language))
def test_a_letter_is_written_from_its_text_and_sent_by_mail(language: Language, mailoutbox: list[Any]) -> None:
    ticket = factories.submitted(**person_of())
    letter = written(ticket, language=language)
    letters.send(letter, actor=actor("ben"), now=now())
    letter = Letter.objects.get(pk=letter.pk)
    assert letter.is_on_its_way

    post.send_due(factories.WORKER, now())

    (mail,) = mailoutbox
    assert (mail.to, mail.subject) == ([EMAIL], letter.subject)
    assert NAME in mail.body
    assert ticket.reference in mail.body
    assert "{" not in mail.body
    assert Letter.objects.get(pk=letter.pk).is_sent
    with pytest.raises(UnableTo, match="sent already"):
        letters.send(letter, actor=actor("ben"), now=now())


def test_a_letter_is_encrypted_and_leaves_no_word_in_the_log() -> None:
    letter = written(factories.submitted(**person_of()))
    with connection.cursor() as cursor:
        cursor.execute("SELECT subject, body FROM requests_app_letter WHERE id = %s", [letter.pk])
        assert NAME not in " ".join(cursor.fetchone())
    entry = AuditEntry.objects.get(action=AuditAction.LETTER_WRITTEN)
    assert NAME not in str(entry.facts) + str(entry.texts)


def test_a_field_that_was_not_filled_in_keeps_a_letter_back() -> None:
    ticket = factories.submitted()
    with pytest.raises(UnableTo, match="reason") as caught:
        written(ticket, LetterKind.EXTENSION)
    assert caught.value.field == "body"
    assert not Letter.objects.exists()


@pytest.mark.parametrize("kind", [LetterKind.REFUSAL, LetterKind.PARTIAL, LetterKind.DONE])
def test_a_letter_that_does_not_fit_is_not_written(kind: LetterKind) -> None:
    ticket = factories.submitted()
    draft = letters.draft(ticket, kind, Language.ENGLISH, now=now(), reason="No.")
    with pytest.raises(UnableTo, match="does not fit"):
        letters.write(ticket, draft, actor=actor("ben"), now=now())


def test_a_letter_that_cannot_be_mailed_is_not_kept_by_half() -> None:
    ticket, ben = factories.submitted(), signed_in("ben")
    draft = letters.draft(ticket, LetterKind.RECEIPT, Language.ENGLISH, now=now())
    typed = {"kind": "receipt", "language": "en", "subject": draft.subject, "body": draft.body, "action": "send"}

    answer = ben.post(url("letter-new", ticket), typed)

    assert answer.status_code == 422
    assert letters.NO_ADDRESS in unescape(answer.content.decode())
    assert not Letter.objects.exists()


def test_subject_and_text_are_not_called_optional() -> None:
    page = signed_in("ben").get(url("letter-new", factories.submitted())).content.decode()

    assert 'name="subject"' in page
    assert "(optional)" not in page


def test_each_letter_is_offered_at_its_time() -> None:
    waiting, erased, exported = (
        factories.submitted(factories.soft_plan("u_1")),
        factories.completed(factories.soft_plan("u_2")),
        factories.completed(factories.export_plan("u_3")),
    )
    restored = factories.completed(factories.soft_plan("u_4"))
    restored.outcome = Outcome.RESTORED.value
    anytime = [LetterKind.RECEIPT, LetterKind.MORE_INFORMATION]

    assert letters.fitting(waiting) == (*anytime, LetterKind.EXTENSION)
    assert letters.fitting(erased) == letters.fitting(exported) == (LetterKind.DONE, *anytime)
    assert letters.fitting(restored) == (LetterKind.RESTORED, *anytime, LetterKind.DONE)
    assert set(letters.fitting(factories.refused(factories.soft_plan("u_5")))) == set(anytime)


@pytest.mark.parametrize("who", ["otto", "ruth"])
def test_letters_are_for_those_who_work_on_tickets(who: str) -> None:
    ticket = factories.submitted()
    draft = letters.draft(ticket, LetterKind.RECEIPT, Language.ENGLISH, now=now())
    with pytest.raises(NotPermitted):
        letters.write(ticket, draft, actor=actor(who), now=now())
    assert AuditEntry.objects.order_by("-seq")[0].action == AuditAction.ATTEMPT_REFUSED


@pytest.mark.parametrize(
    ("days", "channel", "field"), [(1, "letter", "sent_on"), (-1, "letter", "sent_on"), (0, "", "channel")]
)
def test_by_hand_has_a_day_that_was_and_a_way(days: int, channel: str, field: str) -> None:
    letter = written(factories.submitted())
    day = timezone.localdate() + timedelta(days=days)
    with pytest.raises(UnableTo) as caught:
        letters.sent_by_hand(letter, actor=actor("ben"), now=now(), sent_on=day, channel=channel)
    assert caught.value.field == field
    assert not Letter.objects.get(pk=letter.pk).is_sent


def test_while_its_mail_is_on_its_way_a_letter_is_not_marked_by_hand() -> None:
    letter = written(factories.submitted(**person_of()))
    letters.send(letter, actor=actor("ben"), now=now())
    with pytest.raises(UnableTo, match="on its way"):
        letters.sent_by_hand(letter, actor=actor("ben"), now=now(), sent_on=timezone.localdate(), channel="letter")


def test_without_a_mail_server_or_an_address_the_page_says_so(settings: Any) -> None:
    ticket = factories.submitted()
    letter = written(ticket)
    with pytest.raises(UnableTo, match="no e-mail address"):
        letters.send(letter, actor=actor("ben"), now=now())
    settings.MAILS = False
    assert "No mail server is set" in signed_in("ben").get(url("ticket-detail", ticket)).content.decode()
    assert not Mail.objects.exists()


def test_a_letter_through_the_page(mailoutbox: list[Any]) -> None:
    ticket, ben = factories.submitted(**person_of()), signed_in("ben")
    page = url("letter-new", ticket)
    form = ben.get(page, {"kind": "receipt", "language": "de"}).context["form"]
    typed = {name: form[name].value() for name in ("kind", "language", "subject", "body")}

    looked = ben.post(page, {**typed, "action": "preview"})
    assert (looked.status_code, Letter.objects.count()) == (200, 0)
    assert ben.post(page, {**typed, "body": "{reason}", "action": "keep"}).status_code == 422
    assert ben.post(page, {**typed, "action": "send"}).status_code == 302

    letter = Letter.objects.get()
    assert (letter.language, letter.is_on_its_way) == ("de", True)
    Mail.objects.update(state=MailState.UNKNOWN.value, next_at=None)
    shown = ben.get(url("ticket-detail", ticket)).content.decode()
    assert "Nobody knows whether it went out" in shown
    assert "Send again" in shown
    assert ben.post(url("letter-send", ticket, letter_id=letter.pk)).status_code == 302
    assert Mail.objects.get().state == MailState.WAITING
    assert "Send again" not in signed_in("otto").get(url("ticket-detail", ticket)).content.decode()
    assert NAME not in signed_in("otto").get(url("ticket-detail", ticket)).content.decode()


# Texts


def test_a_changed_text_is_a_new_version_and_letters_keep_theirs() -> None:
    letter = written(factories.submitted())
    save = {"kind": LetterKind.RECEIPT, "language": Language.ENGLISH, "actor": actor("ruth"), "now": now()}
    letter_templates.save(**save, subject="New {reference}", body="Hello {greeting}", shown=1)

    with pytest.raises(UnableTo, match="meanwhile"):
        letter_templates.save(**save, subject="Other", body="Other", shown=1)
    assert letter.template is not None
    assert letter.template.version == 1
    assert written(letter.ticket).subject.startswith("New DSR-")
    letter_templates.keep_shipped(now=now())
    assert LetterTemplate.objects.filter(kind="receipt", language="en").count() == 2


@pytest.mark.parametrize(("body", "sentence"), [("{nothing}", "no field"), ("Only this.", "must hold")])
def test_a_text_that_cannot_be_is_not_saved_and_says_why_at_the_field(body: str, sentence: str) -> None:
    page = reverse("letter-template", kwargs={"kind": "refusal", "language": "en"})
    answer = signed_in("ruth").post(page, {"subject": "S", "body": body, "version": 1, "action": "save"})

    assert answer.status_code == 422
    assert sentence in answer.context["form"].errors["body"][0]
    assert LetterTemplate.objects.filter(kind="refusal", language="en").count() == 1


@pytest.mark.parametrize(("who", "sees"), [("dora", True), ("ruth", False)])
def test_the_preview_is_of_a_real_ticket_and_masked_where_the_role_needs_no_names(who: str, sees: bool) -> None:
    ticket = factories.submitted(**person_of())
    page = reverse("letter-template", kwargs={"kind": "receipt", "language": "en"})
    typed = {"subject": "{reference}", "body": "To {person_name}", "reference": ticket.reference, "action": "preview"}
    shown = signed_in(who).post(page, typed).content.decode()

    assert ticket.reference in shown
    assert (NAME in shown) == sees
    assert LetterTemplate.objects.filter(kind="receipt").count() == 2


# Grounds and refusals


def test_an_erasure_is_granted_on_a_ground_and_an_export_needs_none() -> None:
    ticket = factories.submitted(ground="")
    approve = {
        "actor": actor("dora"),
        "now": now(),
        "confirm_user_id": ticket.plan["user_ids"][0],
        **factories.seen(ticket),
    }
    with pytest.raises(UnableTo) as caught:
        approval.approve(ticket, **approve)
    assert caught.value.field == "ground"
    approval.approve(ticket, **approve, ground="17_1_d")
    assert (Decision.objects.get().ground, stored(ticket).ground) == ("17_1_d", "")
    factories.approved(factories.export_plan())


def test_a_refusal_comes_with_its_notice_or_not_at_all(settings: Any) -> None:
    ticket = factories.submitted(**person_of())
    refuse = {"actor": actor("dora"), "now": now(), "note": "We are in court.", "code": "17_3_e"}
    settings.SUPERVISORY_AUTHORITY, authority = "", settings.SUPERVISORY_AUTHORITY
    with pytest.raises(UnableTo, match="SUPERVISORY_AUTHORITY"):
        refusing.refuse(ticket, **refuse)
    assert (stored(ticket).state, Letter.objects.count(), Decision.objects.count()) == (State.AWAITING_DECISION, 0, 0)

    settings.SUPERVISORY_AUTHORITY = authority
    refusing.refuse(stored(ticket), **refuse, by_mail=True)

    letter = Letter.objects.get()
    for words in ("We are in court.", "Art. 17(3)(e)", authority, "judicial remedy"):
        assert words in letter.body
    assert letter.is_on_its_way
    assert Decision.objects.get().refusal == "17_3_e"


@pytest.mark.parametrize("cut", ["Example Authority, 1 Example Street", "You also have the right to a judicial remedy"])
def test_a_notice_without_authority_or_court_is_none(cut: str) -> None:
    ticket = factories.submitted()
    page, dora = url("ticket-refuse", ticket), signed_in("dora")
    typed = {"code": "11_2", "note": "Who?", "language": "en"}
    form = dora.post(page, {**typed, "action": "notice"}).context["form"]
    notice = {"subject": form["subject"].value(), "body": form["body"].value()}

    answer = dora.post(page, {**typed, **notice, "body": notice["body"].replace(cut, ""), "action": "refuse"})
    assert (answer.status_code, stored(ticket).state) == (422, State.AWAITING_DECISION)
    assert "Art. 12(4)" in unescape(answer.content.decode())
    assert dora.post(page, {**typed, **notice, "action": "refuse"}).status_code == 302
    assert stored(ticket).state == State.REFUSED


def refused_in_part() -> Ticket:
    """Feeds are refused, the agent took them out of the plan, and the rest waits for approval."""
    ticket = factories.submitted(factories.erase_plan("u_1"), **person_of())
    typed = {"feeds_data_code": "17_3_e", "feeds_data_words": "The posts are evidence.", "note": "Keep the feeds."}
    assert signed_in("dora").post(url("ticket-refuse-parts", ticket), typed).status_code == 302
    ticket = stored(ticket)
    assert (ticket.state, ticket.verdicts.get().part) == (State.SENT_BACK, "feeds_data")

    with pytest.raises(UnableTo, match="Feeds data: refused"):
        tickets.submit(ticket, actor=actor("ada"), now=now())
    kept = factories.erase_plan("u_1", feeds_data=Mode.KEEP)
    tickets.edit_ticket(ticket, factories.intake(kept, **person_of()), actor=actor("ada"), now=now())
    tickets.submit(ticket, actor=actor("ada"), now=now())
    assert "The posts are evidence." in signed_in("dora").get(url("ticket-detail", ticket)).content.decode()
    assert not Letter.objects.exists()
    return stored(ticket)


def test_a_part_is_refused_by_a_verdict_that_the_agent_carries_out() -> None:
    ticket = refused_in_part()
    waiting = stored(ticket)
    approval.approve(waiting, actor=actor("dora"), now=now(), confirm_user_id="u_1", **factories.seen(waiting))

    letter = Letter.objects.get()
    assert letter.kind == LetterKind.PARTIAL
    assert "The posts are evidence." in letter.body
    assert stored(ticket).approved_digest == stored(ticket).plan_digest


def test_the_notice_of_a_refusal_in_part_is_changed_before_it_is_kept() -> None:
    ticket, dora = refused_in_part(), signed_in("dora")
    form = dora.get(url("ticket-detail", ticket)).context["forms"]["approve"]
    notice = {name: form[name].value() for name in ("subject", "body")}
    typed = {"confirm_user_id": "u_1", **factories.seen(ticket), **notice}
    typed["body"] = notice["body"].replace("The posts are evidence.", "We need the posts as evidence until May.")

    cut = dora.post(url("ticket-approve", ticket), {**typed, "body": "No.", "note": "Weighed at length."})
    assert cut.status_code == 422
    assert "must name the supervisory authority" in unescape(cut.content.decode())
    assert "Weighed at length." in cut.content.decode()
    assert (stored(ticket).state, Letter.objects.count()) == (State.AWAITING_DECISION, 0)

    assert dora.post(url("ticket-approve", ticket), typed).status_code == 302
    letter = Letter.objects.get()
    assert (letter.kind, letter.subject) == (LetterKind.PARTIAL, notice["subject"])
    assert "until May" in letter.body


def test_verdicts_name_parts_that_are_asked_for_but_not_all_and_can_be_taken_back() -> None:
    ticket = factories.submitted(factories.soft_plan("u_1"))
    send = {"actor": actor("dora"), "now": now(), "note": "Look."}
    part = Part("17_3_e")
    for parts, words in (
        ({}, "Choose"),
        ({"calls": part}, "not asked"),
        ({"user": part, "messages": part}, "Every part"),
    ):
        with pytest.raises(UnableTo, match=words):
            refusing.refuse_parts(ticket, parts, **send)
    with pytest.raises(UnableTo) as caught:
        refusing.refuse_parts(ticket, {"messages": Part("12_5_excessive")}, **send)
    assert caught.value.field == "messages_evidence"
    refusing.refuse_parts(ticket, {"messages": part}, **send)
    ticket = stored(ticket)
    plan = factories.erase_plan(
        "u_1", user=Mode.SOFT, messages=Mode.KEEP, conversations=Mode.KEEP, feeds_data=Mode.KEEP
    )
    tickets.edit_ticket(ticket, factories.intake(plan), actor=actor("ada"), now=now())
    tickets.submit(ticket, actor=actor("ada"), now=now())

    refusing.refuse_parts(stored(ticket), {}, **send)

    assert not ticket.verdicts.filter(stands=True).exists()


# Recipients and closing the case


def test_recipients_are_on_the_checklist_of_each_erasure() -> None:
    app = factories.stream_app()
    answer = signed_in("ruth").post(
        reverse("app-recipients", args=[app.pk]), {"names": "Push Inc\n\n Push  Inc\nStats"}
    )
    assert answer.status_code == 302
    recipients.save(app, ["Push Inc"], actor=actor("ruth"), now=now())

    erased, exported = factories.completed(), factories.completed(factories.export_plan())

    assert [one.recipient.name for one in erased.informings.all()] == ["Push Inc"]
    assert not exported.informings.exists()
    assert Recipient.objects.get(name="Stats").is_active is False
    one, ben = erased.informings.get(), signed_in("ben")
    page = url("recipient-answer", erased, informing_id=one.pk)
    for typed in (
        {"told": "yes", "informed_on": timezone.localdate() + timedelta(days=1), "words": "Mail."},
        {"told": "yes", "informed_on": "", "words": "Mail."},
        {"told": "no", "words": " "},
    ):
        assert ben.post(page, typed).status_code == 422
    assert Informing.objects.get().answered_at is None
    assert ben.post(page, {"told": "no", "words": "They never had the data."}).status_code == 302
    assert Informing.objects.get().words == "They never had the data."


def test_a_case_is_closed_once_everybody_was_told() -> None:
    Recipient.objects.create(stream_app=factories.stream_app(), name="Push Inc")
    ticket, ben = factories.completed(**person_of()), signed_in("ben")
    left = closing.missing(ticket)
    assert [("“Done”" in left[0]), ("Push Inc" in left[1])] == [True, True]
    answer = ben.post(url("ticket-answer", ticket))
    assert answer.status_code == 422
    assert all(sentence in unescape(answer.content.decode()) for sentence in left)

    letter = written(ticket, LetterKind.DONE)
    assert "Send the letter" in closing.missing(ticket)[0]
    letters.send(letter, actor=actor("ben"), now=now())
    assert "on its way" in closing.missing(ticket)[0]
    Mail.objects.update(state=MailState.UNKNOWN.value, next_at=None)
    assert "Nobody knows" in closing.missing(ticket)[0]
    factories.told(ticket)
    before = stored(ticket).closed_at
    assert ticket.reference in ben.get(reverse("ticket-list"), {"view": "to-close"}).content.decode()

    assert ben.post(url("ticket-answer", ticket)).status_code == 302

    closed = stored(ticket)
    assert (closed.state, closed.closed_at) == (State.COMPLETED, before)
    assert (closed.answered_by, closed.answered_at is not None) == (person("ben"), True)
    assert ben.get(reverse("ticket-list"), {"view": "to-close"}).status_code == 200
    listed = ben.get(reverse("ticket-list"), {"view": "to-close"}).content.decode()
    assert url("ticket-detail", ticket) not in listed
    assert ben.post(url("ticket-answer", ticket)).status_code == 422


def test_a_refusal_is_closed_once_its_notice_went_out() -> None:
    ticket = factories.refused()
    with pytest.raises(UnableTo, match="Refusal"):
        closing.answer(ticket, actor=actor("ben"), now=now())
    closing.answer(factories.told(ticket), actor=actor("ben"), now=now())
    assert stored(ticket).answered_at is not None


def test_a_restore_opens_the_case_again_and_wants_a_letter_of_its_own() -> None:
    ticket = factories.told(factories.completed(factories.soft_plan("u_1")))
    closing.answer(ticket, actor=actor("ben"), now=now())
    aftercare.restore(stored(ticket), actor=actor("dora"), now=now(), note="By mistake.")
    again = stored(ticket)
    assert (again.state, again.answered_at, again.answered_by) == (State.RUNNING, None, None)

    Ticket.objects.filter(pk=ticket.pk).update(
        state=State.COMPLETED.value, closed_at=now(), outcome=Outcome.RESTORED.value
    )
    assert "“Restored”" in closing.missing(stored(ticket))[0]


def test_the_queries_of_the_page_do_not_grow_with_the_letters() -> None:
    ticket, dora = factories.submitted(**person_of()), signed_in("dora")
    page = url("ticket-detail", ticket)

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            dora.get(page)
        return len(seen)

    letters.send(written(ticket), actor=actor("ben"), now=now())
    dora.get(page)
    few = queries()
    for _ in range(5):
        letters.send(written(ticket), actor=actor("ben"), now=now())
    assert queries() == few
