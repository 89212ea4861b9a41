"""Tickets in any state, brought there by the verbs that people and the engine use."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any

from django.utils import timezone

from requests_app.audit.actor import worker
from requests_app.engine.phases import begin
from requests_app.enums import (
    Channel,
    Ground,
    Kind,
    Language,
    Mode,
    Refusal,
    State,
)
from requests_app.models import CoverSheet, Preview, StreamApp, Ticket
from requests_app.workflow import approval, cover_sheets, letters, outcomes, recipients, refusing, tickets
from requests_app.workflow.intake import Intake
from requests_app.workflow.plan import Plan
from tests import step_events
from tests.canary import API_KEY, SECRET
from tests.people import actor, person

_numbers = itertools.count(1)
WORKER = worker("test-host")
# Nothing listens there: a test that calls Stream by mistake gets a refused connection.
NOWHERE = "http://127.0.0.1:9"


def stream_app(**changes: Any) -> StreamApp:
    """The one Stream app of the tests."""
    values = {"base_url": NOWHERE, "api_key": API_KEY, "api_secret": SECRET, "identity_required": False}
    app, made = StreamApp.objects.get_or_create(name="chat-test", defaults=values | changes)
    if changes and not made:
        for name, value in changes.items():
            setattr(app, name, value)
        app.save()
    cover_sheet(app)
    return app


def cover_sheet(app: StreamApp) -> CoverSheet:
    """A sheet that goes with the exports of the app; apps of the tests have one unless a test wants none."""
    found = CoverSheet.objects.filter(stream_app=app, version=1).first()
    if found is None:
        told = {question.name: f"About {question.article}." for question in cover_sheets.QUESTIONS}
        found = CoverSheet.objects.create(
            stream_app=app, version=1, saved_by=person("dora"), saved_at=timezone.now(), **told
        )
    return found


def erase_plan(*user_ids: str, **changes: Any) -> Plan:
    """An erasure of everything, of somebody new unless ids are given."""
    hard: dict[str, Any] = {
        "feeds_data": Mode.HARD,
        "user": Mode.HARD,
        "messages": Mode.HARD,
        "conversations": Mode.HARD,
        "calls": Mode.HARD,
        "files": True,
    }
    return Plan(kind=Kind.ERASE, user_ids=user_ids or (f"user-{next(_numbers)}",), **(hard | changes))


def soft_plan(*user_ids: str, **changes: Any) -> Plan:
    """An erasure that hides."""
    soft: dict[str, Any] = {"feeds_data": Mode.KEEP, "user": Mode.SOFT, "messages": Mode.SOFT}
    kept = {"conversations": Mode.KEEP, "calls": Mode.KEEP, "files": False}
    return erase_plan(*user_ids, **(soft | kept | changes))


def export_plan(*user_ids: str, **changes: Any) -> Plan:
    """An export of everything."""
    both: dict[str, Any] = {"export_feeds_data": True, "export_user_data": True}
    return Plan(kind=Kind.EXPORT, user_ids=user_ids or (f"user-{next(_numbers)}",), **(both | changes))


def intake(plan: Plan | None = None, app: StreamApp | None = None, **changes: Any) -> Intake:
    """What an agent writes down of a request that came today."""
    values: dict[str, Any] = {
        "stream_app": app or stream_app(),
        "plan": plan or erase_plan(),
        "received_on": timezone.localdate(),
        "channel": Channel.EMAIL,
        "ground": Ground.CONSENT_WITHDRAWN.value if plan is None or plan.kind is Kind.ERASE else "",
    }
    return Intake(**(values | changes))


def draft(plan: Plan | None = None, *, by: str = "ada", app: StreamApp | None = None, **changes: Any) -> Ticket:
    """A ticket that an agent wrote down."""
    return tickets.open_ticket(intake(plan, app, **changes), actor=actor(by), now=timezone.now())


def submitted(plan: Plan | None = None, *, by: str = "ada", **changes: Any) -> Ticket:
    """A ticket that waits for the DPO."""
    ticket = draft(plan, by=by, **changes)
    return tickets.submit(ticket, actor=actor(by), now=timezone.now())


def sent_back(plan: Plan | None = None, **changes: Any) -> Ticket:
    """A ticket that came back to the agent."""
    return tickets.send_back(submitted(plan, **changes), actor=actor("dora"), now=timezone.now(), note="Which app?")


def refused(plan: Plan | None = None, **changes: Any) -> Ticket:
    """A ticket that the DPO refused."""
    ticket, code = submitted(plan, **changes), Refusal.NOT_IDENTIFIABLE.value
    return refusing.refuse(ticket, actor=actor("dora"), now=timezone.now(), note="Not the owner.", code=code)


def cancelled(plan: Plan | None = None, **changes: Any) -> Ticket:
    """A ticket that was withdrawn."""
    return tickets.cancel(draft(plan, **changes), actor=actor("ada"), now=timezone.now())


def seen(ticket: Ticket, *, at: datetime | None = None) -> dict[str, Any]:
    """What an approval says of what was read, over a preview for which Stream could not be asked. Leaves no entry."""
    now = at or timezone.now()
    preview = Preview.objects.create(
        ticket=ticket,
        stream_app=ticket.stream_app,
        plan_digest=ticket.plan_digest,
        made_by=person("dora"),
        made_at=now,
        answered=False,
        content={"v": 1, "accounts": [], "trouble": "Stream did not answer."},
        digest=f"{next(_numbers):064x}",
    )
    shown = {"plan_digest": ticket.plan_digest, "revision": ticket.revision}
    return {**shown, "preview_digest": preview.digest, "without_preview": True}


def approved(
    plan: Plan | None = None, *, at: datetime | None = None, send_if_absent: bool = False, **changes: Any
) -> Ticket:
    """A ticket that the engine may take up."""
    ticket = submitted(plan, **changes)
    return approval.approve(
        ticket,
        actor=actor("dora"),
        now=at or timezone.now(),
        confirm_user_id=ticket.plan["user_ids"][0],
        send_if_absent=send_if_absent,
        **seen(ticket, at=at),
    )


def running(plan: Plan | None = None, **changes: Any) -> Ticket:
    """A ticket whose steps are laid out, none of them sent."""
    ticket = approved(plan, **changes)
    begin.begin_approved(actor=WORKER, now=timezone.now())
    ticket.refresh_from_db()
    return ticket


def settled(ticket: Ticket) -> Ticket:
    """The ticket after the engine has looked at its steps."""
    outcomes.settle_all([ticket.pk], actor=WORKER, now=timezone.now())
    ticket.refresh_from_db()
    return ticket


def stopped(plan: Plan | None = None, *, says: str = "quota", **changes: Any) -> Ticket:
    """A ticket at which a person must look, for a reason that Stream says."""
    ticket = running(plan, **changes)
    for step in ticket.steps.all():
        step_events.fail(step, says=says)
    return settled(ticket)


def held_back(plan: Plan | None = None, **changes: Any) -> Ticket:
    """A ticket that stopped for a person before anything of it was sent."""
    ticket = running(plan, **changes)
    for step in ticket.steps.all():
        step_events.hold_back(step)
    return settled(ticket)


def completed(plan: Plan | None = None, **changes: Any) -> Ticket:
    """A ticket that went through, with the outcome that its plan amounts to."""
    ticket = running(plan, **changes)
    for step in ticket.steps.all():
        step_events.finish(step)
    return settled(ticket)


def nothing_found(plan: Plan | None = None, **changes: Any) -> Ticket:
    """A ticket of whose accounts Stream shows nobody."""
    ticket = running(plan, **changes)
    for step in ticket.steps.all():
        step_events.find_nobody(step)
    return settled(ticket)


def told(ticket: Ticket, *, by: str = "ben", now: datetime | None = None) -> Ticket:
    """The same with everybody told: the person by hand, the recipients by mail."""
    now, who = now or timezone.now(), actor(by)
    today = timezone.localdate(now)
    if ticket.state == State.COMPLETED:
        kind = letters.fitting(ticket)[0]
        letters.write(ticket, letters.draft(ticket, kind, Language.ENGLISH, now=now), actor=who, now=now)
    for letter in ticket.letters.all():
        letters.sent_by_hand(letter, actor=who, now=now, sent_on=today, channel=Channel.LETTER.value)
    for informing in ticket.informings.filter(answered_at__isnull=True):
        recipients.answer(informing, informed_on=today, told=True, words="Mail to them.", actor=who, now=now)
    return ticket


IN_STATE = {
    State.DRAFT: draft,
    State.AWAITING_DECISION: submitted,
    State.SENT_BACK: sent_back,
    State.APPROVED: approved,
    State.RUNNING: running,
    State.NEEDS_ATTENTION: stopped,
    State.COMPLETED: completed,
    State.REFUSED: refused,
    State.CANCELLED: cancelled,
}
