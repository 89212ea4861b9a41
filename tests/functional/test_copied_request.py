"""A new request that begins as a copy of a closed one, or of what is left of it."""

from __future__ import annotations

import re

import pytest
from django.http import HttpResponse
from django.utils import timezone

from requests_app.audit_actions import AuditAction
from requests_app.enums import Kind, Mode, State
from requests_app.models import AuditEntry, Step, Ticket
from requests_app.workflow import plan as plans
from requests_app.workflow import retention, tickets
from requests_app.workflow.retained import Stage
from tests import factories, step_events
from tests.people import actor, signed_in

pytestmark = pytest.mark.django_db

NEW = "/tickets/new/"


def copy(ticket: Ticket, *, who: str = "ada", left: bool = False) -> HttpResponse:
    return signed_in(who).get(NEW, {"copy": ticket.reference, **({"accounts": "left"} if left else {})})


def shown(answer: HttpResponse) -> dict[str, object]:
    form = answer.context["form"]  # type: ignore[attr-defined]
    return {name: form[name].value() for name in form.fields}


def partly_done() -> Ticket:
    """Of three accounts one was erased, and the others failed."""
    ticket = factories.running(factories.erase_plan("u_1", "u_2", "u_3", feeds_data=Mode.KEEP))
    first, *others = Step.objects.order_by("position")
    step_events.finish(first)
    for step in others:
        step_events.fail(step)
    stopped = factories.settled(ticket)
    tickets.give_up(stopped, actor=actor("dora"), now=timezone.now(), note="Enough.")
    return Ticket.objects.get(pk=ticket.pk)


def test_it_begins_with_what_was_asked_for() -> None:
    plan = factories.soft_plan("u_1", files=True)
    ticket = factories.refused(plan, requester_name="Mia Person", requester_email="mia@example.org")

    answer = copy(ticket)

    values = shown(answer)
    assert (values["kind"], values["user"], values["files"]) == (Kind.ERASE, Mode.SOFT, True)
    assert (values["requester_name"], values["requester_email"]) == ("Mia Person", "mia@example.org")
    assert values["received_on"] == ticket.received_on
    assert values["note"] == f"Copied from {ticket.reference}."
    words = answer.content.decode()
    assert f'Copied from <a href="/tickets/{ticket.reference}/">{ticket.reference}</a>' in words
    assert re.search(r"<textarea[^>]*>\s*u_1</textarea>", words)


def test_what_it_shows_is_sent_as_a_request_of_its_own() -> None:
    ticket = factories.refused(factories.soft_plan("u_1"))
    values = {name: value for name, value in shown(copy(ticket)).items() if value not in {None, False, ""}}
    typed = {name: getattr(value, "value", value) for name, value in values.items()} | {"user_ids": "u_1"}
    typed |= {name: "yes" if value is True else value for name, value in typed.items()}

    signed_in("ada").post(NEW, {**typed, "action": "draft"})

    copied = Ticket.objects.exclude(pk=ticket.pk).get()
    assert copied.state == State.DRAFT
    assert plans.from_json(copied.plan) == plans.from_json(ticket.plan)
    assert copied.notes.get().text == f"Copied from {ticket.reference}."


def test_a_copy_that_is_refused_still_says_where_it_comes_from() -> None:
    ticket = factories.refused(factories.soft_plan("u_1"))
    words = f'Copied from <a href="/tickets/{ticket.reference}/">'
    first = copy(ticket).content.decode()
    assert f'name="copied" value="{ticket.reference}"' in first

    again = signed_in("ada").post(NEW, {"copied": ticket.reference, "kind": "erase", "action": "submit"})

    assert again.status_code == 422
    assert words in again.content.decode()
    for nobody_s in ("DSR-999999", "no reference", "DSR-1' OR 1", "\0"):
        assert (
            "Copied from" not in signed_in("ada").post(NEW, {"copied": nobody_s, "action": "submit"}).content.decode()
        )


def test_what_is_left_holds_the_accounts_that_were_not_reached() -> None:
    ticket = partly_done()

    values = shown(copy(ticket, left=True))

    assert values["user_ids"] == "u_2\nu_3"
    assert values["note"] == f"What is left of {ticket.reference}: 2 of 3 accounts."
    page = signed_in("ada").get(f"/tickets/{ticket.reference}/").content.decode()
    assert "2 accounts were not reached, or nobody could look." in page
    assert f"{NEW}?copy={ticket.reference}&amp;accounts=left" in page


def test_where_nothing_is_left_all_of_it_is_copied() -> None:
    ticket = factories.completed(factories.erase_plan("u_1"))

    assert shown(copy(ticket, left=True))["user_ids"] == "u_1"
    page = signed_in("ada").get(f"/tickets/{ticket.reference}/").content.decode()
    assert "accounts=left" not in page
    assert f"{NEW}?copy={ticket.reference}" in page


def test_opening_it_leaves_the_entry_of_a_reading() -> None:
    ticket = factories.completed(factories.erase_plan("u_1"))

    copy(ticket)

    entry = AuditEntry.objects.filter(action=AuditAction.TICKET_READ).get()
    assert (entry.ticket_id, entry.actor_id) == (ticket.pk, actor("ada").id)


def test_it_is_for_those_who_write_requests_and_for_closed_ones() -> None:
    closed = factories.completed(factories.erase_plan("u_1"))
    open_one = factories.submitted(factories.erase_plan("u_2"))

    assert copy(closed, who="otto").status_code == 403
    assert "?copy=" not in signed_in("otto").get(f"/tickets/{closed.reference}/").content.decode()
    assert "?copy=" not in signed_in("ada").get(f"/tickets/{open_one.reference}/").content.decode()
    assert signed_in("ada").get(NEW, {"copy": "DSR-999999"}).status_code == 404
    assert signed_in("ada").get(NEW, {"copy": "DSR-1' OR 1"}).status_code == 404


def test_of_what_was_erased_nothing_is_copied() -> None:
    ticket = factories.completed(factories.erase_plan("u_1"))
    assert retention.erase(ticket.pk, Stage.REST, actor=factories.WORKER, now=timezone.now())

    answer = copy(Ticket.objects.get(pk=ticket.pk))

    assert shown(answer)["user_ids"] in {None, ""}
    assert f"The user ids of {ticket.reference} were erased" in answer.content.decode()
