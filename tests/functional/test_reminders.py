"""Reminders by mail: what is told to whom, when, and that each mail is queued once, by however many workers."""

from __future__ import annotations

import os
import signal
import threading
import traceback
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from requests_app.enums import MailKind, PauseOfClock
from requests_app.models import AuditEntry, Mail, Profile, Reminder, Ticket
from requests_app.queries import reminders as read
from requests_app.upkeep import post, reminders, timetable
from requests_app.workflow import aftercare, profiles, reminding
from tests import factories
from tests.canary import EMAIL, NAME
from tests.factories import WORKER
from tests.people import actor, person, signed_in

pytestmark = pytest.mark.django_db

# A Wednesday, no holiday anywhere in Germany; 8:30 in Berlin.
DAY = date(2026, 11, 25)
MORNING = datetime(2026, 11, 25, 7, 30, tzinfo=UTC)
NIGHT = MORNING - timedelta(hours=6)


def due(days: int, ticket: Ticket | None = None, **changes: Any) -> Ticket:
    """A ticket that is due so many days after the day."""
    ticket = ticket or factories.draft(
        factories.erase_plan(f"marie.curie-{Ticket.objects.count()}"), requester_name=NAME, requester_email=EMAIL
    )
    Ticket.objects.filter(pk=ticket.pk).update(due_on=DAY + timedelta(days=days), **changes)
    ticket.refresh_from_db()
    return ticket


@pytest.fixture
def staff() -> None:
    """Two agents, two data protection officers, an auditor and an administrator."""
    for name in ("ada", "ben", "dora", "dan", "otto", "ruth"):
        person(name)


def remind(at: datetime = MORNING) -> int:
    return reminders.remind(WORKER, at)


def mails(prefix: str = "") -> dict[str, Mail]:
    """The queued mails by who gets them; no two for the same."""
    found = list(Mail.objects.filter(key__startswith=prefix))
    told = {mail.recipient.partition("@")[0]: mail for mail in found}
    assert len(told) == len(found)
    return told


def test_the_digest_tells_each_what_is_theirs(staff: None) -> None:
    own, other = due(20), due(20, factories.draft(by="ben"))
    waiting = [due(days, factories.submitted(by="ben")) for days in (12, 9)]
    back, stopped = due(20, factories.sent_back()), due(20, factories.stopped())
    nobodys = due(20, factories.draft(by="ben"), owner=None)

    remind()

    told = mails("digest")
    assert sorted(told) == ["ada", "ben", "dan", "dora"]
    ada, dora = told["ada"].body, told["dora"].body
    for ticket in (own, back, stopped, nobodys):
        assert ticket.reference in ada
    assert other.reference not in ada
    assert dora.index(waiting[1].reference) < dora.index(waiting[0].reference)
    assert "Waiting for your decision (2)" in dora
    assert told["ada"].kind == MailKind.REMINDER
    assert f"http://testserver/tickets/{own.reference}/" in ada


def test_a_mail_names_no_data_subject(staff: None) -> None:
    for days in (2, -2, 20):
        due(days)

    remind()

    assert len(mails("digest")) >= 3
    for mail in Mail.objects.all():
        for word in ("marie", "curie", NAME, EMAIL):
            assert word not in mail.body + mail.subject


def test_the_digest_comes_once_a_working_day_at_its_hour(staff: None, settings: Any) -> None:
    due(20)

    remind(MORNING - timedelta(hours=1))
    assert mails("digest") == {}
    remind(MORNING)
    remind(MORNING + timedelta(hours=2))
    assert set(mails("digest")) == {"ada"}
    # What comes after the digest of the day waits for the next one.
    due(20, factories.draft(by="ben"))
    remind(MORNING + timedelta(hours=4))
    assert set(mails("digest")) == {"ada"}
    remind(MORNING + timedelta(days=1))
    assert Mail.objects.filter(key__startswith="digest").count() == 3


@pytest.mark.parametrize("day", [date(2026, 11, 28), date(2026, 11, 29), date(2026, 12, 25)])
def test_there_is_no_digest_on_days_off(staff: None, day: date) -> None:
    due(60)

    remind(datetime.combine(day, time(12), UTC))

    assert mails("digest") == {}


def test_a_worker_that_comes_late_still_sends_the_digest_of_the_day(staff: None) -> None:
    due(20)

    remind(MORNING + timedelta(hours=9))

    assert set(mails("digest")) == {"ada"}


def test_nobody_is_told_that_nothing_waits(staff: None) -> None:
    remind()

    assert mails() == {}


def test_the_digest_can_be_switched_off_and_the_rest_cannot(staff: None) -> None:
    Profile.objects.create(person=person("ada"), digest=False)
    Profile.objects.create(person=person("dora"), digest=False)
    due(2)
    due(-1)

    remind()

    assert {"ada", "dora"}.isdisjoint(mails("digest"))
    assert {mail.recipient for mail in Mail.objects.filter(key__startswith="due")} == {
        person(name).email for name in ("ada", "dora", "dan")
    }


def test_what_comes_near_is_told_at_once_day_or_night_to_its_owner(staff: None) -> None:
    near = due(3)
    due(4)

    remind(NIGHT)
    remind(NIGHT + timedelta(minutes=5))

    told = mails()
    assert set(told) == {"ada"}
    assert near.reference in told["ada"].body
    assert told["ada"].subject == "1 ticket is due within 3 days"
    # The day after, the other one is as near; the first is not told of again.
    remind(NIGHT + timedelta(days=1))
    assert Mail.objects.count() == 2
    assert near.reference not in Mail.objects.latest("pk").body


def test_who_decides_is_told_what_waits_for_them(staff: None) -> None:
    due(1, factories.submitted())

    remind(NIGHT)

    assert set(mails()) == {"ada", "dan", "dora"}


@pytest.mark.parametrize("owner", ["nobody", "unreachable", "gone"])
def test_what_nobody_can_be_told_of_is_told_to_every_agent(staff: None, owner: str) -> None:
    ticket = due(1)
    if owner == "nobody":
        Ticket.objects.filter(pk=ticket.pk).update(owner=None)
    ada = person("ada")
    ada.email, ada.is_active = ("" if owner == "unreachable" else ada.email), owner != "gone"
    ada.save()

    remind(NIGHT)

    assert set(mails()) == ({"ada", "ben"} if owner == "nobody" else {"ben"})


def test_another_due_date_is_told_of_anew(staff: None) -> None:
    ticket = due(1)
    remind(NIGHT)
    due(2, ticket)

    remind(NIGHT)

    assert Mail.objects.count() == 2


def test_what_is_late_goes_to_every_dpo_at_each_threshold_once(staff: None) -> None:
    ticket = due(0)
    told: list[int] = []
    for days in range(40):
        before = Mail.objects.filter(key__contains=":1").count()
        remind(NIGHT + timedelta(days=days))
        remind(NIGHT + timedelta(days=days, minutes=5))
        if Reminder.objects.filter(days_late__gt=0).count() // 2 > len(told):
            told.append(days)
        assert before <= Mail.objects.count()

    assert tuple(told) == read.DAYS_LATE
    found = Reminder.objects.filter(ticket=ticket, days_late__gt=0)
    assert {one.person for one in found} == {person("dora"), person("dan")}
    assert Mail.objects.filter(key__startswith="due").count() == 1 + 2 * len(read.DAYS_LATE)


def test_a_worker_that_slept_tells_the_newest_threshold_alone(staff: None) -> None:
    due(-10)

    remind(NIGHT)

    assert set(Reminder.objects.values_list("days_late", flat=True)) == {7}
    assert Mail.objects.count() == 2


def test_what_is_closed_is_nobodys_trouble(staff: None) -> None:
    closed = factories.completed(), factories.refused()
    for ticket in (*closed, factories.cancelled()):
        due(-3, ticket)
    Ticket.objects.filter(pk__in=[ticket.pk for ticket in closed]).update(
        answered_by=person("ada"), answered_at=timezone.now()
    )

    remind()

    assert mails() == {}


def test_while_the_clock_stands_nothing_comes_near_and_once_it_goes_on_it_is_told(staff: None) -> None:
    ticket = due(2)
    pause = ticket.clock_pauses.create(
        kind=PauseOfClock.IDENTITY.value, question="Who?", asked_on=DAY, asked_by=person("ada")
    )
    for days in range(3):
        due(2 + days, ticket)
        remind(NIGHT + timedelta(days=days))
    assert mails("due") == {}

    pause.answered_on, pause.answered_by = DAY + timedelta(days=2), person("ada")
    pause.save()
    remind(NIGHT + timedelta(days=2))
    assert set(mails("due")) == {"ada"}


def test_without_a_mail_server_nothing_is_noted_so_that_nothing_is_missed(staff: None, settings: Any) -> None:
    due(2)
    settings.MAILS = False
    assert remind() == 0
    assert not Reminder.objects.exists()

    settings.MAILS = True
    remind()
    assert set(mails("due")) == {"ada"}


def test_many_are_told_in_one_mail_that_names_the_first(staff: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "NAMED", 3)
    made = [due(1, factories.draft()) for _ in range(5)]

    remind(NIGHT)

    (mail,) = mails().values()
    assert [ticket.reference in mail.body for ticket in made] == [True, True, True, False, False]
    assert "and 2 more" in mail.body
    assert Reminder.objects.count() == 5


def test_what_does_not_fit_into_a_turn_comes_in_the_next(staff: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reminders, "AT_ONCE", 2)
    for _ in range(3):
        due(1, factories.draft())

    assert [remind(NIGHT), remind(NIGHT), remind(NIGHT)] == [1, 1, 0]
    assert Reminder.objects.count() == 3


def test_the_clock_does_it_without_anybody_opening_a_page(staff: None) -> None:
    due(2)

    (chore,) = (one for one in timetable.CHORES if one.name == "reminders")
    done = timetable.run_due(actor=WORKER, now=lambda: MORNING, chores=[chore])

    assert done == ["reminders"]
    assert set(mails("due")) == {"ada"}


def test_the_queries_do_not_grow_with_the_tickets(staff: None) -> None:
    def load(number: int) -> int:
        for _ in range(number):
            due(1, factories.draft())
        with CaptureQueriesContext(connection) as queries:
            remind(NIGHT)
        return len(queries)

    load(1)
    assert load(1) == load(30)


# Workers that come together, and workers that die


@pytest.mark.django_db(transaction=True)
def test_workers_that_come_at_the_same_moment_queue_each_mail_once() -> None:
    for name in ("ada", "ben", "dora", "dan"):
        person(name)
    for days in (2, -1, 20):
        due(days, factories.draft())
    barrier, failed = threading.Barrier(4), []

    def work() -> None:
        try:
            barrier.wait(timeout=20)
            remind()
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)

    assert failed == []
    keys = list(Mail.objects.values_list("key", flat=True))
    # Digests of Ada (drafts) and both officers (late); the near one to Ada; the late one to both officers.
    assert len(keys) == len(set(keys)) == 3 + 1 + 2
    assert Reminder.objects.count() == 1 + 2


def in_a_process(do: Callable[[], object]) -> int:
    """Run it in a forked process that is killed where it says so; returns how it ended."""
    connections.close_all()
    child = os.fork()
    if not child:
        try:
            do()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("after", [1, 2, 4, 6])
def test_a_worker_killed_in_between_leaves_all_of_it_to_the_next(after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ada", "ben", "dora", "dan"):
        person(name)
    for days in (2, -1, 20):
        due(days, factories.draft())
    real, calls = reminding.outbox.queue, []

    def killed(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        found = real(*args, **kwargs)
        if len(calls) == after:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(reminding.outbox, "queue", killed)
        assert in_a_process(remind) == -signal.SIGKILL

    assert (Mail.objects.count(), Reminder.objects.count()) == (0, 0)
    assert remind() == 6
    assert remind() == 0
    assert (Mail.objects.count(), Reminder.objects.count()) == (6, 3)


# The profile


def test_everybody_switches_their_own_digest() -> None:
    ada = signed_in("ada")
    assert "checked" in ada.get("/profile/").content.decode()

    ada.post("/profile/", {})
    assert Profile.objects.get().digest is False
    assert AuditEntry.objects.latest("seq").facts == {
        "changed": ["digest", "mentions", "single_keys"],
        "digest": False,
        "mentions": False,
        "single_keys": False,
    }

    ada.post("/profile/", {"digest": "on", "mentions": "on"})
    assert Profile.objects.get().digest is True
    assert Profile.objects.get().person == person("ada")


def test_whoever_is_mentioned_gets_one_mail_that_tells_nothing_of_the_person(mailoutbox: list[Any]) -> None:
    ticket = factories.submitted(requester_name="Quill Feather")
    for name in ("ada", "ben", "dora"):
        get_user_model().objects.filter(pk=person(name).pk).update(email=f"{name}@example.org")
    Profile.objects.create(person=person("dora"), mentions=False)
    words = "Quill Feather wrote again, @ben, @dora and @ada; @ben, please look."

    aftercare.add_note(ticket, actor=actor("ada"), now=timezone.now(), text=words)
    for _ in range(2):
        post.send_due(factories.WORKER, timezone.now())

    (mail,) = mailoutbox
    assert mail.to == ["ben@example.org"]
    assert f"http://testserver/tickets/{ticket.reference}/" in mail.body
    assert "Quill" not in mail.subject + mail.body
    assert "please look" not in mail.subject + mail.body
    assert Mail.objects.get().body == ""


def test_a_note_that_is_rolled_back_mails_nobody() -> None:
    ticket = factories.submitted()
    get_user_model().objects.filter(pk=person("ben").pk).update(email="ben@example.org")

    with transaction.atomic():
        aftercare.add_note(ticket, actor=actor("ada"), now=timezone.now(), text="Look, @ben.")
        assert Mail.objects.exists()
        transaction.set_rollback(True)

    assert not Mail.objects.exists()


def test_nobody_chooses_for_others() -> None:
    profile = Profile(person=person("ben"), digest=False)

    with pytest.raises(ValueError, match="own"):
        profiles.save(profile, actor=actor("ada"), now=timezone.now(), changed=["digest"])

    assert not Profile.objects.exists()


@pytest.mark.parametrize(
    ("mails", "email", "sentence"), [(False, "a@example.org", "No mail server"), (True, "", "No address")]
)
def test_the_profile_says_where_mails_cannot_come(settings: Any, mails: bool, email: str, sentence: str) -> None:
    settings.MAILS = mails
    ada = person("ada")
    ada.email = email
    ada.save()

    assert sentence in signed_in("ada").get("/profile/").content.decode()
