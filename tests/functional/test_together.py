"""Several people on one ticket: notes that mention somebody, who is there, and conflicts that lose nothing typed."""

from __future__ import annotations

from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from requests_app.enums import Refusal, State
from requests_app.models import Mention, Note, Presence, Ticket
from requests_app.upkeep import left_pages
from requests_app.workflow import aftercare, approval, assignment, mentions, presence, refusing, tickets
from requests_app.workflow.policies import UnableTo
from tests import factories
from tests.canary import NAME
from tests.people import actor, person, signed_in

pytestmark = pytest.mark.django_db


def path(ticket: Ticket, rest: str = "") -> str:
    return f"/tickets/{ticket.reference}/{rest}"


def page(client: Client, ticket: Ticket) -> str:
    return unescape(client.get(path(ticket)).content.decode())


def refuse(ticket: Ticket) -> Ticket:
    """Dan refuses."""
    code = Refusal.UNFOUNDED.value
    return refusing.refuse(
        ticket, actor=actor("dan"), now=timezone.now(), note="No.", code=code, evidence="The twelfth of this week."
    )


def note(ticket: Ticket, text: str, by: str = "ada") -> Note:
    written = aftercare.add_note(ticket, actor=actor(by), now=timezone.now(), text=text)
    assert written is not None
    return written


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Ask @ben.", {"ben"}),
        ("@ben", {"ben"}),
        ("(@ben, @dora)", {"ben", "dora"}),
        ("@ben@dora", set()),
        ("ben@example.org and x/@ben", set()),
        ("@@ben", set()),
        ("@Ben", set()),
        ("@ben-", {"ben"}),
    ],
)
def test_a_mention_is_a_user_name_behind_an_at_and_no_e_mail_address(text: str, named: set[str]) -> None:
    assert {part.name for part in mentions.parts(text, {"ben", "dora"}) if part.name} == named
    assert "".join(part.text for part in mentions.parts(text, {"ben", "dora"})) == text


def test_whoever_is_mentioned_finds_it_in_their_work_until_they_open_the_ticket() -> None:
    ticket = factories.submitted()
    ben, dora = signed_in("ben"), signed_in("dora")
    person("dora")
    note(ticket, "Please call back, @ben. (@ben!)")

    assert Mention.objects.count() == 1
    assert "You were mentioned" in ben.get("/").content.decode()
    assert "You were mentioned" not in dora.get("/").content.decode()
    ben.get(path(ticket, "progress/"))
    assert "You were mentioned" in ben.get("/").content.decode()
    ben.get(path(ticket))
    assert "You were mentioned" not in ben.get("/").content.decode()

    note(ticket, "Once more, @ben.")
    assert "You were mentioned" in ben.get("/").content.decode()


@pytest.mark.parametrize("stranger", ["nobody", "otto", "ruth", "sven", "gone"])
def test_a_mention_of_somebody_who_does_not_read_notes_is_told_at_the_field(stranger: str) -> None:
    if stranger == "gone":
        leaver = person("ben")
        leaver.username, leaver.is_active = "gone", False
        leaver.save()
    elif stranger != "nobody":
        person(stranger)
    ticket = factories.submitted()

    answer = signed_in("ada").post(path(ticket, "note/"), {"note": f"Look at this, @{stranger}."})

    shown = unescape(answer.content.decode())
    assert answer.status_code == 422
    assert f"Nobody who works on tickets of this app is called @{stranger}." in shown
    assert f"Look at this, @{stranger}.</textarea>" in shown
    assert not Note.objects.exists()


def test_a_hand_over_and_the_first_note_mention_people_too() -> None:
    person("ben")
    ticket = factories.draft(note="For @ben.")
    assignment.assign(
        ticket,
        person("ben"),
        actor=actor("ada"),
        now=timezone.now(),
        note="Yours, @ben. @dora knows." if person("dora") else "",
    )

    assert sorted(Mention.objects.values_list("person__username", flat=True)) == ["ben", "ben", "dora"]
    with pytest.raises(UnableTo, match="@nobody"):
        factories.draft(note="For @nobody.")


def test_a_note_is_shown_escaped_with_its_lines_and_names() -> None:
    person("ben")
    ticket = factories.submitted()
    note(ticket, "<script>alert(1)</script>\nTell @ben & co")

    shown = signed_in("ada").get(path(ticket)).content.decode()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;<br>Tell " in shown
    assert '<b class="mention" title="@ben">Ben Agent</b> &amp; co' in shown


def test_notes_are_sealed_at_rest() -> None:
    note(factories.submitted(), f"{NAME} called.")

    with connection.cursor() as cursor:
        cursor.execute("SELECT text FROM requests_app_note")
        (stored,) = cursor.fetchone()
    assert NAME not in stored
    assert Note.objects.get().text == f"{NAME} called."


def test_the_page_asks_as_often_for_many_notes_as_for_few(django_assert_max_num_queries: Any) -> None:
    person("ben"), person("dora")
    ticket = factories.submitted()
    for number in range(15):
        note(ticket, f"{number} @ben @dora", by="dora" if number % 2 else "ada")
    dan = signed_in("dan")

    with django_assert_max_num_queries(52):
        dan.get(path(ticket))


def test_whoever_is_on_the_page_too_is_named_until_they_leave() -> None:
    ticket = factories.submitted()
    ada, dora = signed_in("ada"), signed_in("dora")

    assert "is on this page, too" not in page(ada, ticket)
    assert "Ada Agent is on this page, too" in page(dora, ticket)
    version = ada.get(path(ticket)).context["version"]
    assert ada.get(path(ticket, "progress/"), {"v": version}).status_code == 204

    Presence.objects.filter(person=person("dora")).update(seen_at=timezone.now() - presence.GONE)
    left = ada.get(path(ticket, "progress/"), {"v": version})
    assert left.status_code == 200
    assert "is on this page, too" not in left.content.decode()


def test_nobody_is_there_on_another_ticket() -> None:
    signed_in("ada").get(path(factories.submitted()))

    assert "is on this page, too" not in page(signed_in("dora"), factories.submitted())


def test_asking_often_writes_seldom_and_costs_the_same_however_many_are_there(
    django_assert_max_num_queries: Any,
) -> None:
    ticket = factories.submitted()
    now = timezone.now()
    for name in ("ben", "dora", "dan", "otto"):
        presence.others(ticket, actor=actor(name), now=now)
    ada = actor("ada")
    presence.others(ticket, actor=ada, now=now)

    with django_assert_max_num_queries(52):
        there = presence.others(ticket, actor=ada, now=now + presence.WRITE_EVERY / 2)
    assert len(there) == 4
    with django_assert_max_num_queries(2):
        presence.others(ticket, actor=ada, now=now + presence.WRITE_EVERY)
    assert Presence.objects.get(person=person("ada")).seen_at == now + presence.WRITE_EVERY


def test_who_left_is_forgotten() -> None:
    ticket, now = factories.submitted(), timezone.now()
    presence.others(ticket, actor=actor("ada"), now=now)

    left_pages.run(factories.WORKER, now)
    assert Presence.objects.exists()
    left_pages.run(factories.WORKER, now + timedelta(minutes=5))
    assert not Presence.objects.exists()


def test_a_closed_ticket_is_asked_about_only_while_somebody_else_is_there() -> None:
    ticket = factories.completed()

    assert "hx-trigger" not in page(signed_in("ada"), ticket)
    assert 'hx-trigger="every 2s"' in page(signed_in("dora"), ticket)


def test_what_others_did_is_in_the_news_that_come_with_it() -> None:
    ticket = factories.submitted()
    version = signed_in("dora").get(path(ticket)).context["version"]
    refuse(ticket)

    answer = signed_in("dora").get(path(ticket, "progress/"), {"v": version}).content.decode()

    assert 'data-news="Dan Dpo refused the request"' in answer
    assert "hx-trigger" in answer or "refused" in answer


def conflict(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, before: Any) -> None:
    """Right before the verb runs, somebody else is quicker."""
    real = getattr(module, name)

    def slowly(*args: Any, **kwargs: Any) -> Any:
        before()
        return real(*args, **kwargs)

    monkeypatch.setattr(module, name, slowly)


def test_a_decision_that_comes_too_late_keeps_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = factories.submitted(factories.erase_plan("u_1"))
    conflict(
        monkeypatch,
        approval,
        "approve",
        lambda: refuse(Ticket.objects.get(pk=ticket.pk)),
    )

    answer = signed_in("dora").post(
        path(ticket, "approve/"), {"confirm_user_id": "u_1", "note": "I had checked it.", **factories.seen(ticket)}
    )

    shown = unescape(answer.content.decode())
    assert answer.status_code == 409
    assert "Somebody else changed this ticket in the meantime." in shown
    assert "Dan Dpo refused the request." in shown
    assert "I had checked it.</textarea>" in shown


def test_where_the_form_is_still_possible_the_words_stand_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = factories.submitted(factories.erase_plan("u_1"))

    def came_back() -> None:
        other = tickets.send_back(
            Ticket.objects.get(pk=ticket.pk), actor=actor("dan"), now=timezone.now(), note="Which app?"
        )
        tickets.submit(other, actor=actor("ben"), now=timezone.now())

    conflict(monkeypatch, approval, "approve", came_back)
    answer = signed_in("dora").post(
        path(ticket, "approve/"), {"confirm_user_id": "u_1", "note": "I had checked it.", **factories.seen(ticket)}
    )

    assert answer.status_code == 409
    form = answer.context["forms"]["approve"]
    assert form["note"].value() == "I had checked it."
    assert not form["confirm_user_id"].value()
    assert answer.context["kept"] == []


def test_a_hand_over_that_comes_too_late_keeps_its_words_and_can_be_sent_again() -> None:
    ticket, ben = factories.submitted(), signed_in("ben")
    typed = {"owner": str(person("ben").pk), "shown": str(person("ada").pk), "note": "I know this one."}
    assignment.assign(ticket, person("dora"), actor=actor("dora"), now=timezone.now())

    answer = ben.post(path(ticket, "assign/"), typed)

    form = answer.context["assign_form"]
    assert answer.status_code == 409
    assert "Somebody else assigned this ticket" in answer.content.decode()
    assert "I know this one.</textarea>" in answer.content.decode()
    assert ben.post(path(ticket, "assign/"), typed | {"shown": form["shown"].value()}).status_code == 302
    ticket.refresh_from_db()
    assert ticket.owner == person("ben")


def test_an_edit_that_comes_too_late_keeps_what_was_typed() -> None:
    ticket = factories.draft(factories.export_plan("u_1"))
    ben = signed_in("ben")
    typed = {
        "action": "draft",
        "revision": str(ticket.revision),
        "kind": "export",
        "stream_app": ticket.stream_app_id,
        "user_ids": "u_1\nu_2",
        "received_on": ticket.received_on.isoformat(),
        "channel": "email",
        "export_feeds_data": "on",
        "requester_name": "Typed by Ben",
    }
    tickets.submit(ticket, actor=actor("ada"), now=timezone.now())
    tickets.send_back(ticket, actor=actor("dora"), now=timezone.now(), note="Which app?")

    answer = ben.post(path(ticket, "edit/"), typed)

    shown = unescape(answer.content.decode())
    assert answer.status_code == 409
    assert "Somebody else changed this ticket" in shown
    assert 'value="Typed by Ben"' in shown
    assert "u_2" in shown


def test_a_note_is_never_in_conflict_whatever_became_of_the_ticket() -> None:
    ticket = factories.submitted()
    refuse(ticket)

    assert signed_in("ada").post(path(ticket, "note/"), {"note": "Told them."}).status_code == 302
    ticket.refresh_from_db()
    assert ticket.state == State.REFUSED
