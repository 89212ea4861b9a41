"""The page of a ticket: what each role sees, the buttons, what moves by itself, and the download."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from requests_app.audit_actions import AuditAction
from requests_app.enums import State
from requests_app.models import AuditEntry, Step, Ticket
from requests_app.workflow import approval, refusing
from tests import factories
from tests.canary import EMAIL, NAME, SECRET, USER_ID
from tests.clock import Clock
from tests.people import actor, person, signed_in
from tests.sandbox_server import StandIn

pytestmark = pytest.mark.django_db


def path(ticket: Ticket, rest: str = "") -> str:
    return f"/tickets/{ticket.reference}/{rest}"


def page(client: Client, ticket: Ticket) -> str:
    answer = client.get(path(ticket))
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def personal(**changes: Any) -> Ticket:
    return factories.submitted(
        factories.erase_plan(USER_ID), requester_name=NAME, requester_email=EMAIL, note=f"About {NAME}", **changes
    )


def test_whoever_works_on_it_sees_the_person_and_others_do_not() -> None:
    ticket = personal()

    for name in ("ada", "dora"):
        shown = page(signed_in(name), ticket)
        assert all(word in shown for word in (USER_ID.rpartition("-")[2], NAME, EMAIL))
    for name in ("otto", "ruth"):
        for url in (path(ticket), "/tickets/", "/", "/audit/"):
            shown = signed_in(name).get(url).content.decode().replace("<wbr>", "")
            assert not any(word in shown for word in (USER_ID, NAME, EMAIL)), (name, url)


def test_opening_it_is_recorded_with_who_and_nothing_of_whom() -> None:
    ticket = personal()

    page(signed_in("otto"), ticket)

    entry = AuditEntry.objects.get(action=AuditAction.TICKET_READ)
    assert (entry.actor_id, entry.ticket_id) == (person("otto").pk, ticket.pk)


@pytest.mark.parametrize("reference", ["DSR-999999", "DSR-1", "dsr-000001", "DSR-99999999999999999999", "x"])
def test_what_is_not_there_answers_404(reference: str) -> None:
    factories.draft()
    for rest in ("", "edit/", "progress/"):
        assert signed_in("ada").get(f"/tickets/{reference}/{rest}").status_code == 404


def test_a_draft_does_not_exist_for_those_who_review() -> None:
    ticket = factories.draft()

    for name in ("otto", "ruth"):
        assert signed_in(name).get(path(ticket)).status_code == 404
        assert ticket.reference not in signed_in(name).get("/tickets/").content.decode()


def test_the_dpo_reads_what_will_happen_before_deciding() -> None:
    shown = page(signed_in("dora"), factories.submitted(factories.erase_plan("u_1")))

    for words in (
        "This cannot be undone.",
        "Every message they wrote is removed",
        "What stays behind",
        "Group channels and group calls",
        "You did not open or edit this ticket",
        "POST /api/v2/users/delete",
        "Approve erasure",
    ):
        assert words in shown, words


def test_whoever_opened_it_is_told_why_somebody_else_decides() -> None:
    shown = page(signed_in("dora"), factories.submitted(by="dora"))

    assert "another data protection officer must approve it" in shown
    assert "Approve erasure" not in shown


def test_an_approval_through_the_page() -> None:
    ticket = factories.submitted(factories.erase_plan("u_1"))
    dora = signed_in("dora")

    answer = dora.post(
        path(ticket, "approve/"),
        {"confirm_user_id": "u_1", "note": "Fine.", **factories.seen(ticket)},
    )

    ticket.refresh_from_db()
    assert (answer.status_code, answer["Location"]) == (302, path(ticket))
    assert (ticket.state, ticket.approved_by, ticket.send_if_absent) == (State.APPROVED, person("dora"), False)


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"confirm_user_id": "u_2"}, "not the user id of the ticket"),
        ({"confirm_user_id": " u_1"}, "not the user id of the ticket"),
        ({}, "Type the user id"),
        ({"confirm_user_id": "u_1", "plan_digest": "0" * 64}, "The plan changed since you opened this page"),
        ({"confirm_user_id": "u_1", "revision": "99"}, "The ticket changed since you opened this page"),
        ({"confirm_user_id": "u_1", "note": "x" * 4001}, "at most 4000"),
    ],
)
def test_a_wrong_approval_answers_422_and_approves_nothing(sent: dict[str, str], sentence: str) -> None:
    ticket = factories.submitted(factories.erase_plan("u_1"))
    dora, before = signed_in("dora"), AuditEntry.objects.count()

    answer = dora.post(path(ticket, "approve/"), {**factories.seen(ticket), **sent})

    assert answer.status_code == 422
    assert sentence in unescape(answer.content.decode())
    ticket.refresh_from_db()
    assert ticket.state == State.AWAITING_DECISION
    assert AuditEntry.objects.count() == before


@pytest.mark.parametrize("stale", [{"plan_digest": "0" * 64}, {"revision": "99"}, {"plan_digest": "", "revision": ""}])
def test_an_approval_that_came_too_late_can_be_given_over_what_is_shown_now(stale: dict[str, str]) -> None:
    ticket = factories.submitted(factories.erase_plan("u_1"))
    dora, sent = signed_in("dora"), {"confirm_user_id": "u_1", "note": "Checked.", **factories.seen(ticket)}

    form = dora.post(path(ticket, "approve/"), sent | stale).context["forms"]["approve"]
    again = {name: form[name].value() for name in ("plan_digest", "revision", "note", "preview_digest")}
    confirmed = form["confirm_user_id"].value()
    dora.post(path(ticket, "approve/"), {**again, "without_preview": "on", "confirm_user_id": "u_1"})

    assert (confirmed, again["note"]) == ("", "Checked.")
    ticket.refresh_from_db()
    assert ticket.state == State.APPROVED


@pytest.mark.parametrize(
    "missing", [{"plan_digest": ""}, {"revision": ""}, {"revision": "9e9"}, {"revision": "9" * 5000}]
)
def test_an_approval_that_names_nothing_that_was_read_is_kept_as_an_attempt(missing: dict[str, str]) -> None:
    ticket = factories.submitted(factories.erase_plan("u_1"))
    sent = {"confirm_user_id": "u_1", **factories.seen(ticket), **missing}

    answer = signed_in("dora").post(path(ticket, "approve/"), sent)

    assert answer.status_code == 422
    assert "does not say which plan was read" in answer.content.decode()
    ticket.refresh_from_db()
    assert ticket.state == State.AWAITING_DECISION
    entry = AuditEntry.objects.latest("seq")
    assert (entry.action, entry.ticket_id) == (AuditAction.ATTEMPT_REFUSED, ticket.pk)


def test_whoever_opened_it_gets_403_and_leaves_an_entry() -> None:
    ticket = factories.submitted(factories.erase_plan("u_1"), by="dora")

    answer = signed_in("dora").post(path(ticket, "approve/"), {"confirm_user_id": "u_1"})

    assert answer.status_code == 403
    assert "another data protection officer" in answer.content.decode()
    assert AuditEntry.objects.order_by("-seq").first().action == AuditAction.ATTEMPT_REFUSED  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("state", "verb", "who", "after"),
    [
        (State.DRAFT, "submit", "ben", State.AWAITING_DECISION),
        (State.AWAITING_DECISION, "send-back", "dan", State.SENT_BACK),
        (State.AWAITING_DECISION, "cancel", "ben", State.CANCELLED),
        (State.NEEDS_ATTENTION, "retry", "ben", State.RUNNING),
        (State.NEEDS_ATTENTION, "give-up", "dan", State.COMPLETED),
        (State.COMPLETED, "restore", "dan", State.RUNNING),
    ],
)
def test_each_button_does_what_it_says(state: State, verb: str, who: str, after: State) -> None:
    ticket = factories.IN_STATE[state](factories.soft_plan("u_1"))
    shown = page(signed_in(who), ticket)
    assert f'action="{path(ticket, f"{verb}/")}"' in shown

    answer = signed_in(who).post(path(ticket, f"{verb}/"), {"note": "Because."})

    ticket.refresh_from_db()
    assert answer.status_code == 302
    assert ticket.state == after


@pytest.mark.parametrize("verb", ["send-back", "refuse"])
def test_a_decision_without_a_reason_is_none(verb: str) -> None:
    ticket = factories.submitted()

    answer = signed_in("dora").post(path(ticket, f"{verb}/"), {"note": " ", "code": "11_2", "language": "en"})

    assert answer.status_code == 422
    assert "Write the reason" in answer.content.decode()
    ticket.refresh_from_db()
    assert ticket.state == State.AWAITING_DECISION


def test_two_who_act_at_once_do_not_both_succeed(monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = factories.submitted(factories.erase_plan("u_1"))
    real = approval.approve

    def slowly(*args: Any, **kwargs: Any) -> Ticket:
        seen = Ticket.objects.get(pk=ticket.pk)
        refusing.refuse(seen, actor=actor("dan"), now=timezone.now(), note="No.", code="11_2")
        return real(*args, **kwargs)

    monkeypatch.setattr(approval, "approve", slowly)
    answer = signed_in("dora").post(path(ticket, "approve/"), {"confirm_user_id": "u_1", **factories.seen(ticket)})

    assert answer.status_code == 409
    assert "Somebody else changed this ticket" in answer.content.decode()
    ticket.refresh_from_db()
    assert ticket.state == State.REFUSED


def test_notes_are_added_and_shown() -> None:
    ticket = factories.submitted()
    ben = signed_in("ben")

    assert ben.post(path(ticket, "note/"), {"note": "Called back."}).status_code == 302
    assert "Called back." in page(ben, ticket)
    assert ben.post(path(ticket, "note/"), {"note": ""}).status_code == 422
    assert "Called back." not in page(signed_in("otto"), ticket)


def progress(client: Client, ticket: Ticket, **query: str) -> Any:
    return client.get(path(ticket, "progress/"), query, headers={"HX-Request": "true"})


def test_it_says_nothing_while_nothing_changed_and_what_changed_when_it_did() -> None:
    ticket = factories.approved(factories.erase_plan("u_1"))
    ada = signed_in("ada")
    version, state = ada.get(path(ticket)).context["version"], ticket.state

    assert progress(ada, ticket, v=version, state=state).status_code == 204
    factories.begin.begin_approved(actor=factories.WORKER, now=timezone.now())
    changed = progress(ada, ticket, v=version, state=state).content.decode()

    assert "Running on Stream" in changed
    for piece in ("ticket-head", "ticket-facts", "ticket-seen", "ticket-aside", "attachments", "ticket-letters"):
        assert f'id="{piece}"' in changed
    assert changed.count('hx-swap-oob="true"') == 6
    assert "<html" not in changed


@pytest.mark.parametrize(
    ("state", "trigger"),
    [
        (State.DRAFT, "every 2s"),
        (State.AWAITING_DECISION, "every 2s"),
        (State.APPROVED, "every 2s"),
        (State.RUNNING, "every 2s"),
        (State.COMPLETED, ""),
    ],
)
def test_it_asks_as_often_as_something_can_happen(state: State, trigger: str) -> None:
    shown = page(signed_in("ada"), factories.IN_STATE[state]())

    assert (f'hx-trigger="{trigger}"' in shown) if trigger else ("hx-trigger" not in shown)


def test_asking_again_leaves_no_entry() -> None:
    ticket = factories.approved()
    ada, before = signed_in("ada"), AuditEntry.objects.count()

    progress(ada, ticket)

    assert AuditEntry.objects.count() == before


def test_it_says_why_a_person_must_look() -> None:
    shown = page(signed_in("ada"), factories.stopped())

    assert "A person must look." in shown
    assert "quota" in shown


def test_a_hidden_outcome_does_not_look_like_an_erasure() -> None:
    shown = page(signed_in("dora"), factories.completed(factories.soft_plan("u_1")))

    assert "Hidden, not erased." in shown
    assert "does not fulfil a request for erasure" in shown


def test_the_number_of_queries_does_not_grow_with_the_steps(django_assert_max_num_queries: Any) -> None:
    ticket = factories.running(factories.erase_plan(*(f"u{number}" for number in range(40))))
    dora = signed_in("dora")

    with django_assert_max_num_queries(53):
        dora.get(path(ticket))


def exported(stand_in: StandIn) -> tuple[Ticket, Step]:
    app = factories.stream_app(base_url=stand_in.base_url, api_key=stand_in.key)
    ticket = factories.approved(factories.export_plan("marie.curie", export_feeds_data=False), app=app)
    Clock().sweep_for(seconds=10)
    return Ticket.objects.get(pk=ticket.pk), ticket.steps.get()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("method", ["get", "post"])
def test_the_export_comes_through_the_portal_and_is_recorded(stand_in: StandIn, method: str) -> None:
    ticket, step = exported(stand_in)

    answer = getattr(signed_in("ada"), method)(path(ticket, f"steps/{step.pk}/download/"))
    content = b"".join(answer.streaming_content)

    assert answer.status_code == 200
    assert b'"marie.curie"' in content
    assert b'"jonas-weber"' not in content
    assert answer["Content-Disposition"] == f'attachment; filename="{ticket.reference}-1-user-data.ndjson"'
    assert int(answer["Content-Length"]) == len(content)
    entry = AuditEntry.objects.get(action=AuditAction.PACKAGE_DOWNLOADED)
    assert entry.facts["bytes"] == len(content)
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.django_db(transaction=True)
def test_a_download_is_for_those_who_work_on_tickets(stand_in: StandIn) -> None:
    ticket, step = exported(stand_in)
    other = factories.draft()
    url = path(ticket, f"steps/{step.pk}/download/")

    for name in ("otto", "ruth"):
        assert signed_in(name).post(url).status_code == 403
    assert signed_in("ada").post(path(other, f"steps/{step.pk}/download/")).status_code == 404
    assert signed_in("ada").post(path(ticket, "steps/99999999999999999999/download/")).status_code == 404
    assert "/download/" not in page(signed_in("otto"), ticket)


@pytest.mark.django_db(transaction=True)
def test_a_file_that_is_gone_or_out_of_reach_is_told(stand_in: StandIn) -> None:
    ticket, step = exported(stand_in)
    url, ada = path(ticket, f"steps/{step.pk}/download/"), signed_in("ada")
    with stand_in.store.lock:
        stand_in.store.run("DELETE FROM files")
    gone = ada.post(url)
    stand_in.go_wrong(calls={"GetTask": {"error": 503}})
    away = ada.post(url)

    assert (gone.status_code, away.status_code) == (410, 502)
    assert "keeps exports for 60 days" in gone.content.decode()
    assert "Try again in a moment" in away.content.decode()
    assert SECRET not in gone.content.decode() + away.content.decode()
    assert not AuditEntry.objects.filter(action=AuditAction.PACKAGE_DOWNLOADED).exists()


def test_what_is_not_possible_stays_visible_with_its_reason() -> None:
    ticket = factories.submitted(factories.erase_plan("u_1"), by="dora")

    page = signed_in("dora").get(path(ticket))

    blocked = {action.verb.value: action.reason for action in page.context["blocked"]}
    assert "another data protection officer must approve" in blocked["approve"]
    assert "the ticket is “Waiting for DPO”" in blocked["edit"]
    assert all(reason in unescape(page.content.decode()) for reason in blocked.values())
