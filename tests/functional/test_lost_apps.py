"""A role that no longer holds in a Stream app: what was begun there goes on without its person, and is not shown."""

from __future__ import annotations

import secrets
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from requests_app.models import (
    Account,
    AppRole,
    SavedView,
    StreamApp,
    StreamTask,
    Ticket,
    Upload,
)
from requests_app.queries import reminders, saved_views, search
from requests_app.upkeep import imports as chore
from requests_app.workflow import (
    access,
    approval,
    autosave,
    imports,
)
from tests import factories
from tests.functional.test_app_roles import confine
from tests.functional.test_app_roles import other as other
from tests.functional.test_moved_tickets import moved, refused
from tests.functional.test_staff_entries import form_of
from tests.functional.test_ticket_form import typed
from tests.people import actor, person, signed_in

pytestmark = pytest.mark.django_db

USER_ID = "only-in-chat-test"


def confirmed(app: StreamApp, who: str, *user_ids: str) -> Upload:
    """A file with these requests that somebody confirmed a minute ago, of which nothing was taken yet."""
    now = timezone.now() - timedelta(minutes=1)
    head, day = "request,user_ids,received_on,preset", timezone.localdate(now).isoformat()
    text = "\n".join([head, *(f"export,{user_id},{day}," for user_id in user_ids)])
    found = imports.upload(app, text.encode(), actor=actor(who), now=now)
    imports.confirm(found, actor=actor(who), now=now)
    return found


def test_an_import_stops_where_its_confirmer_lost_the_app_and_goes_on_with_another(
    other: StreamApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "BATCH", 1)
    lost, after = confirmed(factories.stream_app(), "ben", "u_1", "u_2"), confirmed(other, "ada", "u_3")
    imports.take(lost, actor=actor("ben"), now=timezone.now, seconds=0)
    confine("ben", other)

    chore.run(factories.WORKER, timezone.now())
    chore.run(factories.WORKER, timezone.now())

    lost.refresh_from_db()
    assert (lost.position, lost.finished_at, refused()) == (1, None, ["ben"])
    assert Upload.objects.get(pk=after.pk).finished_at is not None
    ada, place = signed_in("ada"), f"/imports/{lost.token}/"
    assert "may no longer open requests of this Stream app" in ada.get(place).content.decode()
    assert "stopped" in ada.get("/imports/").content.decode()
    # A page that was open asks by itself, and stands for nothing.
    shown = ada.post(f"{place}confirm/", headers={"HX-Request": "true"}).content.decode()
    assert "Take the rest" in shown
    assert "hx-post" not in shown
    assert Upload.objects.get(pk=lost.pk).position == 1

    ada.post(f"{place}confirm/", {"anew": "on"})

    lost.refresh_from_db()
    assert (lost.confirmed_by, lost.stopped_at, lost.position) == (person("ada"), None, 2)
    assert lost.finished_at is not None
    assert [one.opened_by.username for one in Ticket.objects.filter(stream_app=lost.stream_app).order_by("pk")] == [
        "ben",
        "ada",
    ]


def test_what_is_left_of_a_stopped_import_is_thrown_away_in_time(other: StreamApp) -> None:
    lost = confirmed(factories.stream_app(), "ben", "u_1")
    confine("ben", other)
    chore.run(factories.WORKER, timezone.now())
    assert Upload.objects.get(pk=lost.pk).content

    chore.run(factories.WORKER, timezone.now() + chore.KEPT + timedelta(minutes=1))

    lost.refresh_from_db()
    assert (lost.content, Ticket.objects.count()) == ("", 0)
    assert "was thrown away" in signed_in("ada").get(f"/imports/{lost.token}/").content.decode()


def kept_form(ticket: Ticket | None, who: str, **what: str) -> str:
    """The session of a form that somebody left unfinished."""
    session = secrets.token_hex(16)
    autosave.keep(session, what, actor=actor(who), now=timezone.now(), ticket=ticket, revision=1)
    return session


def test_a_kept_form_leads_to_no_ticket_that_is_not_seen_any_more(other: StreamApp) -> None:
    ticket = factories.draft(factories.erase_plan(USER_ID), by="ben")
    session = kept_form(ticket, "ben", kind="export", user_ids=USER_ID)
    confine("ben", other)
    ben = signed_in("ben")

    assert "differ" not in ben.get("/tickets/new/", {"kept": session}).content.decode()
    sent = typed(session=session, stream_app=str(other.pk), user_ids="u_new", action=None, kind="export")
    answer = ben.post("/tickets/new/keep/", sent, headers={"HX-Request": "true"}).content.decode()
    assert ticket.reference not in answer
    assert Ticket.objects.get(pk=ticket.pk).revision == ticket.revision
    again = kept_form(ticket, "ben", kind="export")
    assert ben.post("/tickets/new/forget/", {"session": again})["Location"] == "/tickets/new/"


def test_a_form_for_an_app_that_was_lost_is_neither_offered_nor_filled_in(other: StreamApp) -> None:
    lost = factories.stream_app()
    session = kept_form(None, "ben", kind="export", user_ids=USER_ID, stream_app=str(lost.pk))
    ben = signed_in("ben")
    assert session in ben.get("/tickets/new/").content.decode()
    assert USER_ID in ben.get("/tickets/new/", {"kept": session}).content.decode()

    confine("ben", other)

    assert session not in ben.get("/tickets/new/").content.decode()
    assert USER_ID not in ben.get("/tickets/new/", {"kept": session}).content.decode()
    own = kept_form(None, "ben", kind="export", user_ids="u_own", stream_app=str(other.pk))
    kept_form(None, "ben", kind="export", user_ids="u_lost", stream_app=str(lost.pk))
    assert own in ben.get("/tickets/new/").content.decode()


def test_nobody_hears_that_a_file_was_imported_for_another_app(other: StreamApp) -> None:
    before, now = confirmed(factories.stream_app(), "ada", "u_1"), timezone.now()

    def again(app: StreamApp) -> Upload:
        return imports.upload(app, before.content.encode(), actor=actor("ben"), now=now)

    assert imports.same_before(again(other)) is None
    assert imports.same_before(again(before.stream_app)) == before


def test_an_import_names_no_ticket_that_moved_out_of_sight(other: StreamApp) -> None:
    found = confirmed(factories.stream_app(), "ada", "u_1", "u_2")
    imports.take(found, actor=actor("ada"), now=timezone.now, seconds=5)
    gone, stays = Ticket.objects.order_by("pk")
    moved(gone, other, ground="")
    confine("ben", found.stream_app)

    shown = signed_in("ben").get(f"/imports/{found.token}/").content.decode()

    assert gone.reference not in shown
    assert stays.reference in shown
    assert "1 ticket is opened as a draft." in shown
    assert "stayed out" not in shown


def test_a_search_is_cut_off_only_after_what_the_person_sees(other: StreamApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MOST", 1)
    who = {"requester_name": "Mia Person", "requester_email": "mia@example.org"}
    factories.draft(factories.erase_plan("u_same"), **who)
    own = factories.draft(factories.erase_plan("u_same"), app=other, **who)
    ben = confine("ben", other)

    for text in ("u_same", "u_sa", "Mia Person", "mia@example.org"):
        assert list(search.matching(access.visible_tickets(ben), text, ben)) == [own], text
    Account.objects.update(user_id="")
    assert list(search.matching(access.visible_tickets(ben), "u_same", ben)) == [own]


def test_the_task_of_another_app_does_not_hide_the_own_one(other: StreamApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "MOST", 1)
    tickets_of_both = [factories.running(factories.erase_plan("u_same"), app=app) for app in (None, other)]
    for ticket in tickets_of_both:
        task = StreamTask.objects.create(
            stream_app=ticket.stream_app, task_id="task-1", operation="DeleteUsers", accepted_at=timezone.now()
        )
        ticket.steps.update(stream_task=task)
    ben = confine("ben", other)

    assert list(search.matching(access.visible_tickets(ben), "task-1", ben)) == [tickets_of_both[1]]


def test_a_shared_view_of_another_app_is_left_out(other: StreamApp) -> None:
    lost, owner = factories.stream_app(), person("ada")
    for name, query in {
        "Of the lost app": f"view=open&app={lost.pk}",
        "Of the own app": f"view=open&app={other.pk}",
        "Of all but stand-ins": "view=open&app=real",
        "Of any": "view=open",
    }.items():
        SavedView.objects.create(owner=owner, name=name, query=query, is_shared=True)
    SavedView.objects.create(owner=person("ben"), name="My own", query=f"view=open&app={lost.pk}")

    names = [view.name for view in saved_views.of(confine("ben", other))]

    assert names == ["My own", "Of all but stand-ins", "Of any", "Of the own app"]
    assert len(saved_views.of(actor("ada"))) == 4


@pytest.mark.parametrize("days", [1, -40])
def test_tickets_of_apps_where_nobody_listens_starve_no_others(other: StreamApp, days: int) -> None:
    unheard, heard = factories.draft(by="ben"), factories.draft(by="ben", app=other)
    today = timezone.localdate()
    Ticket.objects.filter(pk=unheard.pk).update(due_on=today + timedelta(days=days - 1))
    Ticket.objects.filter(pk=heard.pk).update(due_on=today + timedelta(days=days))
    confine("dora", other)
    get_user_model().objects.exclude(username="dora").update(is_active=False)

    def told() -> list[int]:
        everybody = reminders.people()
        near = [one.ticket_id for one, _, _ in reminders.near(today, everybody, at_most=1)]
        return near + [one.ticket_id for one in reminders.late(today, everybody, at_most=1)]

    assert told() == [heard.pk]
    # Somebody whose role holds everywhere listens for every app.
    get_user_model().objects.filter(pk=person("dan").pk).update(is_active=True)
    assert told() == [unheard.pk]


def test_a_first_approval_that_counts_no_longer_is_nowhere_shown_as_one(other: StreamApp) -> None:
    app = factories.stream_app(second_approver=True)
    ticket = factories.submitted(factories.erase_plan(USER_ID))
    seen = factories.seen(ticket)
    approval.approve(ticket, actor=actor("dora"), now=timezone.now(), confirm_user_id=USER_ID, **seen)
    dan, page = signed_in("dan"), f"/tickets/{ticket.reference}/"
    assert "Dora Dpo approved first" in dan.get(page).content.decode()
    assert "Dora Dpo approved first" in dan.get("/approvals/").content.decode()
    assert "must approve after you" not in dan.get(page).content.decode()

    confine("dora", other)

    assert app.second_approver
    assert "approved first" not in dan.get(page).content.decode()
    assert "approved first" not in dan.get("/approvals/").content.decode()
    assert "must approve after you" in dan.get(page).content.decode()


def test_a_superuser_who_is_bound_finds_nothing_in_the_admin(other: StreamApp) -> None:
    ruth, ticket = person("ruth"), factories.draft(factories.erase_plan(USER_ID))
    ruth.is_superuser = ruth.is_staff = True
    ruth.save()
    client = Client()
    client.force_login(ruth)
    own = f"/admin/auth/user/{ruth.pk}/"
    places = [
        "/admin/requests_app/ticket/",
        f"/admin/requests_app/ticket/{ticket.pk}/change/",
        "/admin/requests_app/streamapp/",
        "/admin/auth/user/",
        "/admin/auth/user/add/",
        f"{own}change/",
        f"{own}password/",
    ]
    assert [client.get(place).status_code for place in places] == [200] * len(places)

    confine("ruth", other)

    assert [client.get(place).status_code for place in places] == [403] * len(places)
    freed = {"app_roles-TOTAL_FORMS": "1", "app_roles-INITIAL_FORMS": "1", "app_roles-0-DELETE": "on"}
    assert client.post(f"{own}change/", form_of("ruth", **freed)).status_code == 403
    assert AppRole.objects.filter(person=ruth).exists()
    assert "auth/user" not in client.get("/admin/").content.decode()
