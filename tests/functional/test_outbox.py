"""The outbox: each mail once, whatever the mail server does, and nothing about its ticket changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from requests_app.audit_actions import AuditAction
from requests_app.enums import MailError, MailKind, MailState
from requests_app.models import AuditEntry, Mail, MailAttempt, Ticket
from requests_app.upkeep import post
from requests_app.upkeep.mailing import deliver, message_id
from requests_app.workflow import outbox
from requests_app.workflow.policies import UnableTo
from tests import factories
from tests.canary import EMAIL, NAME
from tests.factories import WORKER
from tests.people import actor
from tests.smtp_server import MailServer, running_mail_server

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
SMTP = "django.core.mail.backends.smtp.EmailBackend"


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    with running_mail_server() as started:
        settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = SMTP, "127.0.0.1", started.port
        settings.EMAIL_TIMEOUT = 0.3
        yield started


def queued(key: str = "one", ticket: Ticket | None = None, **changes: Any) -> Mail:
    words = {"recipient": EMAIL, "subject": "Your request", "body": f"Dear {NAME},\n\nhello."}
    mail = outbox.queue(MailKind.LETTER, key=key, now=NOON, ticket=ticket, **(words | changes))
    assert mail is not None
    return mail


def turn(at: datetime = NOON) -> int:
    return post.send_due(WORKER, at)


def stored(mail: Mail) -> Mail:
    return Mail.objects.get(pk=mail.pk)


def last(mail: Mail) -> MailAttempt:
    found = mail.attempts.last()
    assert found is not None
    return found


def test_a_mail_goes_out_once_with_what_was_written(server: MailServer) -> None:
    mail = queued()

    assert (turn(), turn()) == (1, 0)

    (taken,) = server.taken
    assert (taken["To"], taken["Subject"], taken["Message-ID"]) == (EMAIL, "Your request", message_id(mail))
    assert NAME in taken.get_content()
    assert stored(mail).state == MailState.SENT
    assert last(mail).sentence == "Sent."
    assert AuditEntry.objects.filter(action=AuditAction.MAIL_SENT).count() == 1


def test_the_same_is_never_queued_twice() -> None:
    assert queued("receipt-7").pk == queued("receipt-7", body="Another text").pk
    with pytest.raises(IntegrityError), transaction.atomic():
        Mail.objects.create(kind=MailKind.LETTER.value, key="receipt-7", queued_at=NOON, next_at=NOON)


def test_what_is_rolled_back_queues_nothing() -> None:
    with transaction.atomic():
        queued()
        transaction.set_rollback(True)
    assert not Mail.objects.exists()


def test_it_is_encrypted_at_rest() -> None:
    mail = queued()
    with connection.cursor() as cursor:
        cursor.execute("SELECT recipient, subject, body FROM requests_app_mail WHERE id = %s", [mail.pk])
        row = " ".join(cursor.fetchone())
    assert EMAIL not in row
    assert NAME not in row
    assert "Your request" not in row


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        ({"hangs_at": "greeting"}, MailError.SILENT),
        ({"hangs_at": "mail"}, MailError.SILENT),
        ({"leaves_at": "ehlo"}, MailError.BROKE_OFF),
        ({"leaves_at": "rcpt"}, MailError.BROKE_OFF),
        ({"answers": {"greeting": "421 busy"}}, MailError.LATER),
        ({"answers": {"greeting": "554 go away"}}, MailError.LATER),
        ({"answers": {"mail": "451 later"}}, MailError.LATER),
        ({"answers": {"rcpt": "450 mailbox busy"}}, MailError.LATER),
        ({"answers": {"dot": "452 full"}}, MailError.LATER),
    ],
)
def test_what_was_provably_not_sent_is_tried_again_after_a_pause(
    server: MailServer, behaviour: dict[str, Any], error: MailError
) -> None:
    for name, value in behaviour.items():
        setattr(server, name, value)
    mail = queued()

    turn()

    assert (stored(mail).state, last(mail).error) == (MailState.WAITING, error)
    assert stored(mail).next_at >= NOON + outbox.PAUSES[0]  # type: ignore[operator]
    server.release.set()
    server.hangs_at, server.leaves_at, server.answers = "", "", {}
    assert turn(NOON + timedelta(seconds=30)) == 0
    assert turn(NOON + timedelta(minutes=2)) == 1
    assert len(server.taken) == 1


def test_a_server_that_is_not_there_is_left_alone_until_the_next_turn(settings: Any) -> None:
    settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = SMTP, "127.0.0.1", 9
    first, second = queued("one"), queued("two")

    turn()

    assert last(first).error == MailError.UNREACHABLE
    assert not second.attempts.exists()


@pytest.mark.parametrize("behaviour", [{"hangs_at": "dot"}, {"leaves_at": "dot"}])
def test_what_may_have_been_sent_is_not_sent_again_by_itself(server: MailServer, behaviour: dict[str, Any]) -> None:
    for name, value in behaviour.items():
        setattr(server, name, value)
    mail = queued()

    turn()
    turn(NOON + timedelta(days=7))

    assert (stored(mail).state, last(mail).error) == (MailState.UNKNOWN, MailError.LOST)
    assert len(server.taken) == 1
    assert AuditEntry.objects.filter(action=AuditAction.MAIL_LOST).count() == 1


@pytest.mark.parametrize("command", ["mail", "rcpt", "dot"])
def test_a_refusal_for_good_ends_it(server: MailServer, command: str) -> None:
    server.answers = {command: f"550 no such mailbox as {EMAIL}"}
    mail = queued()

    turn()
    turn(NOON + timedelta(days=7))

    assert (stored(mail).state, mail.attempts.count()) == (MailState.FAILED, 1)
    assert (last(mail).error, last(mail).code) == (MailError.REFUSED, 550)
    assert EMAIL not in last(mail).sentence + str(AuditEntry.objects.get().facts)


@pytest.mark.parametrize("unfit", [{"recipient": f"{EMAIL}\nBcc: all@example.org"}, {"recipient": ""}])
def test_an_address_that_cannot_be_one_ends_it(server: MailServer, unfit: dict[str, str]) -> None:
    mail = queued(**unfit)

    turn()

    assert (stored(mail).state, last(mail).error) == (MailState.FAILED, MailError.UNFIT)
    assert server.taken == []


def test_a_line_break_in_a_subject_makes_no_header(server: MailServer) -> None:
    queued(subject="Your\r\nBcc: all@example.org\r\nrequest")

    turn()

    assert server.taken[0]["Bcc"] is None


def test_it_is_given_up_after_growing_pauses(server: MailServer) -> None:
    server.answers = {"greeting": "421 busy"}
    mail, at = queued(), NOON
    assert list(outbox.PAUSES) == sorted(outbox.PAUSES)

    for pause in outbox.PAUSES:
        turn(at)
        assert stored(mail).state == MailState.WAITING
        at += pause + timedelta(minutes=1)
    turn(at)

    assert stored(mail).state == MailState.FAILED
    assert mail.attempts.count() == len(outbox.PAUSES) + 1
    assert AuditEntry.objects.get().action == AuditAction.MAIL_FAILED


def test_a_mail_that_fails_leaves_its_ticket_alone(server: MailServer) -> None:
    ticket = factories.draft()
    before = Ticket.objects.filter(pk=ticket.pk).values().get()
    server.answers = {"rcpt": "550 no"}
    queued(ticket=ticket)

    turn()

    assert Ticket.objects.filter(pk=ticket.pk).values().get() == before
    assert AuditEntry.objects.order_by("-seq")[0].ticket_id == ticket.pk


def test_a_worker_that_is_lost_in_the_call_leaves_it_unknown_and_a_person_may_send_it_again(
    server: MailServer,
) -> None:
    mail = queued()
    taken = outbox.claim(now=NOON)
    assert taken is not None

    turn(NOON + outbox.LEASE - timedelta(seconds=1))
    assert stored(mail).state == MailState.SENDING
    turn(NOON + outbox.LEASE + timedelta(seconds=1))
    assert stored(mail).state == MailState.UNKNOWN
    assert server.taken == []

    with transaction.atomic():
        outbox.send_again(stored(mail), actor=actor("ada"), now=NOON)
    assert turn(NOON + timedelta(hours=1)) == 1
    assert not outbox.settle(taken, None, actor=WORKER, now=NOON)
    assert mail.attempts.count() == 2


def test_what_was_lost_and_answers_after_all_is_known(server: MailServer) -> None:
    mail = queued()
    taken = outbox.claim(now=NOON)
    assert taken is not None
    turn(NOON + outbox.LEASE + timedelta(seconds=1))

    assert outbox.settle(taken, None, actor=WORKER, now=NOON)

    assert stored(mail).state == MailState.SENT


def test_only_what_is_stuck_can_be_sent_again() -> None:
    mail = queued()
    with pytest.raises(UnableTo, match="sent again"), transaction.atomic():
        outbox.send_again(mail, actor=actor("ada"), now=NOON)


def test_two_workers_never_hold_the_same_mail() -> None:
    queued()
    assert outbox.claim(now=NOON) is not None
    assert outbox.claim(now=NOON) is None


def test_a_worker_that_was_held_up_gives_the_server_nothing(server: MailServer) -> None:
    ticks = iter([0.0, 1000.0])

    answer = deliver(queued(), seconds=300, tick=lambda: next(ticks))

    assert answer.error is MailError.HELD_UP
    assert server.taken == []


def test_without_a_mail_server_nothing_is_queued_and_nothing_is_sent(settings: Any) -> None:
    waiting = queued()
    settings.MAILS = False

    assert turn() == 0
    assert stored(waiting).state == MailState.WAITING
    assert outbox.queue(MailKind.REMINDER, key="x", recipient="a@example.org", subject="", body="", now=NOON) is None
    assert Mail.objects.count() == 1


def test_a_message_id_is_the_same_each_time_and_tells_nothing() -> None:
    first, second = queued("one"), queued("two")

    assert message_id(first) == message_id(stored(first)) != message_id(second)
    assert "one" not in message_id(first)


def test_a_reminder_asks_for_no_absence_note_and_is_emptied_once_it_is_sent(server: MailServer) -> None:
    mail = outbox.queue(MailKind.REMINDER, key="r", recipient="ada@example.org", subject="Due", body="Soon.", now=NOON)

    turn()

    assert server.taken[0]["Auto-Submitted"] == "auto-generated"
    assert mail is not None
    assert (stored(mail).recipient, stored(mail).subject, stored(mail).body) == ("", "", "")
