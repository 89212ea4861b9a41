"""What Stream shows before a decision: counted, bounded, kept without names, and what an approval is bound to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from requests_app.audit_actions import AuditAction
from requests_app.engine import effect_preview
from requests_app.enums import Kind, Mode, State
from requests_app.models import Account, AppHealth, AuditEntry, Budget, Decision, Preview, Ticket
from requests_app.stream import client as stream_client
from requests_app.stream.wire import Count
from requests_app.workflow import approval, plan, previews, tickets
from requests_app.workflow.permissions import NotPermitted
from requests_app.workflow.policies import UnableTo
from tests import factories
from tests.clock import Clock
from tests.people import actor, signed_in
from tests.sandbox_server import StandIn, running_sandbox

pytestmark = pytest.mark.django_db(transaction=True)
WHO, NAME = "u_82c1f0e9", "Priya Raman"


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with running_sandbox() as started:
        factories.stream_app(base_url=started.base_url, api_key=started.key)
        yield started


def waiting(*user_ids: str, **changes: Any) -> Ticket:
    return factories.submitted(factories.erase_plan(*(user_ids or (WHO,)), **changes))


def look(ticket: Ticket, by: str = "dora", **ago: float) -> Preview:
    return effect_preview.make(ticket, actor=actor(by), now=timezone.now() - timedelta(**ago))


def approve(ticket: Ticket, preview: Preview | None, by: str = "dora", **changes: Any) -> Ticket:
    ticket = Ticket.objects.get(pk=ticket.pk)
    return approval.approve(
        ticket,
        actor=actor(by),
        now=timezone.now(),
        confirm_user_id=ticket.plan["user_ids"][0],
        plan_digest=ticket.plan_digest,
        revision=ticket.revision,
        preview_digest=preview.digest if preview else "",
        **changes,
    )


def shown(ticket: Ticket, preview: Preview) -> dict[str, Any]:
    """What the page sends along with an approval."""
    return {"plan_digest": ticket.plan_digest, "revision": ticket.revision, "preview_digest": preview.digest}


def test_it_counts_what_stream_shows(stand_in: StandIn) -> None:
    (seen,) = previews.read(look(waiting())).accounts

    assert (seen.exists, seen.name, seen.deactivated) == (True, NAME, False)
    assert seen.created_at == stand_in.client().query_users([WHO])[0].created_at
    numbers = {kind: count.number for kind, count in seen.counts.items() if count}
    assert numbers == {
        "channels": 4,
        "channels_of_two": 2,
        "channels_created": 1,
        "messages": 8,
        "calls": 2,
        "feeds": 2,
        "activities": 3,
        "comments": 1,
        "bookmarks": 1,
    }
    assert stand_in.calls() == []


def test_a_count_that_hits_its_bound_says_at_least(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_client, "PAGE", 2)

    (seen,) = previews.read(look(waiting())).accounts

    assert seen.counts["messages"] == Count(2, at_least=True)
    assert seen.counts["activities"] == Count(2, at_least=True)
    assert seen.counts["channels"] == Count(2, at_least=True)
    assert seen.counts["comments"] == Count(1)
    assert "at least 2" in page(waiting("marie.curie")).content.decode()


def page(ticket: Ticket, name: str = "dora") -> Any:
    client = signed_in(name)
    client.post(f"/tickets/{ticket.reference}/preview/")
    return client.get(f"/tickets/{ticket.reference}/")


def test_what_one_kind_does_not_answer_is_not_known_and_no_zero(stand_in: StandIn) -> None:
    stand_in.go_wrong(calls={"Search": {"error": 500}})
    ticket = waiting()

    (seen,) = previews.read(look(ticket)).accounts

    assert seen.counts["messages"] is None
    assert seen.counts["channels"] == Count(4)
    assert "messages in these channels: not known" in page(ticket).content.decode()


def test_only_the_first_ten_are_counted_and_the_rest_is_summed_up(stand_in: StandIn) -> None:
    ids = [WHO, *(f"nobody-{number}" for number in range(9)), "marie.curie", "nobody-9"]
    ticket = waiting(*ids)

    accounts = previews.read(look(ticket)).accounts

    assert [bool(seen.counts) for seen in accounts] == [True] * 10 + [False] * 2
    assert [seen.exists for seen in accounts[9:]] == [False, True, False]
    assert "Of the others Stream shows 1, and 1 not." in page(ticket).content.decode()


def test_an_export_is_asked_about_what_it_copies(stand_in: StandIn) -> None:
    ticket = factories.submitted(factories.export_plan(WHO, export_feeds_data=False))

    (seen,) = previews.read(look(ticket)).accounts

    assert ticket.kind == Kind.EXPORT
    assert set(seen.counts) == {"channels", "channels_of_two", "channels_created", "messages", "calls"}


def test_names_are_sealed_and_nothing_else_names_anybody(stand_in: StandIn) -> None:
    ticket = waiting()
    look(ticket)

    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM requests_app_preview")
        stored = repr(cursor.fetchall())
    entry = AuditEntry.objects.get(action=AuditAction.PREVIEW_MADE)

    assert NAME not in stored
    assert WHO not in stored
    assert ticket.accounts.get().subject in stored
    assert set(entry.facts) == {"preview_digest", "plan_digest", "answered"}
    assert NAME in page(ticket).content.decode()


@pytest.mark.parametrize("end", ["approve", "send back", "cancel"])
def test_names_go_with_the_decision(stand_in: StandIn, end: str) -> None:
    ticket = waiting()
    preview = look(ticket)
    assert preview.names

    if end == "approve":
        approve(ticket, preview)
    elif end == "cancel":
        tickets.cancel(ticket, actor=actor("ada"), now=timezone.now())
    else:
        tickets.send_back(ticket, actor=actor("dora"), now=timezone.now(), note="Which one?")

    preview.refresh_from_db()
    assert preview.names == ""


@pytest.mark.parametrize("who", ["ada", "otto", "ruth"])
def test_only_who_may_decide_looks_and_is_shown(stand_in: StandIn, who: str) -> None:
    ticket = waiting()
    with pytest.raises(NotPermitted):
        look(ticket, who)
    look(ticket)

    shown = signed_in(who).get(f"/tickets/{ticket.reference}/").content.decode()

    assert NAME not in shown
    assert "What Stream shows now" not in shown


def test_stream_is_not_asked_where_there_is_nothing_to_decide(stand_in: StandIn) -> None:
    ticket = factories.draft(factories.erase_plan(WHO))
    stand_in.go_wrong(calls={"*": {"error": 500}})

    with pytest.raises(UnableTo, match="Draft"):
        look(ticket)
    assert not Preview.objects.exists()


def test_a_closed_breaker_and_a_spent_budget_are_heeded(stand_in: StandIn) -> None:
    ticket, now = waiting(), timezone.now()
    Budget.objects.create(
        stream_app=ticket.stream_app, endpoint="QueryCalls", limit=10, remaining=0, reset_at=now + timedelta(minutes=1)
    )
    (seen,) = previews.read(look(ticket)).accounts
    assert seen.counts["calls"] is None
    assert seen.counts["feeds"] == Count(2)

    AppHealth.objects.create(stream_app=ticket.stream_app, changed_at=now, open_until=now)
    assert look(ticket).answered is False


def test_an_approval_keeps_the_digests_of_plan_and_preview(stand_in: StandIn) -> None:
    ticket = waiting()
    preview = look(ticket)

    done = approve(ticket, preview)

    decision = Decision.objects.get()
    told = AuditEntry.objects.get(action=AuditAction.TICKET_APPROVED).facts
    assert done.approved_preview_digest == decision.preview_digest == told["preview_digest"] == preview.digest
    assert done.approved_digest == decision.plan_digest == told["plan_digest"] == ticket.plan_digest
    assert (decision.without_preview, told["without_preview"]) == (False, False)


def test_nobody_approves_what_they_have_not_seen(stand_in: StandIn) -> None:
    ticket, other = waiting(), waiting("marie.curie")
    old, foreign = look(ticket, minutes=10, seconds=1), look(other)
    for preview in (None, old, foreign):
        with pytest.raises(UnableTo, match="Look at the preview"):
            approve(ticket, preview)

    assert Ticket.objects.get(pk=ticket.pk).state == State.AWAITING_DECISION
    assert approve(ticket, look(ticket, minutes=9)).state == State.APPROVED


def test_a_preview_of_another_plan_is_none(stand_in: StandIn) -> None:
    ticket = waiting()
    preview = look(ticket)
    changed = plan.from_json(ticket.plan)
    Ticket.objects.filter(pk=ticket.pk).update(
        plan={**ticket.plan, "files": False}, plan_digest=plan.digest(factories.erase_plan(WHO, files=False))
    )

    assert changed.files
    with pytest.raises(UnableTo, match="of another plan"):
        approve(ticket, preview)


def test_without_an_answer_an_approval_takes_a_word_that_is_recorded() -> None:
    ticket = waiting()
    preview = look(ticket)
    assert (preview.answered, previews.read(preview).accounts) == (False, ())

    with pytest.raises(UnableTo, match="Stream could not be asked"):
        approve(ticket, preview)
    approve(ticket, preview, without_preview=True)

    assert Decision.objects.get().without_preview
    assert AuditEntry.objects.get(action=AuditAction.TICKET_APPROVED).facts["without_preview"] is True


def test_a_word_alone_is_no_preview(stand_in: StandIn) -> None:
    with pytest.raises(UnableTo, match="Look at the preview first"):
        approve(waiting(), None, without_preview=True)


def swept(ticket: Ticket) -> Ticket:
    Clock().sweep_for(seconds=5)
    ticket.refresh_from_db()
    return ticket


def test_an_account_that_appears_after_the_approval_is_not_deleted(stand_in: StandIn) -> None:
    ticket = waiting("late-comer")
    preview = look(ticket)
    assert previews.read(preview).accounts[0].exists is False
    approve(ticket, preview, send_if_absent=True)
    body = {"users": {"late-comer": {"id": "late-comer"}}}
    stand_in.client().transport.exchange("UpdateUsers", "POST", "/users", body=body, changes=True)
    # As old as the approved one would be: its moment of creation alone gives nothing away.
    with stand_in.store.lock:
        stand_in.store.run("UPDATE users SET created_at = 1 WHERE id = 'late-comer'")

    ticket = swept(ticket)

    assert ticket.state == State.NEEDS_ATTENTION
    assert "Stream showed no account with this id when it was approved" in str(
        ticket.steps.exclude(detail="").first().detail  # type: ignore[union-attr]
    )
    assert [call["operation"] for call in stand_in.calls()] == ["UpdateUsers"]


def test_an_account_made_anew_between_look_and_approval_is_not_deleted(stand_in: StandIn) -> None:
    ticket = waiting(WHO)
    preview = look(ticket)
    with stand_in.store.lock:
        stand_in.store.run("UPDATE users SET created_at = created_at + 60 WHERE id = ?", WHO)
    approve(ticket, preview)

    ticket = swept(ticket)

    assert ticket.state == State.NEEDS_ATTENTION
    assert stand_in.calls() == []


def test_what_was_seen_goes_with_a_decision_anew(stand_in: StandIn) -> None:
    ticket = waiting("late-comer")
    approve(ticket, look(ticket))

    assert Account.objects.get().absent_when_approved


def test_the_page_asks_by_itself_and_the_button_waits(stand_in: StandIn) -> None:
    ticket = waiting()
    shown = signed_in("dora").get(f"/tickets/{ticket.reference}/").content.decode()
    assert 'hx-trigger="load, submit"' in shown
    assert 'aria-describedby="look-first"' in shown

    dora = signed_in("dora")
    fragment = dora.post(f"/tickets/{ticket.reference}/preview/", headers={"HX-Request": "true"})
    digest = Preview.objects.get().digest

    assert fragment.status_code == 200
    assert f'name="preview_digest" value="{digest}" hx-swap-oob="true"' in fragment.content.decode()
    assert 'aria-describedby="look-first"' not in fragment.content.decode()
    assert f'name="preview_digest" value="{digest}"' in dora.get(f"/tickets/{ticket.reference}/").content.decode()


def test_an_old_preview_gives_back_what_was_typed(stand_in: StandIn) -> None:
    ticket = waiting()
    old = look(ticket, minutes=11)

    answer = signed_in("dora").post(
        f"/tickets/{ticket.reference}/approve/",
        {"confirm_user_id": WHO, "note": "As agreed.", **shown(ticket, old)},
    )

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Look at the preview again" in page
    assert "As agreed." in page
    assert f'value="{WHO}"' in page
    assert 'hx-trigger="load, submit"' in page


def test_a_second_press_tells_that_it_is_approved(stand_in: StandIn) -> None:
    ticket = waiting()
    sent = {"confirm_user_id": WHO, **shown(ticket, look(ticket))}
    dora, url = signed_in("dora"), f"/tickets/{ticket.reference}/approve/"
    dora.post(url, sent)

    again = dora.post(url, sent, follow=True)

    assert again.redirect_chain == [(f"/tickets/{ticket.reference}/", 302)]
    assert "You approved" in again.content.decode()
    assert Decision.objects.count() == 1
    assert signed_in("dan").post(url, sent).status_code == 422


def test_the_card_says_what_hiding_is_and_what_else_there_is() -> None:
    before = factories.completed(factories.soft_plan(WHO))
    ticket = factories.submitted(factories.soft_plan(WHO, feeds_data=Mode.KEEP))

    shown = signed_in("dora").get(f"/tickets/{ticket.reference}/").content.decode()
    card = shown[shown.index('id="decision"') :]

    for words in (
        "This hides, it does not erase.",
        "Other tickets of",
        before.reference,
        "All feeds data: deleting the user does not touch it.",
        "Nobody noted here how",
        "You did not open or edit this ticket",
    ):
        assert words in card, words
