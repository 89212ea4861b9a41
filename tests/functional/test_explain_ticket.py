"""`manage.py explain_ticket`: one print of all that is known, masked; in clear it is recorded who looked."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.management import CommandError
from django.utils import timezone

from requests_app.audit.texts import kept
from requests_app.audit_actions import AuditAction
from requests_app.engine import claims
from requests_app.engine.context import Context
from requests_app.engine.phases import intend
from requests_app.engine.phases.check_before import Look, Verdict
from requests_app.enums import Mode
from requests_app.models import AuditEntry, AuditText
from requests_app.workflow import outcomes
from requests_app.workflow.retained import Stage
from requests_app.workflow.retention import erase
from tests import explanations, factories
from tests.canary import EMAIL, NAME, SECRET, USER_ID
from tests.clock import Clock
from tests.explanations import PERSONAL, REASON, ZONE, explain, part
from tests.people import actor, person
from tests.sandbox_server import running_sandbox

pytestmark = pytest.mark.django_db


def test_streams_own_words_are_masked_since_they_may_name_somebody() -> None:
    ticket = explanations.stopped()

    printed = explain(ticket)

    assert "quota" not in printed
    assert printed.count(f"{outcomes.CANNOT}[Stream's words, masked]") == 3
    assert explain(ticket, clear=True).count(f"{outcomes.CANNOT}quota.") == 3


def test_in_clear_it_names_whom_it_is_about_and_says_so_in_the_log() -> None:
    ticket = explanations.paused()

    printed = explain(ticket, clear=True)

    for word in (USER_ID, NAME, EMAIL, REASON):
        assert word in printed
    assert SECRET not in printed
    entry = AuditEntry.objects.get(action=AuditAction.TICKET_UNMASKED)
    assert (entry.ticket_id, entry.actor_id, entry.origin, entry.facts) == (
        ticket.pk,
        None,
        "command line",
        {"minutes": 0},
    )
    assert f"{entry.seq}  " in part(printed, "Audit entries")
    (text,) = kept(AuditText.objects.filter(seq=entry.seq))
    assert re.fullmatch(r"Printed by manage\.py explain_ticket --clear, run as .+\.", text.text or "")


def test_what_others_wrote_does_not_steer_the_terminal() -> None:
    ticket = factories.draft(requester_name="Eve\x1b[2J\nState: fine")

    assert "\x1b" not in explain(ticket, clear=True)
    assert "\nState: fine" not in explain(ticket, clear=True)


@pytest.mark.django_db(transaction=True)
def test_it_tells_attempts_tasks_and_read_backs_of_a_ticket_that_went_through() -> None:
    with running_sandbox() as stand_in:
        app = factories.stream_app(base_url=stand_in.base_url, api_key=stand_in.key)
        ticket = factories.approved(factories.erase_plan("marie.curie", feeds_data=Mode.KEEP), app=app)
        clock = Clock()
        stand_in.go_wrong(tasks={"DeleteUsers": {"fate": "hang"}})
        clock.sweep()
        under_way = explain(ticket)
        stand_in.go_wrong()
        clock.sweep_for(seconds=10)
        printed = explain(ticket)

    assert re.search(rf"\[stream\] waits until Stream finishes its task; since {ZONE}", part(under_way, "Steps"))
    assert re.search(
        rf"attempt \d+: Delete user, for step \d+, accounts in the call: 1, intended {ZONE}, answered {ZONE}, "
        "with Accepted",
        part(printed, "Attempts"),
    )
    assert re.search(
        rf"task \S+: Delete user, status \S+, accepted {ZONE}, .*finished {ZONE}", part(printed, "Stream tasks")
    )
    assert re.search(rf"read back {ZONE}, again {ZONE}, Stream shows no such user\.", part(printed, "Read-backs"))
    assert re.search(rf"\[read_back\] .*for the second time; until {ZONE}", part(printed, "Steps"))
    assert re.search(rf"\d+  {ZONE}  call\.answer  portal worker  ", part(printed, "Audit entries"))
    assert f"ticket.approve  staff {person('dora').pk}  " in printed
    assert "marie.curie" not in printed


@pytest.mark.django_db(transaction=True)
def test_a_call_that_nobody_answers_is_an_attempt_with_a_next_try() -> None:
    ticket = factories.approved(factories.export_plan(USER_ID, export_user_data=False))

    Clock().sweep()

    printed = explain(ticket)
    assert re.search(rf"\[again\] waits until the next try after a failed one; until {ZONE}", part(printed, "Steps"))
    assert re.search(r"with Not sent, · .+", part(printed, "Attempts"))


def test_a_draft_has_no_steps_but_a_plan() -> None:
    printed = explain(factories.draft(factories.erase_plan(USER_ID)))

    assert part(printed, "Steps") == "  none\n"
    assert "amounts to: 1 × Delete user" in part(printed, "Plan")
    assert "user: hard" in part(printed, "Plan")
    assert "“Draft”" in part(printed, "What holds it")


def test_an_erased_ticket_has_nothing_to_show_in_clear_either(capsys: pytest.CaptureFixture[str]) -> None:
    ticket = factories.completed(factories.erase_plan(USER_ID), requester_name=NAME, requester_email=EMAIL)
    assert erase(ticket.pk, Stage.REST, actor=actor("dora"), now=timezone.now() + timedelta(days=1))

    printed = explain(ticket, clear=True)

    assert "nothing to show" in capsys.readouterr().err
    assert [word for word in PERSONAL if word in printed] == []
    assert "account 1 [erased]" in part(printed, "Accounts")
    assert "user ids erased: " in part(printed, "Ticket")
    assert not AuditEntry.objects.filter(action=AuditAction.TICKET_UNMASKED).exists()


def test_a_ticket_whose_details_are_erased_can_still_be_recorded() -> None:
    ticket = factories.completed(factories.erase_plan(USER_ID), requester_name=NAME, requester_email=EMAIL)
    assert erase(ticket.pk, Stage.CONTACT, actor=actor("dora"), now=timezone.now() + timedelta(days=1))

    printed = explain(ticket, clear=True)

    assert USER_ID in printed
    assert NAME not in printed
    assert AuditEntry.objects.filter(action=AuditAction.TICKET_UNMASKED).exists()


def test_of_a_hundred_accounts_it_says_how_many_more_there_are() -> None:
    ids = [f"many-{number}" for number in range(100)]
    ticket = factories.running(factories.erase_plan(*ids))

    short, whole = explain(ticket), explain(ticket, limit=0)

    assert part(short, "Steps").count("\n  step ") == 39
    assert "… and 60 more: --limit 0 prints all." in part(short, "Accounts")
    assert "… and 160 more" in part(short, "Steps")
    assert len(re.findall(r"^  step \d+: ", whole, re.M)) == 200
    assert "more: --limit" not in whole
    assert "Steps (200 planned)" in whole


def test_a_hundred_accounts_cost_as_few_queries_as_one(django_assert_max_num_queries: Callable[..., object]) -> None:
    ticket = factories.running(factories.erase_plan(*[f"many-{number}" for number in range(100)]))

    with django_assert_max_num_queries(25):  # type: ignore[attr-defined]
        explain(ticket, limit=0)


def test_steps_that_are_not_finished_come_first() -> None:
    ticket = factories.running(factories.erase_plan("u-1", "u-2", feeds_data=Mode.KEEP))
    (first,) = claims.claim_sendable(now=timezone.now(), limit=1)
    nobody = {first.pk: Look(Verdict.NOTHING_FOUND)}
    assert intend.apply_verdicts([first], nobody, Context(pool=None, now=timezone.now)) == []  # type: ignore[arg-type]

    assert "outcome Nothing found" in part(explain(ticket), "Steps")
    assert "state Planned" in part(explain(ticket, limit=1), "Steps")


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        ("DSR-999999", "There is no ticket DSR-999999 in this database."),
        ("123", "A reference looks like DSR-000123."),
        ("DSR-12", "A reference looks like DSR-000123."),
        ("DSR-999999999999999999", "There is no ticket"),
    ],
)
def test_a_reference_that_leads_nowhere_says_what_to_do(reference: str, sentence: str) -> None:
    with pytest.raises(CommandError, match=re.escape(sentence)) as caught:
        explain(reference)

    assert caught.value.returncode == 1


def test_small_letters_lead_there_too_and_a_negative_limit_does_not() -> None:
    ticket = factories.draft()

    assert explain(ticket.reference.lower()).startswith(ticket.reference)
    with pytest.raises(CommandError, match="--limit takes"):
        explain(ticket, limit=-1)
