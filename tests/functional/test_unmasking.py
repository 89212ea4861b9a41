"""An auditor sees one ticket in clear, with a reason, for a quarter of an hour; no other person and session does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from requests_app.audit.texts import kept
from requests_app.audit_actions import AuditAction
from requests_app.models import AuditEntry, AuditText, Ticket
from requests_app.views.unmasking import ENTRIES
from requests_app.workflow import permissions, unmasking
from requests_app.workflow.retained import Stage
from requests_app.workflow.retention import erase
from tests import factories
from tests.people import CAST, actor, person, signed_in

pytestmark = pytest.mark.django_db

WHO, NAME, EMAIL, NOTE = "u-mask-7", "Berta Kowalski", "berta@kowalski.example", "Called from Lindau."
PERSONAL = (WHO, NAME, EMAIL, NOTE)
REASON = "Complaint 4711 says that the wrong account was erased."


@pytest.fixture
def ticket() -> Ticket:
    return factories.refused(factories.erase_plan(WHO), requester_name=NAME, requester_email=EMAIL, note=NOTE)


@pytest.fixture
def otto() -> Client:
    return signed_in("otto")


def unmask(client: Client, ticket: Ticket, note: str = REASON) -> Any:
    return client.post(f"/tickets/{ticket.reference}/unmask/", {"note": note})


def seen(client: Client, ticket: Ticket) -> list[str]:
    page = client.get(f"/tickets/{ticket.reference}/").content.decode()
    return [word for word in PERSONAL if word in page]


def test_masked_until_there_is_a_reason_and_then_clear_with_a_banner(ticket: Ticket, otto: Client) -> None:
    assert seen(otto, ticket) == []
    refused = unmask(otto, ticket, "  ")
    assert refused.status_code == 422
    assert "Write why you need to see it" in refused.content.decode()
    assert seen(otto, ticket) == []

    answer = unmask(otto, ticket)

    assert (answer.status_code, answer["Location"]) == (302, f"/tickets/{ticket.reference}/")
    assert seen(otto, ticket) == list(PERSONAL)
    page = otto.get(f"/tickets/{ticket.reference}/").content.decode()
    assert "Personal data is shown to you." in page
    assert "Hide again" in page
    entry = AuditEntry.objects.get(action=AuditAction.TICKET_UNMASKED)
    assert (entry.ticket_id, entry.actor_id) == (ticket.pk, person("otto").pk)
    assert REASON not in str(entry.facts)
    assert [text.text for text in kept(AuditText.objects.filter(seq=entry.seq))] == [REASON]


def test_it_opens_that_ticket_and_no_other(ticket: Ticket, otto: Client) -> None:
    other = factories.refused(factories.erase_plan("u-other"), requester_name="Carl Other", note="From Ulm.")
    unmask(otto, ticket)

    shown = (
        otto.get(f"/tickets/{other.reference}/").content.decode() + otto.get("/tickets/?view=closed").content.decode()
    )
    assert not [word for word in ("u-other", "Carl Other", "From Ulm.", *PERSONAL) if word in shown]
    log = otto.get("/audit/").content.decode()
    assert NOTE in log
    assert "From Ulm." not in log


def test_another_auditors_session_sees_nothing(ticket: Ticket, otto: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CAST, "olga", ("Olga Auditor", CAST["otto"][1]))
    unmask(otto, ticket)
    olga = signed_in("olga")

    assert seen(olga, ticket) == []
    # Not even with what the first one's session remembers.
    session = olga.session
    session[ENTRIES] = otto.session[ENTRIES]
    session.save()
    assert seen(olga, ticket) == []


def test_the_same_person_in_another_session_sees_nothing(ticket: Ticket, otto: Client) -> None:
    unmask(otto, ticket)

    assert seen(signed_in("otto"), ticket) == []


def test_it_ends_by_itself(ticket: Ticket, otto: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = timezone.now()
    unmask(otto, ticket)
    (until,) = unmasking.unmasked(otto.session[ENTRIES], actor=actor("otto"), now=timezone.now()).values()
    assert timedelta(0) <= until - begun - timedelta(minutes=15) < timedelta(minutes=1)

    monkeypatch.setattr(timezone, "now", lambda: until - timedelta(seconds=1))
    assert seen(otto, ticket) == list(PERSONAL)
    monkeypatch.setattr(timezone, "now", lambda: until)
    assert seen(otto, ticket) == []


def test_hiding_it_ends_it_at_once_even_for_a_restored_session(ticket: Ticket, otto: Client) -> None:
    unmask(otto, ticket)
    remembered = otto.session[ENTRIES]

    hidden = otto.post(f"/tickets/{ticket.reference}/mask/", follow=True).content.decode()
    assert "hidden again" in hidden
    assert seen(otto, ticket) == []

    session = otto.session
    session[ENTRIES] = remembered
    session.save()
    assert seen(otto, ticket) == []
    unmask(otto, ticket)
    assert seen(otto, ticket) == list(PERSONAL)


def test_a_session_that_names_an_entry_that_is_not_there_opens_nothing(ticket: Ticket, otto: Client) -> None:
    otto.get("/")
    reads = AuditEntry.objects.filter(actor_id=person("otto").pk).values_list("seq", flat=True)
    session = otto.session
    session[ENTRIES] = [*reads, 999_999, AuditEntry.objects.filter(ticket_id=ticket.pk).latest("seq").seq]
    session.save()

    assert seen(otto, ticket) == []


def test_signing_out_ends_it(ticket: Ticket, otto: Client) -> None:
    unmask(otto, ticket)
    otto.post("/accounts/logout/")
    otto.force_login(person("otto"))

    assert seen(otto, ticket) == []


@pytest.mark.parametrize("who", ["ruth", "ada", "dora", "sven"])
def test_nobody_but_an_auditor_may(who: str, ticket: Ticket) -> None:
    assert unmask(signed_in(who), ticket).status_code == 403
    with pytest.raises(permissions.NotPermitted):
        unmasking.unmask(ticket, actor=actor(who), now=timezone.now(), note=REASON)
    with pytest.raises(permissions.NotPermitted):
        unmasking.mask(ticket, actor=actor(who), now=timezone.now())
    assert not AuditEntry.objects.filter(action=AuditAction.TICKET_UNMASKED).exists()
    assert "Show personal data" not in signed_in(who).get(f"/tickets/{ticket.reference}/").content.decode()


def test_who_is_no_auditor_any_more_sees_nothing_any_more(ticket: Ticket, otto: Client) -> None:
    unmask(otto, ticket)
    person("otto").groups.set(person("ruth").groups.all())

    assert seen(otto, ticket) == []


def test_it_stands_in_no_url_and_a_get_opens_nothing(ticket: Ticket, otto: Client) -> None:
    for address in ("unmask", "mask"):
        assert otto.get(f"/tickets/{ticket.reference}/{address}/").status_code == 302
    assert seen(otto, ticket) == []
    assert "?" not in unmask(otto, ticket)["Location"]


def test_an_erased_ticket_has_nothing_to_show(ticket: Ticket, otto: Client) -> None:
    assert erase(ticket.pk, Stage.REST, actor=actor("dora"), now=timezone.now())

    assert "nothing to show" in unmask(otto, ticket).content.decode()
    assert "Show personal data" not in otto.get(f"/tickets/{ticket.reference}/").content.decode()


def test_drafts_stay_unseen(otto: Client) -> None:
    assert unmask(otto, factories.draft()).status_code == 404


def test_the_search_of_the_log_wants_a_whole_id_and_is_recorded_by_its_pseudonym(otto: Client, ticket: Ticket) -> None:
    assert otto.post("/audit/person/", {"user_id": " "}).status_code == 422

    found = otto.post("/audit/person/", {"user_id": WHO})

    assert {line.reference for line in found.context["lines"]} == {ticket.reference}
    assert NOTE not in found.content.decode()
    entry = AuditEntry.objects.latest("seq")
    assert entry.action == AuditAction.AUDIT_READ
    assert ticket.accounts.get().subject in entry.subjects
    assert WHO not in str(entry.facts)
    assert signed_in("ruth").post("/audit/person/", {"user_id": WHO}).status_code == 403


def test_the_number_of_queries_does_not_grow_with_what_is_open(
    ticket: Ticket, otto: Client, django_assert_num_queries: Any
) -> None:
    def load() -> int:
        with django_assert_num_queries(100, exact=False) as counted:
            otto.get("/audit/")
        return len(counted)

    unmask(otto, ticket)
    one = load()
    for place in range(4):
        unmask(otto, factories.refused(factories.erase_plan(f"u-{place}"), note=NOTE))
    assert load() == one
