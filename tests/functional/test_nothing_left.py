"""A ticket goes the whole way, is closed and erased; then whoever has the database finds nothing of its subject.

Looked through are the raw file and the dump of SQLite, every table of PostgreSQL, jobs, results, sessions, cache and
log lines, with what is packed in them unpacked. The same search finds every word before, so that it can fail.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from requests_app.audit.actor import worker
from requests_app.enums import Ground, Mode, Outcome, State
from requests_app.models import AuditEntry, Preview, Ticket, sealed_file
from requests_app.queries.audit import check_chain
from requests_app.upkeep.retention import erase_what_is_due
from requests_app.workflow import aftercare, attachments, holds
from tests import dump, factories
from tests.canary import EMAIL, NAME, USER_ID
from tests.clock import Clock
from tests.people import PASSWORD, actor, person
from tests.sandbox_server import StandIn, running_sandbox

pytestmark = pytest.mark.django_db(transaction=True)

OWNER = "owner-of-what-is-left-77"
WORDS = {
    "note": "He rang from Wiesengrund and sounded upset",
    "second note": "Lives with his aunt in Dillenburg",
    "decision": "His brother Ottokar confirmed it",
    "sent back": "Ask him about Klaushof",
    "retry": "Seen with Brunhilde at the office",
    "hold": "The case Mandelbaum is open",
    "lifted": "Mandelbaum was settled in Fulda",
    "unmasking": "Complaint of Leberecht",
    "file": "Letter of Zacharias from Quedlinburg",
    "file name": "zacharias-of-quedlinburg.txt",
    "failed form": "Sigismund was here first",
    "hand": "He asked through his lawyer",
}
# A hand's reason stays as long as the user ids of others: it is told to name nobody.
PERSONAL = [USER_ID, NAME, EMAIL, OWNER, *(words for name, words in WORDS.items() if name != "hand")]


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with running_sandbox(seeded=False) as started:
        users = {name: {"id": name, "name": NAME} for name in (USER_ID, OWNER)}
        started.client().transport.exchange("UpdateUsers", "POST", "/users", body={"users": users}, changes=True)
        factories.stream_app(base_url=started.base_url, api_key=started.key)
        yield started


@pytest.fixture
def real_cache(settings: Any, tmp_path: Path) -> Iterator[None]:
    """The cache in the database, as in production, and a folder for files."""
    settings.FILES_FOLDER = str(tmp_path / "files")
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "portal_cache"}
    }
    call_command("createcachetable", verbosity=0)
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE portal_cache")


def signed_in(name: str) -> Client:
    client = Client()
    person(name)
    answer = client.post("/accounts/login/", {"login": name, "password": PASSWORD})
    assert answer.status_code == 302
    return client


def post(client: Client, ticket: Ticket, verb: str, **typed: str) -> Any:
    return client.post(f"/tickets/{ticket.reference}/{verb}/", typed)


def the_whole_way(stand_in: StandIn, clock: Clock) -> Ticket:
    """Opened, sent back, approved after the password was asked for, failed, reconciled, held, retried, done, read."""
    ada, dora, otto = signed_in("ada"), signed_in("dora"), signed_in("otto")
    plan = factories.erase_plan(USER_ID, copy_first=True, new_channel_owner_id=OWNER, feeds_data=Mode.HARD)
    ticket = factories.draft(plan, requester_name=NAME, requester_email=EMAIL, note=WORDS["note"])
    ada.post("/tickets/new/", {"kind": "erase", "user_ids": USER_ID, "note": WORDS["failed form"]})
    post(ada, ticket, "submit")
    post(dora, ticket, "send-back", note=WORDS["sent back"])
    post(ada, ticket, "note", note=WORDS["second note"])
    content = WORDS["file"].encode()
    attachments.add(
        ticket, [content], name=WORDS["file name"], size=len(content), actor=actor("ada"), now=timezone.now()
    )
    assert list(sealed_file.stored())
    post(ada, ticket, "submit")
    for typed in (USER_ID, EMAIL, NAME):
        ada.post("/tickets/", {"q": typed})
    dora.post("/audit/person/", {"user_id": USER_ID})
    post(dora, ticket, "preview")
    ticket.refresh_from_db()
    read = {"plan_digest": ticket.plan_digest, "revision": ticket.revision}
    post(dora, ticket, "approve", confirm_user_id="not-" + USER_ID, note=WORDS["decision"], **read)
    # The password is older than five minutes: what was sent waits in the session until it is entered.
    session = dora.session
    session["signed_in_at"] = 0.0
    session.save()
    asked = post(
        dora,
        ticket,
        "approve",
        confirm_user_id=USER_ID,
        note=WORDS["decision"],
        ground=Ground.CONSENT_WITHDRAWN.value,
        preview_digest=Preview.objects.latest("pk").digest,
        **read,
    )
    dora.post(asked["Location"], {"password": PASSWORD}, follow=True)
    ticket.refresh_from_db()
    assert ticket.state == State.APPROVED

    hold = holds.place(ticket.stream_app, USER_ID, actor=actor("dora"), now=clock(), reason=WORDS["hold"])
    clock.sweep_for(seconds=10)
    ticket.refresh_from_db()
    assert ticket.state == State.NEEDS_ATTENTION
    holds.lift(hold, actor=actor("dora"), now=clock(), reason=WORDS["lifted"])
    aftercare.retry(ticket, actor=actor("ada"), now=clock(), note=WORDS["retry"])
    stand_in.go_wrong(
        calls={"DeleteUsers": {"lose_answer": True, "times": 1}, "DeleteFeedUserData": {"error": 503, "times": 1}}
    )
    clock.sweep_for(seconds=400, step=5)
    ticket.refresh_from_db()
    # The answer was lost, so nobody can tell of the files.
    assert (ticket.state, ticket.outcome) == (State.COMPLETED, Outcome.NOT_VERIFIED)

    for step in ticket.steps.filter(delivered_at__isnull=True, stream_task__isnull=False):
        ada.post(f"/tickets/{ticket.reference}/steps/{step.pk}/download/")
    post(otto, ticket, "unmask", note=WORDS["unmasking"])
    for client in (ada, dora, otto):
        for page in (f"/tickets/{ticket.reference}/", "/tickets/", "/audit/", "/holds/", "/tickets/list.csv"):
            b"".join(client.get(page))
    clock.forward(days=1, minutes=1)
    clock.sweep_for(seconds=5)
    return ticket


def left(log: pytest.LogCaptureFixture) -> list[str]:
    found = dump.everything() + log.text
    return [word for word in PERSONAL if word in found]


def later(clock: Clock, days: int) -> datetime:
    """So many days on; sessions of that time are over, whatever this machine's clock says."""
    clock.forward(days=days)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_session SET expire_date = %s", [timezone.now() - timedelta(hours=1)])
    return clock()


def test_after_the_last_stage_nothing_of_the_person_is_left_anywhere(
    stand_in: StandIn, real_cache: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    clock = Clock()
    cache.set("probe", "here")
    ticket = the_whole_way(stand_in, clock)
    # The search would find them: what is sealed cannot be found as text, so only what lies open counts here.
    assert {USER_ID, NAME, EMAIL, OWNER, WORDS["decision"], WORDS["hold"]} <= set(left(caplog))

    erase_what_is_due(worker("test"), later(clock, 91))

    assert set(left(caplog)) == {USER_ID, OWNER}
    assert list(sealed_file.stored()) == []
    assert check_chain().intact

    erase_what_is_due(worker("test"), later(clock, 3 * 365))

    assert left(caplog) == []
    assert check_chain().intact
    assert AuditEntry.objects.filter(ticket_id=ticket.pk).count() > 20
    assert len(dump.tables()) > 25


def test_erased_by_hand_nothing_of_the_ticket_is_left_at_once(
    stand_in: StandIn, real_cache: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    clock = Clock()
    ticket = the_whole_way(stand_in, clock)

    answer = post(signed_in("dora"), ticket, "erase", note=WORDS["hand"])
    later(clock, 0)
    erase_what_is_due(worker("test"), clock())

    assert answer.status_code == 302
    # The hold is an entry of its own account, and has its own time.
    assert set(left(caplog)) <= {USER_ID, WORDS["hold"], WORDS["lifted"]}
    assert check_chain().intact
