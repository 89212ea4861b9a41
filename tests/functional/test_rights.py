"""Whatever door is taken, what changes something asks for its right, and an attempt without it is an entry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone

from requests_app.audit_actions import AuditAction
from requests_app.enums import (
    Channel,
    ExtensionGround,
    IdentityMethod,
    IdentityResult,
    Language,
    LetterKind,
    PauseOfClock,
)
from requests_app.models import AuditEntry, StreamApp, Ticket
from requests_app.workflow import (
    aftercare,
    apps,
    assignment,
    attachments,
    audit_keys,
    cover_sheets,
    holds,
    identity,
    letter_templates,
    letters,
    pauses,
    recipients,
    retention,
    time_limit,
    unmasking,
)
from requests_app.workflow.permissions import NotPermitted
from requests_app.workflow.rights import RIGHTS, Right
from tests import factories
from tests.people import CAST, actor

pytestmark = pytest.mark.django_db

PEOPLE = ("ada", "dora", "otto", "ruth", "sven")
Attempt = Callable[[Ticket, dict[str, Any]], object]


def app_of(ticket: Ticket) -> StreamApp:
    return ticket.stream_app


def today() -> Any:
    return timezone.localdate()


ATTEMPTS: list[tuple[Right, Attempt]] = [
    (Right.ASSIGN, lambda ticket, by: assignment.assign(ticket, None, **by, note="", shown_owner_id=None)),
    (Right.WRITE_NOTES, lambda ticket, by: aftercare.add_note(ticket, **by, text="Look.")),
    (
        Right.HANDLE_FILES,
        lambda ticket, by: attachments.add(ticket, ContentFile(b"x").chunks(), name="a.txt", size=1, **by),
    ),
    (
        Right.CHECK_IDENTITY,
        lambda ticket, by: identity.record(
            ticket, **by, method=IdentityMethod.EMAIL_LOOP, result=IdentityResult.CONFIRMED
        ),
    ),
    (
        Right.STOP_THE_CLOCK,
        lambda ticket, by: time_limit.ask(
            ticket, **by, kind=PauseOfClock.IDENTITY, asked_on=today(), question="Who are you?"
        ),
    ),
    (Right.STOP_THE_CLOCK, lambda ticket, by: time_limit.answer(ticket, 1, **by, answered_on=today())),
    (
        Right.EXTEND_THE_TIME,
        lambda ticket, by: time_limit.extend(
            ticket,
            **by,
            ground=ExtensionGround.COMPLEXITY,
            reason="Much.",
            notice_on=today(),
            notice_channel=Channel.EMAIL,
        ),
    ),
    (Right.WRITE_LETTERS, lambda ticket, by: letters.may_write(by["actor"], now=by["now"], ticket=ticket)),
    (Right.ERASE_DETAILS, lambda ticket, by: retention.erase_by_hand(ticket, **by, note="Asked for.")),
    (Right.UNMASK, lambda ticket, by: unmasking.unmask(ticket, **by, note="A review.")),
    (Right.UNMASK, lambda ticket, by: unmasking.mask(ticket, **by)),
    (Right.HOLD, lambda ticket, by: holds.place(app_of(ticket), "u_1", **by, reason="A claim.")),
    (Right.PAUSE, lambda ticket, by: pauses.pause(app_of(ticket), **by, reason="Look first.")),
    (Right.DESTROY_KEYS, lambda ticket, by: audit_keys.record_destroyed(2001, **by, reason="Too old.")),
    (Right.SET_UP_APPS, lambda ticket, by: apps.save_app(app_of(ticket), **by, changed=["name"])),
    (Right.SET_UP_APPS, lambda ticket, by: recipients.save(app_of(ticket), ["Payroll"], **by)),
    (Right.FILL_IN_COVER_SHEETS, lambda ticket, by: cover_sheets.save(app_of(ticket), {}, based_on=0, **by)),
    (
        Right.CHANGE_LETTERS,
        lambda ticket, by: letter_templates.save(
            LetterKind.RECEIPT, Language.ENGLISH, subject="Yours", body="Thank you.", shown=1, **by
        ),
    ),
]


LACKING = [
    pytest.param(who, right, attempt, id=f"{who}-{place}-{right.name}")
    for place, (right, attempt) in enumerate(ATTEMPTS)
    for who in PEOPLE
    if CAST[who][1] not in RIGHTS[right].roles
]


@pytest.mark.parametrize(("who", "right", "attempt"), LACKING)
def test_an_attempt_without_the_right_is_refused_and_kept(who: str, right: Right, attempt: Attempt) -> None:
    ticket = factories.submitted()
    log = AuditEntry.objects.count()

    with pytest.raises(NotPermitted, match=r"\.$"):
        attempt(ticket, {"actor": actor(who), "now": timezone.now()})

    (entry,) = AuditEntry.objects.order_by("seq")[log:]
    assert (entry.action, entry.facts["what"]) == (AuditAction.ATTEMPT_REFUSED.value, right.value)
