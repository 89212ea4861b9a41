"""Every state, verb and person: what the lifecycle allows leaves exactly one entry, everything else is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from requests_app.audit.texts import kept
from requests_app.audit_actions import AuditAction
from requests_app.enums import Outcome, State, Verb
from requests_app.models import Account, AuditEntry, AuditText, Contribution, Decision, Ticket
from requests_app.workflow import aftercare, approval, closing, outcomes, refusing, states, tickets
from requests_app.workflow.permissions import ROLE_VERBS, NotPermitted
from requests_app.workflow.policies import UnableTo
from requests_app.workflow.transition import Conflict, move
from tests import factories, step_events
from tests.people import CAST, actor
from tests.undone import undone

pytestmark = pytest.mark.django_db

# Ada opened the ticket, so Dan is the one who may decide about it.
PEOPLE = ("ada", "ben", "dan", "otto", "ruth", "sven")


def now() -> Any:
    return timezone.now()


PERFORM: dict[Verb, Callable[[Ticket, Any], object]] = {
    Verb.EDIT: lambda ticket, who: tickets.edit_ticket(
        ticket, factories.intake(factories.soft_plan(ticket.plan["user_ids"][0])), actor=who, now=now()
    ),
    Verb.SUBMIT: lambda ticket, who: tickets.submit(ticket, actor=who, now=now()),
    Verb.APPROVE: lambda ticket, who: approval.approve(
        ticket, actor=who, now=now(), confirm_user_id=ticket.plan["user_ids"][0], **factories.seen(ticket)
    ),
    Verb.REOPEN: lambda ticket, who: aftercare.reopen(ticket, actor=who, now=now()),
    Verb.TAKE_BACK: lambda ticket, who: tickets.take_back(ticket, actor=who, now=now()),
    Verb.SEND_BACK: lambda ticket, who: tickets.send_back(ticket, actor=who, now=now(), note="Why?"),
    Verb.REFUSE: lambda ticket, who: refusing.refuse(ticket, actor=who, now=now(), note="No.", code="11_2"),
    Verb.CANCEL: lambda ticket, who: tickets.cancel(ticket, actor=who, now=now()),
    Verb.RETRY: lambda ticket, who: aftercare.retry(ticket, actor=who, now=now(), note="Stream is well again."),
    Verb.GIVE_UP: lambda ticket, who: tickets.give_up(ticket, actor=who, now=now(), note="Enough."),
    Verb.ANSWER: lambda ticket, who: closing.answer(ticket, actor=who, now=now()),
    Verb.RESTORE: lambda ticket, who: aftercare.restore(ticket, actor=who, now=now(), note="By mistake."),
}
VERBS = tuple(PERFORM)
ENGINE_VERBS = (Verb.BEGIN, Verb.STOP, Verb.COMPLETE)


def bring(state: State, verb: Verb | None = None) -> Ticket:
    """A ticket in that state whose plan can be restored once it is done, by Dora where somebody had to decide.

    Only what was not sent can be reopened.
    """
    if verb is Verb.REOPEN and state is State.NEEDS_ATTENTION:
        return factories.held_back(factories.soft_plan())
    ticket = factories.IN_STATE[state](factories.soft_plan())
    return factories.told(ticket) if state in {State.COMPLETED, State.REFUSED} else ticket


def row(ticket: Ticket) -> dict[str, Any]:
    return Ticket.objects.filter(pk=ticket.pk).values().get()


def entries() -> list[str]:
    return list(AuditEntry.objects.order_by("seq").values_list("action", flat=True))


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("state", list(State))
def test_each_cell_of_the_lifecycle(state: State, verb: Verb) -> None:
    ticket = bring(state, verb)
    for who in PEOPLE:
        # Whoever comes next meets the ticket as it was.
        with undone():
            try_verb(verb, Ticket.objects.get(pk=ticket.pk), who)


def try_verb(verb: Verb, ticket: Ticket, who: str) -> None:
    """Allowed, it leaves its entries and leads on; else it is refused, and changes nothing."""
    before, log, role, state = row(ticket), entries(), CAST[who][1], State(ticket.state)
    after = states.target(state, verb)
    if role is None or verb not in ROLE_VERBS[role]:
        with pytest.raises(NotPermitted, match=r"\.$"):
            PERFORM[verb](ticket, actor(who))
        assert entries() == [*log, AuditAction.ATTEMPT_REFUSED], who
        assert row(ticket) == before, who
    elif after is None:
        with pytest.raises(UnableTo, match=state.label):
            PERFORM[verb](ticket, actor(who))
        assert entries() == log, who
        assert row(ticket) == before, who
    else:
        PERFORM[verb](ticket, actor(who))
        notice = [AuditAction.LETTER_WRITTEN] if verb is Verb.REFUSE else []
        assert entries() == [*log, *notice, states.AUDIT_ACTIONS[verb]], who
        assert row(ticket)["state"] == after, who
        assert row(ticket)["revision"] == before["revision"] + 1, who


@pytest.mark.parametrize("who", PEOPLE)
def test_opening_is_for_those_who_work_on_tickets(who: str) -> None:
    role = CAST[who][1]
    factories.stream_app()
    if role is not None and Verb.OPEN in ROLE_VERBS[role]:
        ticket = factories.draft(by=who)
        assert entries() == [AuditAction.TICKET_OPENED]
        assert ticket.contributions.get().actor_id == actor(who).id
    else:
        with pytest.raises(NotPermitted):
            factories.draft(by=who)
        assert entries() == [AuditAction.ATTEMPT_REFUSED]
        assert not Ticket.objects.exists()


def test_each_verb_is_walked() -> None:
    """Opening has no state to come from, and the first of two approvals is pressed like the other."""
    assert set(Verb) - {Verb.OPEN, Verb.APPROVE_FIRST} == {*PERFORM, *ENGINE_VERBS}


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("verb", ENGINE_VERBS)
def test_the_engine_moves_tickets_by_the_same_table(state: State, verb: Verb) -> None:
    ticket = bring(state)
    log = entries()
    report: dict[Verb, Callable[[], object]] = {
        Verb.BEGIN: lambda: outcomes.begin_all([ticket], actor=factories.WORKER, now=now()),
        Verb.STOP: lambda: outcomes.stop(ticket, actor=factories.WORKER, now=now(), reason="Look."),
        Verb.COMPLETE: lambda: move(ticket, Verb.COMPLETE, actor=factories.WORKER, now=now()),
    }
    after = states.target(state, verb)
    with transaction.atomic():
        if after is None:
            with pytest.raises(KeyError):
                report[verb]()
            assert entries() == log
        else:
            report[verb]()
            assert row(ticket)["state"] == after
            assert entries() == [*log, states.AUDIT_ACTIONS[verb]]


@pytest.mark.parametrize("opener", ["ada", "dan"])
def test_whoever_opened_or_edited_never_approves(opener: str) -> None:
    ticket = factories.submitted(by=opener)
    ticket = tickets.send_back(ticket, actor=actor("dora"), now=now(), note="Edit.")
    PERFORM[Verb.EDIT](ticket, actor("dan"))
    tickets.submit(ticket, actor=actor("ben"), now=now())
    before = row(ticket)

    with pytest.raises(NotPermitted, match="another data protection officer"):
        PERFORM[Verb.APPROVE](ticket, actor("dan"))

    assert row(ticket) == before
    assert entries()[-1] == AuditAction.ATTEMPT_REFUSED
    assert not Decision.objects.filter(verb=Verb.APPROVE.value).exists()
    PERFORM[Verb.APPROVE](ticket, actor("dora"))
    assert Contribution.objects.filter(ticket=ticket, actor=actor("dan").id).exists()


def test_an_edit_voids_what_was_shown() -> None:
    ticket = factories.submitted()
    shown = factories.seen(ticket)
    tickets.send_back(ticket, actor=actor("dora"), now=now(), note="Softer.")
    PERFORM[Verb.EDIT](ticket, actor("ada"))
    tickets.submit(ticket, actor=actor("ada"), now=now())

    with pytest.raises(UnableTo, match="plan changed"):
        approval.approve(
            ticket,
            actor=actor("dora"),
            now=now(),
            confirm_user_id=ticket.plan["user_ids"][0],
            **shown,
        )


def test_a_ticket_that_was_taken_back_is_decided_about_anew() -> None:
    factories.stream_app(second_approver=True)
    ticket = factories.submitted()
    shown = factories.seen(ticket)
    wanted = {"confirm_user_id": ticket.plan["user_ids"][0], **shown}
    approval.approve(ticket, actor=actor("dora"), now=now(), **wanted)
    wanted["revision"] = ticket.revision

    tickets.take_back(ticket, actor=actor("ben"), now=now())

    assert (row(ticket)["state"], row(ticket)["first_approved_by_id"]) == (State.DRAFT, None)
    assert entries()[-1] == AuditAction.TICKET_TAKEN_BACK
    with pytest.raises(UnableTo, match="Draft"):
        approval.approve(ticket, actor=actor("dan"), now=now(), **wanted)
    tickets.submit(ticket, actor=actor("ada"), now=now())
    with pytest.raises(UnableTo, match="ticket changed"):
        approval.approve(ticket, actor=actor("dan"), now=now(), **wanted)
    assert row(ticket)["state"] == State.AWAITING_DECISION


def test_what_was_decided_is_not_taken_back() -> None:
    ticket = factories.approved()

    with pytest.raises(UnableTo, match="Take back is not possible"):
        tickets.take_back(ticket, actor=actor("ada"), now=now())

    assert row(ticket)["state"] == State.APPROVED


def test_an_approval_needs_the_very_id() -> None:
    ticket = factories.submitted(factories.erase_plan("u_Ünique"))

    for typed in ("", "u_unique", "U_Ünique", "u_Ünique "):
        with pytest.raises(UnableTo):
            approval.approve(ticket, actor=actor("dora"), now=now(), confirm_user_id=typed, **factories.seen(ticket))
    assert row(ticket)["state"] == State.AWAITING_DECISION


def test_two_people_who_saw_the_same_ticket_do_not_both_act() -> None:
    ticket = factories.submitted()
    seen_by_dan = Ticket.objects.get(pk=ticket.pk)
    PERFORM[Verb.REFUSE](Ticket.objects.get(pk=ticket.pk), actor("dora"))
    log = entries()

    with pytest.raises(Conflict, match="Look at it again"):
        PERFORM[Verb.APPROVE](seen_by_dan, actor("dan"))

    assert row(ticket)["state"] == State.REFUSED
    assert entries() == log
    assert Decision.objects.count() == 1


def test_a_second_open_ticket_for_the_same_account_is_refused_with_the_first_ones_number() -> None:
    first = factories.draft(factories.erase_plan("u_1"))

    with pytest.raises(tickets.AlreadyOpen, match=first.reference) as caught:
        factories.draft(factories.erase_plan("u_0", "u_1"))
    assert caught.value.field == "user_ids"
    assert Ticket.objects.count() == 1
    factories.draft(factories.export_plan("u_1"))
    tickets.cancel(first, actor=actor("ada"), now=now())
    factories.draft(factories.erase_plan("u_1"))


def test_a_closed_ticket_frees_its_accounts_and_a_reopened_one_takes_them_back() -> None:
    ticket = factories.completed(factories.soft_plan("u_1"))
    assert not Account.objects.get(ticket=ticket).is_open
    aftercare.restore(ticket, actor=actor("dan"), now=now(), note="By mistake.")
    assert Account.objects.get(ticket=ticket).is_open


def test_a_restore_waits_for_the_other_ticket_of_the_account() -> None:
    ticket = factories.completed(factories.soft_plan("u_1"))
    factories.draft(factories.erase_plan("u_1"))
    before = row(ticket)

    with pytest.raises(UnableTo, match="Close that one"):
        aftercare.restore(ticket, actor=actor("dan"), now=now(), note="By mistake.")

    assert row(ticket) == before


def test_giving_up_tells_what_was_reached() -> None:
    nothing = factories.running()
    for step in nothing.steps.all():
        step_events.hold_back(step)
    factories.settled(nothing)
    some = factories.running(factories.erase_plan("u_7"))
    first, second = some.steps.order_by("rank")
    step_events.finish(first)
    step_events.fail(second)
    factories.settled(some)

    for ticket, outcome in ((nothing, Outcome.FAILED), (some, Outcome.PARTIAL)):
        tickets.give_up(ticket, actor=actor("dan"), now=now(), note="Enough.")
        assert row(ticket)["outcome"] == outcome


def test_reasons_are_kept_beside_the_log_and_named_by_it() -> None:
    ticket = factories.submitted()
    refusing.refuse(ticket, actor=actor("dora"), now=now(), note="  Not the owner.  ", code="11_2")

    entry = AuditEntry.objects.get(action=AuditAction.TICKET_REFUSED)
    assert [one.text for one in kept(AuditText.objects.filter(seq=entry.seq))] == ["Not the owner."]
    assert "Not the owner" not in str(entry.facts) + str(entry.texts)
    assert set(entry.texts) == {"note"}


@pytest.mark.parametrize("who", PEOPLE)
def test_notes_are_for_those_who_work_on_tickets(who: str) -> None:
    ticket = factories.draft()
    if who in {"ada", "ben", "dan"}:
        aftercare.add_note(ticket, actor=actor(who), now=now(), text="Called back.")
        assert entries()[-1] == AuditAction.NOTE_ADDED
    else:
        with pytest.raises(NotPermitted):
            aftercare.add_note(ticket, actor=actor(who), now=now(), text="Called back.")
        assert entries()[-1] == AuditAction.ATTEMPT_REFUSED
    assert ticket.notes.count() == (who in {"ada", "ben", "dan"})


def test_an_empty_note_is_none() -> None:
    with pytest.raises(UnableTo, match="Write something"):
        aftercare.add_note(factories.draft(), actor=actor("ada"), now=now(), text="  ")
