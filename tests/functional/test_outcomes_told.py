"""What became of a ticket claims no more than was seen, wherever it is told; and what is not possible says why."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.utils import timezone

from requests_app.enums import Outcome, Role, State, Verb
from requests_app.models import Ticket
from requests_app.queries import ticket_page
from requests_app.workflow import holds, permissions, states
from requests_app.workflow.actions import actions_for
from tests import factories, step_events
from tests.people import CAST, actor, signed_in

pytestmark = pytest.mark.django_db

# "Erased" as a claim: not "not erased", and not the verb of a request.
CLAIM = re.compile(r"(?<!not )(?<!Not )\bErased\b|(?<!not )\berased\b(?! account)")
DONE = re.compile(r"\b(Done|Erased|Verified|Exported)\b")


def finished(outcome: Outcome) -> Ticket:
    """A ticket whose steps came to this outcome."""
    plan = factories.soft_plan("u_1") if outcome is Outcome.HIDDEN else factories.erase_plan("u_1")
    ticket = factories.nothing_found(plan) if outcome is Outcome.NOTHING_FOUND else factories.completed(plan)
    assert ticket.outcome == outcome
    return ticket


def everywhere(ticket: Ticket) -> dict[str, str]:
    """What each place says of the ticket, as text."""
    ada = signed_in("ada")
    page = ada.get(f"/tickets/{ticket.reference}/").content.decode()
    rows = ada.get("/tickets/?view=all").content.decode()
    row = next(part for part in rows.split("<tr") if ticket.reference in part)
    csv = b"".join(ada.get("/tickets/list.csv?view=all").streaming_content).decode()  # type: ignore[attr-defined]
    events = ticket_page.progress(ticket, clear=True).events
    return {
        "heading": _text(page[page.index("<h1") : page.index("</h1>")]),
        "milestones": " ".join(stone.label for stone in ticket_page.milestones(ticket)),
        "callout": _text(page[page.index('id="progress"') : page.index("steps-title")]),
        "list": _text(row),
        "csv": next(line for line in csv.splitlines() if ticket.reference in line),
        "activity": next(event.text for event in events if event.text.startswith("Completed")),
    }


def _text(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


@pytest.mark.parametrize("place", ["heading", "milestones", "callout", "list", "csv", "activity"])
def test_a_soft_only_plan_never_reads_erased(place: str) -> None:
    said = everywhere(finished(Outcome.HIDDEN))[place]

    assert "idden, not erased" in said
    assert not CLAIM.search(said)
    assert "Verified" not in said


@pytest.mark.parametrize("place", ["heading", "milestones", "callout", "list", "csv", "activity"])
def test_nothing_found_never_reads_done(place: str) -> None:
    said = everywhere(finished(Outcome.NOTHING_FOUND))[place]

    assert "othing found" in said
    assert not DONE.search(said)
    if place in {"heading", "milestones", "list", "csv"}:
        assert "Completed" not in said


def test_what_was_erased_reads_so() -> None:
    for said in everywhere(finished(Outcome.ERASED)).values():
        assert "rased" in said


@pytest.mark.parametrize("outcome", list(Outcome))
def test_every_outcome_has_its_words(outcome: Outcome) -> None:
    ticket = factories.completed()
    Ticket.objects.filter(pk=ticket.pk).update(outcome=outcome.value)

    page = signed_in("ada").get(f"/tickets/{ticket.reference}/")

    told = page.context["told"]
    assert f"<b>{outcome.label}.</b>" in page.content.decode()
    assert (told.tone == "green") == (outcome in {Outcome.ERASED, Outcome.EXPORTED})


def test_what_could_not_be_read_back_is_not_verified() -> None:
    ticket = factories.running(factories.erase_plan("u_1"))
    for step in ticket.steps.all():
        step_events.finish_unread(step)
    ticket = factories.settled(ticket)

    assert ticket.outcome == Outcome.NOT_VERIFIED
    assert "Not read back" in [stone.label for stone in ticket_page.milestones(ticket)]


def test_a_file_tells_until_when_it_can_be_had_and_how_long_a_link_lives() -> None:
    ticket = factories.completed(factories.export_plan("u_1", export_feeds_data=False))
    line = ticket_page.step_lines(ticket, clear=True)[0]
    assert line.file_until is not None
    assert line.finished_at is not None
    assert (line.file_until - line.finished_at).days == 60


@pytest.mark.parametrize("who", ["ben", "dan", "otto", "ruth"])
@pytest.mark.parametrize("state", list(State))
def test_every_verb_of_a_role_is_there_or_says_why_not(state: State, who: str) -> None:
    ticket = factories.IN_STATE[state](factories.soft_plan("u_1"))
    role = CAST[who][1]
    client = signed_in(who)
    answer = client.get(f"/tickets/{ticket.reference}/")
    if answer.status_code == 404:
        assert state is State.DRAFT
        assert role in {Role.AUDITOR, Role.ADMINISTRATOR}
        return
    page = unescape(answer.content.decode())
    told = {action.verb: action for action in actions_for(ticket, actor(who), now=timezone.now())}

    always = (Verb.EDIT, Verb.SUBMIT, Verb.APPROVE, Verb.SEND_BACK, Verb.REFUSE, Verb.CANCEL)
    assert {verb for verb in always if permissions.may(actor(who), verb)} <= set(told)
    for verb, action in told.items():
        url = f"/tickets/{ticket.reference}/{verb.value.replace('_', '-')}/"
        offered = f'action="{url}"' in page or (verb in {Verb.EDIT, Verb.REFUSE} and f'href="{url}"' in page)
        assert offered == action.allowed or (verb is Verb.SUBMIT and offered), verb
        if not action.allowed:
            assert action.reason in page, verb
        if states.target(state, verb) is None:
            assert not action.allowed, verb


def test_a_draft_on_hold_can_still_be_edited() -> None:
    ticket = factories.draft(factories.erase_plan("u_1"))
    holds.place(ticket.stream_app, "u_1", actor=actor("dora"), now=timezone.now(), reason="A claim.")

    page = signed_in("ada").get(f"/tickets/{ticket.reference}/").content.decode()

    assert f"/tickets/{ticket.reference}/edit/" in page
    assert 'id="blocked-submit"' in page


def test_the_activity_ends_with_the_state_of_the_chain() -> None:
    ticket = factories.submitted()
    dora = signed_in("dora")

    assert "Not checked yet" in dora.get(f"/tickets/{ticket.reference}/").content.decode()
    dora.post("/audit/check/")
    page = dora.get(f"/tickets/{ticket.reference}/")
    assert "Found intact" in page.content.decode()
    assert page.context["chain"].state.head in page.content.decode()
    assert f"/audit/?ticket={ticket.reference}" in page.content.decode()
