"""Personal data goes by stages, a ticket at a time; holds keep it, hands hasten it, and pages say that it is gone."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone

from requests_app.audit import log
from requests_app.audit_actions import AuditAction
from requests_app.models import (
    Account,
    AuditEntry,
    AuditText,
    Decision,
    LegalHold,
    Note,
    Pause,
    Step,
    StreamTask,
    Ticket,
    TicketKey,
)
from requests_app.queries import duplicates
from requests_app.queries.audit import check_chain
from requests_app.upkeep import retention as chore
from requests_app.workflow import aftercare, holds, leftovers, pauses, permissions, plan, policies, retained, retention
from requests_app.workflow.retained import Stage
from tests import factories
from tests.people import actor, person, signed_in

pytestmark = pytest.mark.django_db

WHO, NAME, EMAIL, NOTE = "u-keep-7", "Berta Kowalski", "berta@kowalski.example", "Called from Lindau."


def closed(make: Callable[..., Ticket] = factories.completed, who: str = WHO, **changes: Any) -> Ticket:
    chosen = changes.pop("chosen", None) or factories.erase_plan(who)
    ticket = make(chosen, requester_name=NAME, requester_email=EMAIL, note=NOTE, **changes)
    ticket.refresh_from_db()
    return ticket


def after(days: float, ticket: Ticket) -> datetime:
    assert ticket.closed_at is not None
    return ticket.closed_at + timedelta(days=days)


def run(now: datetime) -> retention.Done:
    leftovers.erase(actor=factories.WORKER, now=now)
    return retention.run(actor=factories.WORKER, now=now, seconds=30)


def fresh(ticket: Ticket) -> Ticket:
    return Ticket.objects.get(pk=ticket.pk)


def test_the_details_go_first_and_the_ids_last() -> None:
    ticket = closed(partial(factories.stopped, says=WHO))
    assert WHO in "".join(Step.objects.values_list("detail", flat=True))
    ticket = factories.tickets.give_up(ticket, actor=actor("dora"), now=timezone.now(), note="Enough.")
    StreamTask.objects.update(error=WHO)

    run(after(89.9, ticket))
    assert fresh(ticket).requester_name == NAME

    run(after(90, ticket))
    now = fresh(ticket)
    assert (now.requester_name, now.requester_email, now.attention) == ("", "", "")
    assert (Note.objects.get().text, set(StreamTask.objects.values_list("error", flat=True))) == ("", {""})
    assert set(Step.objects.values_list("detail", flat=True)) == {""}
    assert Account.objects.get().user_id == WHO
    assert now.details_erased_at
    assert TicketKey.objects.get().destroyed_at == now.details_erased_at

    run(after(3 * 365 - 0.1, ticket))
    assert Account.objects.get().user_id == WHO

    run(after(3 * 365, ticket))
    account, now = Account.objects.get(), fresh(ticket)
    assert account.is_erased
    assert WHO not in str((now.plan, list(Step.objects.values())))
    assert now.ids_erased_at
    entries = AuditEntry.objects.filter(action=AuditAction.TICKET_ERASED).order_by("seq")
    assert [entry.facts["stage"] for entry in entries] == ["contact", "rest"]
    assert all(entry.subjects == [account.subject] for entry in entries)
    assert check_chain().intact


def test_what_stays_is_a_receipt() -> None:
    ticket = closed()
    before = (ticket.kind, ticket.state, ticket.outcome, ticket.due_on, ticket.closed_at, ticket.plan_digest)

    run(after(3 * 365, ticket))

    now = fresh(ticket)
    assert (now.kind, now.state, now.outcome, now.due_on, now.closed_at, now.plan_digest) == before
    assert plan.from_json(now.plan).user is plan.Mode.HARD


def test_a_second_run_does_nothing_more() -> None:
    ticket = closed()
    run(after(4 * 365, ticket))
    count = AuditEntry.objects.count()

    assert str(run(after(4 * 365, ticket))) == "nothing was due"
    assert not retention.erase(ticket.pk, Stage.REST, actor=factories.WORKER, now=after(4 * 365, ticket))
    assert AuditEntry.objects.count() == count


def test_an_open_ticket_keeps_everything_however_old() -> None:
    ticket = factories.submitted(factories.erase_plan(WHO), requester_name=NAME)

    run(timezone.now() + timedelta(days=9 * 365))

    assert (fresh(ticket).requester_name, Account.objects.get().user_id) == (NAME, WHO)


def test_a_held_account_is_left_alone_until_the_hold_is_lifted() -> None:
    ticket, other = closed(), closed(who="u-other")
    hold = holds.place(ticket.stream_app, WHO, actor=actor("dora"), now=timezone.now(), reason="A case.")

    run(after(4 * 365, ticket))
    assert fresh(ticket).requester_name == NAME
    assert fresh(other).ids_erased_at
    assert not retention.erase(ticket.pk, Stage.REST, actor=factories.WORKER, now=after(4 * 365, ticket))

    holds.lift(hold, actor=actor("dora"), now=timezone.now(), reason="Over.")
    run(after(4 * 365, ticket))
    assert fresh(ticket).ids_erased_at


def test_a_kill_in_the_middle_leaves_the_ticket_untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = closed()
    real = log.record

    def killed(*args: Any, **kwargs: Any) -> Any:
        raise DatabaseError("gone")

    monkeypatch.setattr(log, "record", killed)
    with pytest.raises(DatabaseError):
        run(after(4 * 365, ticket))
    monkeypatch.setattr(log, "record", real)

    assert (fresh(ticket).requester_name, Account.objects.get().user_id) == (NAME, WHO)
    assert TicketKey.objects.get().destroyed_at is None
    assert run(after(4 * 365, ticket)).tickets["tickets wholly"] == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_erase_each_ticket_once() -> None:
    tickets = [closed(factories.refused, who=f"u-{place}") for place in range(6)]
    then, begin = after(4 * 365, tickets[-1]), Barrier(2)

    def work() -> int:
        try:
            begin.wait()
            return run(then).tickets["tickets wholly"]
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        done = [future.result() for future in [pool.submit(work), pool.submit(work)]]

    assert sum(done) == len(tickets)
    assert AuditEntry.objects.filter(action=AuditAction.TICKET_ERASED).count() == len(tickets)
    assert check_chain().intact


def test_one_that_cannot_be_read_keeps_no_other(caplog: pytest.LogCaptureFixture) -> None:
    broken, fit = closed(), closed(who="u-fit")
    Ticket.objects.filter(pk=broken.pk).update(plan={"odd": WHO})

    done = run(after(4 * 365, fit))

    assert (done.failed, fresh(fit).ids_erased_at is not None, fresh(broken).ids_erased_at) == (1, True, None)
    assert "KeyError" in caplog.text
    assert WHO not in caplog.text


def test_a_run_ends_with_its_time_and_the_next_goes_on() -> None:
    ticket = closed()

    assert retention.run(actor=factories.WORKER, now=after(4 * 365, ticket), seconds=0).more
    assert fresh(ticket).ids_erased_at is None
    assert not run(after(4 * 365, ticket)).more


def test_an_erased_user_id_still_finds_its_tickets_and_entries() -> None:
    ticket = closed()
    run(after(3 * 365, ticket))
    again = factories.draft(factories.erase_plan(WHO))

    found = signed_in("dora").post("/tickets/", {"q": WHO})
    assert {row.reference for row in found.context["rows"]} == {ticket.reference, again.reference}
    entries = signed_in("otto").post("/audit/person/", {"user_id": WHO})
    assert {line.reference for line in entries.context["lines"]} >= {ticket.reference, again.reference}
    assert WHO not in str(AuditEntry.objects.latest("seq").facts)
    assert not signed_in("otto").post("/audit/person/", {"user_id": "u-nobody"}).context["lines"]


def test_an_erased_ticket_is_named_beside_another_of_the_same_account_and_beside_no_other() -> None:
    ticket, stranger = closed(), closed(who="u-stranger")
    run(after(4 * 365, stranger))
    again = factories.draft(factories.erase_plan(WHO))

    (line,) = duplicates.of_ticket(again, actor("dora"))
    assert [other.reference for other in line.related.closed] == [ticket.reference]
    (back,) = duplicates.of_ticket(fresh(ticket), actor("dora"))
    assert [other.reference for other in back.related.open] == [again.reference]
    assert back.account == "Account 1"
    assert duplicates.of_ticket(fresh(stranger), actor("dora")) == []


def test_holds_pauses_and_texts_without_a_ticket_have_their_own_time() -> None:
    now, app = timezone.now(), factories.stream_app()
    hold = holds.place(app, WHO, actor=actor("dora"), now=now, reason=NOTE)
    stays = holds.place(app, "u-held", actor=actor("dora"), now=now, reason=NOTE)
    holds.lift(hold, actor=actor("dora"), now=now, reason=NOTE)
    pauses.pause(None, actor=actor("dora"), now=now, reason=NOTE)
    pauses.lift(None, actor=actor("dora"), now=now, reason=NOTE)

    run(now + timedelta(days=90))
    hold.refresh_from_db()
    assert (hold.reason, hold.lift_reason, hold.user_id) == ("", "", WHO)
    assert (Pause.objects.get().reason, Pause.objects.get().lift_reason) == ("", "")
    assert AuditText.objects.count() == 5

    run(now + timedelta(days=3 * 365))
    assert LegalHold.objects.get(pk=hold.pk).user_id.startswith(" ")
    assert LegalHold.objects.get(pk=stays.pk).user_id == "u-held"
    assert not AuditText.objects.exists()
    assert check_chain().intact


def with_rules(monkeypatch: pytest.MonkeyPatch, table: retained.Table) -> None:
    monkeypatch.setattr(retained, "TABLES", dict(retained.TABLES) | {"Note": table})


def test_what_proved_an_identity_goes_at_the_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    with_rules(monkeypatch, retained.Table({"text": retained.Erase(Stage.DECISION)}, ticket="ticket"))
    waits, decided = closed(factories.submitted), closed(factories.approved, who="u-decided")
    on_hold = closed(factories.refused, who="u-held")
    holds.place(on_hold.stream_app, "u-held", actor=actor("dora"), now=timezone.now(), reason="A case.")

    run(timezone.now())

    assert [note.text for note in Note.objects.order_by("ticket_id")] == [NOTE, "", NOTE]
    entry = AuditEntry.objects.get(action=AuditAction.LEFTOVERS_ERASED)
    assert entry.facts == {"rows": {"Note": 1}}
    run(timezone.now())
    assert AuditEntry.objects.filter(action=AuditAction.LEFTOVERS_ERASED).count() == 1
    assert waits.pk < decided.pk < on_hold.pk


def test_what_was_handed_out_goes_with_what_lies_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    gone: list[str] = []

    def forget(rows: Any) -> None:
        # The rows are still there: what lies outside must not outlive them.
        assert Note.objects.count() == 1
        gone.extend(row.text for row in rows)

    whole = retained.Table({}, ticket="ticket", since="written_at", whole=Stage.DELIVERY, forget=forget)
    with_rules(monkeypatch, whole)
    ticket = closed(factories.submitted)

    run(ticket.opened_at + timedelta(days=6.9))
    assert Note.objects.exists()
    run(ticket.opened_at + timedelta(days=7))
    assert (Note.objects.exists(), gone) == (False, [NOTE])


def test_rows_that_go_whole_go_with_their_ticket(monkeypatch: pytest.MonkeyPatch) -> None:
    gone: list[str] = []
    table = retained.Table(
        {}, ticket="ticket", whole=Stage.CONTACT, forget=lambda rows: gone.extend(row.text for row in rows)
    )
    with_rules(monkeypatch, table)
    ticket = closed(factories.refused)
    other = closed(factories.submitted, who="u-other")

    run(after(90, ticket))

    assert gone == [NOTE]
    assert [note.ticket_id for note in Note.objects.all()] == [other.pk]


def test_the_dry_run_counts_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ticket, kept = closed(), closed(who="u-held")
    holds.place(kept.stream_app, "u-held", actor=actor("dora"), now=timezone.now(), reason="A case.")
    then = after(100, kept)
    monkeypatch.setattr(timezone, "now", lambda: then)
    out = io.StringIO()

    call_command("retention", dry_run=True, stdout=out)
    assert "1  tickets: name, e-mail, free text" in out.getvalue()
    assert "1  tickets kept by a legal hold" in out.getvalue()
    assert fresh(ticket).details_erased_at is None

    call_command("retention", now=True, stdout=out)
    assert "1 tickets' details" in out.getvalue()
    assert fresh(ticket).details_erased_at
    assert fresh(kept).details_erased_at is None


def test_the_chore_forgets_sessions_that_ended() -> None:
    client = signed_in("ada")
    client.session.save()
    sessions = type(client.session).get_model_class().objects
    sessions.update(expire_date=timezone.now() - timedelta(seconds=1))

    chore.erase_what_is_due(factories.WORKER, timezone.now())

    assert not sessions.exists()


# By hand


def erase(client: Client, ticket: Ticket, note: str = "He asked for it.") -> Any:
    return client.post(f"/tickets/{ticket.reference}/erase/", {"note": note})


def test_a_dpo_erases_a_closed_ticket_by_hand_with_a_reason() -> None:
    ticket, dora = closed(factories.refused), signed_in("dora")

    assert erase(dora, ticket, " ").status_code == 422
    assert fresh(ticket).ids_erased_at is None
    assert erase(dora, ticket).status_code == 302

    now = fresh(ticket)
    entry = AuditEntry.objects.get(action=AuditAction.TICKET_ERASED)
    assert (now.requester_name, Decision.objects.get().note, Account.objects.get().is_erased) == ("", "", True)
    assert (entry.facts["by_hand"], entry.actor_id) == (True, person("dora").pk)
    assert "He asked for it." in dora.get("/audit/").content.decode()
    assert erase(dora, ticket).status_code == 422


@pytest.mark.parametrize(
    ("make", "sentence"),
    [(factories.submitted, "still open"), (factories.approved, "still open")],
)
def test_an_open_ticket_cannot_be_erased_by_hand(make: Callable[..., Ticket], sentence: str) -> None:
    ticket = closed(make)

    assert sentence in erase(signed_in("dora"), ticket).content.decode()
    assert fresh(ticket).requester_name == NAME


def test_nor_one_on_hold_nor_before_the_second_look() -> None:
    held, looked_at = closed(factories.refused), closed(who="u-look")
    holds.place(held.stream_app, WHO, actor=actor("dora"), now=timezone.now(), reason="A case.")

    assert "A legal hold is on its account" in erase(signed_in("dora"), held).content.decode()
    assert "looks at Stream once more" in erase(signed_in("dora"), looked_at).content.decode()
    assert (fresh(held).requester_name, fresh(looked_at).requester_name) == (NAME, NAME)


@pytest.mark.parametrize("who", ["ada", "otto", "ruth"])
def test_nobody_but_a_dpo_erases_by_hand(who: str) -> None:
    ticket = closed(factories.refused)

    assert erase(signed_in(who), ticket).status_code == 403
    with pytest.raises(permissions.NotPermitted):
        retention.erase_by_hand(ticket, actor=actor(who), now=timezone.now(), note="Why not.")
    assert fresh(ticket).requester_name == NAME


# Afterwards


def test_pages_lists_and_files_say_that_it_is_gone() -> None:
    ticket = closed(chosen=factories.erase_plan(WHO, "u-second", new_channel_owner_id="u-heir"))
    run(after(3 * 365, ticket))

    for who in ("dora", "otto", "ruth"):
        client = signed_in(who)
        page = client.get(f"/tickets/{ticket.reference}/").content.decode()
        rows = client.get("/tickets/?view=closed").content.decode()
        told = b"".join(client.get("/tickets/list.csv?view=closed")).decode()
        log_page = client.get(f"/audit/?ticket={ticket.reference}").content.decode()
        everything = page + rows + told + log_page
        assert not [word for word in (WHO, "u-second", "u-heir", NAME, EMAIL, NOTE, " erased 0") if word in everything]
        assert "2 erased accounts" in page
        assert "2 erased accounts" in rows
        assert "2 erased accounts" in told
        assert "name and e-mail erased on" in page
    assert "[erased on " in signed_in("dora").get(f"/audit/?ticket={ticket.reference}").content.decode()


def test_nothing_new_is_written_on_a_ticket_that_was_erased() -> None:
    ticket = closed(chosen=factories.soft_plan(WHO))
    run(after(90, ticket))
    now = fresh(ticket)

    with pytest.raises(policies.UnableTo, match="was erased, so"):
        aftercare.add_note(ticket, actor=actor("ada"), now=timezone.now(), text="Again.")
    Ticket.objects.filter(pk=ticket.pk).update(outcome="hidden")
    now.outcome = "hidden"
    with pytest.raises(policies.UnableTo, match="was erased, so"):
        aftercare.restore(now, actor=actor("dora"), now=timezone.now(), note="Back.")


def test_an_export_is_handed_out_for_some_days_only() -> None:
    ticket = closed(chosen=factories.export_plan(WHO))
    step = ticket.steps.first()
    assert step is not None
    assert not retention.export_over(step, ticket, now=after(80, ticket))
    step.delivered_at = ticket.closed_at
    assert not retention.export_over(step, ticket, now=after(6.9, ticket))
    assert retention.export_over(step, ticket, now=after(7, ticket))

    step.stream_task = StreamTask.objects.create(
        stream_app=ticket.stream_app, task_id="t", operation=step.operation, accepted_at=timezone.now()
    )
    step.delivered_at = timezone.now() - timedelta(days=7)
    step.save()
    answer = signed_in("ada").post(f"/tickets/{ticket.reference}/steps/{step.pk}/download/")
    assert answer.status_code == 410
    assert "days in which this export is handed out are over" in answer.content.decode()
