"""A role that holds in some Stream apps: nothing of another one is there for whoever has it, at whatever address."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import ProtectedError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from requests_app.audit_actions import AuditAction
from requests_app.engine.phases.objections import Objections
from requests_app.enums import Verb
from requests_app.models import AppRole, AuditEntry, StreamApp, Ticket, Upload
from requests_app.queries import reminders
from requests_app.urls import urlpatterns
from requests_app.workflow import (
    approval,
    assignment,
    bulk,
    cover_sheets,
    holds,
    imports,
    notes,
    pauses,
    permissions,
    policies,
    sheet,
    staff,
    tickets,
)
from requests_app.workflow.permissions import NotPermitted
from tests import factories
from tests.clock import Clock
from tests.functional.test_role_answers import ANSWERS, address, role_of, visitor
from tests.functional.test_staff_entries import form_of
from tests.people import ORIGIN, person, signed_in
from tests.sandbox_server import StandIn
from tests.undone import undone

pytestmark = pytest.mark.django_db

# One of each role, none of whom had a hand in the ticket.
PEOPLE = ("ben", "dan", "otto", "ruth")
USER_ID, REASON = "only-in-chat-test", "An incident of chat-test."


@pytest.fixture
def other() -> StreamApp:
    """Another app than that of all tickets here."""
    app = StreamApp(name="chat-other", base_url=factories.NOWHERE, api_key="other", identity_required=False)
    app.api_secret = "secret-of-the-other-app"
    app.save()
    return app


@pytest.fixture
def ticket() -> Ticket:
    """One that waits for the DPO, in the app that nobody here has a role in."""
    return factories.submitted(factories.erase_plan(USER_ID))


def confine(who: str, *apps: StreamApp) -> Any:
    """Let the role hold in these apps only; returns the person as an actor."""
    for app in apps:
        AppRole.objects.create(person_id=person(who).pk, stream_app=app)
    return staff.as_actor(person(who), ORIGIN)


def pattern_of(name: str) -> str:
    return next(str(entry.pattern) for entry in urlpatterns if entry.name == name)


OF_A_TICKET = [name for name in ANSWERS if "reference" in pattern_of(name)]
OF_AN_APP = [name for name in ANSWERS if "app_id" in pattern_of(name)]
FOR_ALL = [name for name in ANSWERS if name not in {*OF_A_TICKET, *OF_AN_APP} and ANSWERS[name][0] == 200]


@pytest.mark.parametrize("who", PEOPLE)
def test_what_belongs_to_another_app_is_not_there(who: str, ticket: Ticket, other: StreamApp) -> None:
    confined, client, wrong = confine(who, other), visitor(who), {}
    for name in (*OF_A_TICKET, *OF_AN_APP):
        url = address(name)
        for method in ("get", "post"):
            with undone():
                answer = getattr(client, method)(url)
            expected = {404} if permissions.may_open(confined, name) else {403}
            if method == "get" and ANSWERS[name][0] == 302 and 404 in expected:
                # An address of a form leads to the page of the form, which is not there.
                expected = {302}
            if ANSWERS[name][method == "post"] == 405 and 404 in expected:
                expected = {405}
            if answer.status_code not in expected:
                wrong[name, method] = answer.status_code
            assert USER_ID not in answer.content.decode()

    assert wrong == {}


@pytest.mark.parametrize("who", PEOPLE)
def test_no_page_names_anything_of_another_app(who: str, ticket: Ticket, other: StreamApp) -> None:
    dora = staff.as_actor(person("dora"))
    now = timezone.now()
    factories.completed(factories.export_plan(f"{USER_ID}-too"))
    holds.place(ticket.stream_app, USER_ID, actor=dora, now=now, reason=REASON)
    pauses.pause(ticket.stream_app, actor=dora, now=now, reason=REASON)
    imports.upload(ticket.stream_app, sheet.template().encode(), actor=dora, now=now)
    confined, client = confine(who, other), visitor(who)
    for name in FOR_ALL:
        url = address(name)
        with undone():
            answer = client.get(url)
            shown = answer.getvalue().decode()
        assert answer.status_code == (200 if permissions.may_open(confined, name) else 403), (who, name)
        assert [word for word in (USER_ID, ticket.reference, "chat-test", REASON) if word in shown] == [], (who, name)


def test_what_belongs_to_the_own_app_is_there(ticket: Ticket, other: StreamApp) -> None:
    confine("ben", ticket.stream_app)
    client = signed_in("ben")

    assert client.get(f"/tickets/{ticket.reference}/").status_code == 200
    assert ticket.reference in client.get(reverse("ticket-list"), {"view": "all"}).content.decode()
    assert "chat-other" not in client.get(reverse("ticket-new")).content.decode()


def test_whoever_is_bound_reads_where_the_role_holds_and_why_not_everywhere(other: StreamApp) -> None:
    factories.stream_app()
    confine("dan", other)
    shown = signed_in("dan").get(reverse("sending")).content.decode()

    assert "Data protection officer in chat-other" in shown
    assert permissions.NOT_IN_ALL_APPS in shown
    assert shown.count('action="/sending/pause/"') == 1


def test_counts_and_searches_stop_at_the_apps_of_the_role(ticket: Ticket, other: StreamApp) -> None:
    confine("dan", other)
    client = signed_in("dan")

    for typed in (ticket.reference, USER_ID):
        found = client.post(reverse("ticket-list"), {"q": typed}, follow=True).content.decode()
        assert f"/tickets/{ticket.reference}/" not in found
    shell = client.get(reverse("my-work")).context["shell"]
    assert {item.label: item.count for group in shell.nav for item in group.items}["Approvals"] == 0
    assert "0 of 0" not in client.get(reverse("ticket-csv")).getvalue().decode()


@pytest.mark.parametrize("path", ["ticket-new", "ticket-plan", "ticket-look-up", "ticket-keep"])
def test_a_form_takes_no_other_app(path: str, ticket: Ticket, other: StreamApp) -> None:
    confine("ben", other)
    typed = {
        "kind": "export",
        "stream_app": str(ticket.stream_app_id),
        "user_ids": "somebody",
        "received_on": timezone.localdate().isoformat(),
        "channel": "email",
        "export_user_data": "on",
        "action": "draft",
        "draft": ticket.reference,
    }

    signed_in("ben").post(reverse(path), typed)

    assert Ticket.objects.count() == 1


def test_the_domain_asks_itself(ticket: Ticket, other: StreamApp) -> None:
    """Whoever comes by another door than a page."""
    ben, dan, now = confine("ben", other), confine("dan", other), timezone.now()
    app, own = ticket.stream_app, tickets.open_ticket(factories.intake(app=other), actor=ben, now=now)
    hold = holds.place(app, "kept", actor=staff.as_actor(person("dora")), now=now, reason="A case.")
    attempts: list[Any] = [
        lambda: tickets.open_ticket(factories.intake(app=app), actor=ben, now=now),
        lambda: tickets.edit_ticket(own, factories.intake(app=app), actor=ben, now=now),
        lambda: tickets.cancel(ticket, actor=ben, now=now),
        lambda: assignment.assign(ticket, None, actor=ben, now=now),
        lambda: imports.upload(app, sheet.template().encode(), actor=ben, now=now),
        lambda: approval.approve(ticket, actor=dan, now=now, confirm_user_id=USER_ID, **factories.seen(ticket, at=now)),
        lambda: holds.place(app, "x", actor=dan, now=now, reason="A case."),
        lambda: holds.lift(hold, actor=dan, now=now, reason="Over."),
        lambda: pauses.pause(app, actor=dan, now=now, reason=REASON),
        lambda: pauses.pause(None, actor=dan, now=now, reason=REASON),
        lambda: cover_sheets.save(app, {}, based_on=0, actor=dan, now=now),
    ]
    for attempt in attempts:
        before = AuditEntry.objects.filter(action=AuditAction.ATTEMPT_REFUSED.value).count()
        with pytest.raises(NotPermitted, match=r"does not hold in this Stream app|in some Stream apps only"):
            attempt()
        assert AuditEntry.objects.filter(action=AuditAction.ATTEMPT_REFUSED.value).count() == before + 1
    (result,) = bulk.preview([ticket], Verb.CANCEL.value, actor=ben, now=now)
    assert "does not hold in this Stream app" in result.reason
    assert Upload.objects.count() == 0


def test_an_approval_counts_only_while_the_approvers_role_holds_in_the_app(
    app: StreamApp, stand_in: StandIn, clock: Clock, other: StreamApp
) -> None:
    ticket = factories.running(factories.erase_plan("marie.curie"), app=app)
    steps = list(ticket.steps.all())
    assert Objections.read([ticket], steps).against(steps[0], ticket, now=clock()) is None

    confine("dora", other)

    clock.sweep()
    assert stand_in.calls() == []
    assert "no data protection officer of this app" in Ticket.objects.get(pk=ticket.pk).attention


def test_nobody_owns_reads_or_hears_of_a_ticket_of_another_app(ticket: Ticket, other: StreamApp) -> None:
    ada, now = staff.as_actor(person("ada")), timezone.now()
    assert person("ben") in staff.caseworkers(app_id=ticket.stream_app_id)
    confine("ben", other)
    confine("dan", other)

    with pytest.raises(policies.UnableTo, match="does not hold in the Stream app of this ticket"):
        assignment.assign(ticket, person("ben"), actor=ada, now=now)
    with pytest.raises(policies.UnableTo, match="of this app is called @ben"):
        notes.write(ticket, "Look, @ben.", actor=ada, now=now)
    assert "Ben Agent" not in signed_in("ada").get(f"/tickets/{ticket.reference}/").content.decode()
    due = reminders.Due(ticket.pk, ticket.stream_app_id, ticket.due_on, 0)
    told = reminders.told_of(due, None, ticket.state, reminders.people())
    assert person("dora").pk in [one.pk for one in told]
    assert person("dan").pk not in [one.pk for one in told]
    dan = next(one for one in reminders.people() if one.pk == person("dan").pk)
    assert reminders.digest(dan, ticket.due_on) == []


def test_each_change_is_an_entry_with_what_holds_afterwards(other: StreamApp) -> None:
    first = factories.stream_app()
    pk = person("ben").pk
    confine("ben", first, other)
    AppRole.objects.get(person=pk, stream_app=first).delete()
    AppRole.objects.get(person=pk, stream_app=other).delete()

    entries = AuditEntry.objects.filter(action=AuditAction.STAFF_SAVED.value).order_by("seq")
    assert [entry.facts for entry in entries] == [
        {"person": pk, "given_in": first.pk, "apps": [first.pk]},
        {"person": pk, "given_in": other.pk, "apps": sorted([first.pk, other.pk])},
        {"person": pk, "taken_in": first.pk, "apps": [other.pk]},
        {"person": pk, "taken_in": other.pk, "apps": "all"},
    ]


def test_an_app_that_somebody_is_confined_to_stays(other: StreamApp) -> None:
    """Else its last row would open every other app to them."""
    confine("ben", other)

    with pytest.raises(ProtectedError):
        other.delete()


def test_it_is_given_with_the_account(other: StreamApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL_PASSWORD", "violet-harbour-9-lanterns")
    printed = StringIO()
    with pytest.raises(CommandError, match=r"There is no Stream app nowhere\. There are: chat-other"):
        call_command("create_staff", "nina", role="agent", app=["nowhere"])
    call_command("create_staff", "nina", role="agent", app=["chat-other"], stdout=printed)

    nina = AppRole.objects.get(person__username="nina")
    assert nina.stream_app == other
    assert staff.as_actor(nina.person).apps == {other.pk}
    assert "as support agent for chat-other" in printed.getvalue()


def test_an_administrator_gives_it_on_the_page_of_the_person(other: StreamApp) -> None:
    boss = person("ruth")
    boss.is_superuser = boss.is_staff = True
    boss.save()
    client = Client()
    client.force_login(boss)
    url = reverse("admin:auth_user_change", args=[person("ben").pk])

    page = client.get(url).content.decode()

    assert "Stream apps that the role holds in" in page
    row = {"app_roles-TOTAL_FORMS": "1", "app_roles-0-stream_app": str(other.pk), "app_roles-0-person": ""}
    answer = client.post(url, form_of("ben", **row))
    assert answer.status_code == 302, answer.content.decode()
    kept = AppRole.objects.get(person=person("ben"))
    assert kept.stream_app == other
    assert AuditEntry.objects.latest("seq").actor_name == "ruth"

    row |= {"app_roles-INITIAL_FORMS": "1", "app_roles-0-id": str(kept.pk), "app_roles-0-person": str(kept.person_id)}
    # Another app in its place would be a change without an entry.
    client.post(url, form_of("ben", **row | {"app_roles-0-stream_app": str(factories.stream_app().pk)}))
    assert AppRole.objects.get(person=person("ben")).stream_app == other
    client.post(url, form_of("ben", **row | {"app_roles-0-DELETE": "on"}))
    assert not AppRole.objects.filter(person=person("ben")).exists()
    assert AuditEntry.objects.latest("seq").facts["taken_in"] == other.pk


@pytest.mark.parametrize("who", PEOPLE)
def test_without_a_bound_a_role_holds_everywhere_as_before(who: str, ticket: Ticket, other: StreamApp) -> None:
    actor = staff.as_actor(person(who))

    assert actor.role is role_of(who)
    assert actor.in_all_apps
    assert {name for name in ANSWERS if permissions.may_open(actor, name)} == {
        name for name in ANSWERS if actor.role in permissions.PAGE_ROLES[name]
    }
