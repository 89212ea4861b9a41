"""A ticket that moves to another Stream app: nothing of the app that it left counts any more, nor who is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.enums import Channel, ExtensionGround, IdentityMethod, IdentityResult, Language, PauseOfClock
from requests_app.models import (
    AuditEntry,
    Mention,
    Preview,
    Recipient,
    StreamApp,
    Ticket,
)
from requests_app.workflow import (
    access,
    aftercare,
    approval,
    assignment,
    attachments,
    identity,
    letters,
    previews,
    recipients,
    tickets,
    time_limit,
)
from requests_app.workflow import plan as plans
from requests_app.workflow.permissions import NotPermitted
from requests_app.workflow.policies import UnableTo
from requests_app.workflow.previews import AccountSeen, Sight
from tests import factories
from tests.functional.test_app_roles import confine
from tests.functional.test_app_roles import other as other
from tests.people import actor, person, signed_in

pytestmark = pytest.mark.django_db

USER_ID = "only-in-chat-test"


def moved(ticket: Ticket, app: StreamApp, **changes: Any) -> Ticket:
    """The same request, but of that app."""
    intake = factories.intake(plans.from_json(ticket.plan), app, **changes)
    return tickets.edit_ticket(ticket, intake, actor=actor("ada"), now=timezone.now())


def test_a_preview_of_one_app_counts_for_no_approval_in_another(other: StreamApp) -> None:
    ticket, now = factories.submitted(factories.erase_plan(USER_ID)), timezone.now()
    sight = Sight((AccountSeen(True, name="Priya Raman"),))
    preview = previews.keep(ticket, sight, actor=actor("dora"), now=now)
    assert previews.fresh(ticket, now=now) == preview
    tickets.take_back(ticket, actor=actor("ada"), now=now)
    moved(ticket, other)
    tickets.submit(ticket, actor=actor("ada"), now=now)

    assert previews.fresh(ticket, now=now) is None
    assert Preview.objects.get().names == ""
    with pytest.raises(UnableTo, match="Look at the preview again"):
        approval.approve(
            ticket,
            actor=actor("dora"),
            now=now,
            confirm_user_id=USER_ID,
            plan_digest=ticket.plan_digest,
            revision=ticket.revision,
            preview_digest=preview.digest,
        )


def refused() -> list[str]:
    attempts = AuditEntry.objects.filter(action=AuditAction.ATTEMPT_REFUSED.value)
    return [entry.actor_name for entry in attempts.order_by("seq")]


def test_a_note_on_the_way_to_another_app_mentions_the_people_of_that_one(other: StreamApp) -> None:
    ticket = factories.draft(factories.erase_plan(USER_ID))
    person("dan")
    confine("ben", ticket.stream_app)
    confine("dora", other)

    with pytest.raises(UnableTo, match="of this app is called @ben"):
        moved(ticket, other, note="Look, @ben.")
    moved(Ticket.objects.get(), other, note="Look, @dora.")

    assert [one.person.username for one in Mention.objects.all()] == ["dora"]


def test_an_owner_whose_role_does_not_hold_in_the_new_app_is_none(other: StreamApp) -> None:
    ticket = factories.draft(factories.erase_plan(USER_ID), by="ben")
    confine("ben", ticket.stream_app)

    moved(Ticket.objects.get(), other)

    assert Ticket.objects.get().owner is None
    assert AuditEntry.objects.latest("seq").facts["owner_lost"] == person("ben").pk
    shown = signed_in("ada").get("/tickets/", {"view": "unassigned"}).content.decode()
    assert ticket.reference in shown


def test_an_owner_whose_role_holds_in_the_new_app_stays(other: StreamApp) -> None:
    ticket = factories.draft(factories.erase_plan(USER_ID), by="ben")
    confine("ben", ticket.stream_app, other)

    moved(Ticket.objects.get(), other)

    assert Ticket.objects.get().owner == person("ben")


def deeds(ticket: Ticket, dan: Actor) -> dict[str, Callable[[], object]]:
    """What somebody does to a ticket besides the verbs."""
    now = timezone.now()
    who: dict[str, Any] = {"actor": dan, "now": now}
    letter = letters.draft(ticket, letters.fitting(ticket)[0], Language.ENGLISH, now=now)
    kept = letters.write(ticket, letter, **who)
    file = attachments.add(ticket, [b"words"], name="a.txt", size=5, **who)
    today, by_letter = timezone.localdate(), Channel.LETTER
    notice: dict[str, Any] = {"reason": "Much.", "notice_on": today, "notice_channel": by_letter}
    confirmed_by: dict[str, Any] = {"method": IdentityMethod.DOCUMENT, "result": IdentityResult.CONFIRMED}
    return {
        "assign": lambda: assignment.assign(ticket, None, **who),
        "note": lambda: aftercare.add_note(ticket, text="Words.", **who),
        "add a file": lambda: attachments.add(ticket, [b"words"], name="b.txt", size=5, **who),
        "remove a file": lambda: attachments.remove(file, why="Wrong.", **who),
        "check the identity": lambda: identity.record(ticket, **confirmed_by, **who),
        "extend": lambda: time_limit.extend(ticket, ground=ExtensionGround.COMPLEXITY, **notice, **who),
        "ask": lambda: time_limit.ask(ticket, kind=PauseOfClock.IDENTITY, asked_on=today, question="Who?", **who),
        "write a letter": lambda: letters.write(ticket, letter, **who),
        "send a letter": lambda: letters.send(kept, **who),
        "send by hand": lambda: letters.sent_by_hand(kept, sent_on=today, channel=by_letter.value, **who),
    }


def test_a_deed_asks_for_the_app_that_the_ticket_has_by_then(other: StreamApp) -> None:
    ticket = factories.draft(factories.erase_plan(USER_ID))
    every = deeds(ticket, confine("dan", ticket.stream_app))
    Ticket.objects.filter(pk=ticket.pk).update(stream_app=other)

    for name, deed in every.items():
        before = len(refused())
        with pytest.raises(NotPermitted, match="does not hold in this Stream app"):
            deed()
        access.record_waiting()
        assert len(refused()) == before + 1, name


def test_the_checklist_of_a_ticket_that_moved_is_not_for_the_old_app(other: StreamApp) -> None:
    Recipient.objects.create(stream_app=factories.stream_app(), name="Mail house")
    informing = factories.completed(factories.erase_plan(USER_ID)).informings.get()
    ben = confine("ben", informing.ticket.stream_app)
    Ticket.objects.update(stream_app=other)

    with pytest.raises(NotPermitted):
        recipients.answer(informing, informed_on=None, told=False, words="No.", actor=ben, now=timezone.now())
    access.record_waiting()


def test_nobody_is_made_owner_by_the_app_that_the_ticket_left(other: StreamApp) -> None:
    ticket = factories.draft(factories.erase_plan(USER_ID))
    confine("ben", ticket.stream_app)
    Ticket.objects.filter(pk=ticket.pk).update(stream_app=other)

    with pytest.raises(UnableTo, match="does not hold in the Stream app of this ticket"):
        assignment.assign(ticket, person("ben"), actor=actor("ada"), now=timezone.now())
