"""Every URL answers each role and method with one expected status; test_role_matrix.py tests the table itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from requests_app.enums import Role
from requests_app.models import Ticket
from requests_app.urls import urlpatterns
from requests_app.workflow.permissions import PAGE_ROLES
from tests import factories
from tests.people import CAST, person
from tests.undone import undone

pytestmark = pytest.mark.django_db

# Nobody here opened the ticket. Sven has no role; "" is nobody signed in.
VISITORS = ("ben", "dan", "otto", "ruth", "sven", "")

# What GET and an empty POST answer to roles that may open the page, about a ticket that waits for the DPO.
# 422: the form lacks something, or the state forbids it. 404: the step was never exported, the app is not there.
# A GET of an address that takes forms alone leads to the page of the form.
ANSWERS: dict[str, tuple[int, int]] = {
    "my-work": (200, 405),
    "profile": (200, 302),
    "ticket-list": (200, 200),
    "ticket-csv": (200, 405),
    "ticket-bulk": (302, 422),
    "view-save": (302, 302),
    "view-remove": (302, 404),
    "ticket-assign": (302, 422),
    "ticket-new": (200, 422),
    "ticket-plan": (302, 200),
    "ticket-look-up": (302, 200),
    "ticket-keep": (302, 204),
    "ticket-forget": (302, 302),
    "import-new": (200, 422),
    "import-template": (200, 405),
    "import-detail": (404, 405),
    "import-confirm": (302, 404),
    "import-discard": (302, 404),
    "import-problems": (404, 405),
    "ticket-detail": (200, 405),
    "ticket-progress": (200, 405),
    "ticket-edit": (200, 422),
    "ticket-submit": (302, 422),
    "ticket-reopen": (302, 422),
    "ticket-take-back": (302, 302),
    "ticket-approve": (302, 422),
    "ticket-preview": (302, 302),
    "ticket-send-back": (302, 422),
    "ticket-refuse": (200, 422),
    "ticket-refuse-parts": (200, 422),
    "ticket-answer": (302, 422),
    "letter-new": (200, 422),
    "letter-send": (302, 404),
    "letter-by-hand": (302, 404),
    "recipient-answer": (302, 404),
    "letter-template-list": (200, 405),
    "letter-template": (200, 422),
    "app-recipients": (200, 302),
    "ticket-cancel": (302, 302),
    "ticket-retry": (302, 422),
    "ticket-give-up": (302, 422),
    "ticket-restore": (302, 422),
    "ticket-note": (302, 422),
    "identity-check": (302, 422),
    "clock-extend": (302, 422),
    "clock-ask": (302, 422),
    "clock-answer": (302, 422),
    "ticket-erase": (302, 422),
    "ticket-unmask": (302, 422),
    "ticket-mask": (302, 302),
    "ticket-attach": (302, 422),
    "attachment-download": (302, 404),
    "attachment-remove": (302, 404),
    "step-download": (404, 404),
    "ticket-proof": (302, 200),
    "approval-list": (200, 405),
    "stream-task-list": (200, 405),
    "hold-list": (200, 405),
    "hold-place": (302, 422),
    "hold-lift": (302, 404),
    "styleguide": (200, 405),
    "sending": (200, 405),
    "sending-pause": (302, 422),
    "sending-lift": (302, 422),
    "report": (200, 405),
    "report-csv": (200, 405),
    "audit-list": (200, 405),
    "audit-person": (302, 422),
    "audit-report": (200, 405),
    "audit-report-csv": (302, 200),
    "audit-report-proof": (302, 200),
    "audit-checkpoint": (302, 302),
    "audit-check": (302, 302),
    "app-list": (200, 405),
    "app-new": (200, 422),
    "app-edit": (200, 422),
    "app-safeguards": (200, 422),
    "app-test": (302, 302),
    "app-cover-sheet": (200, 422),
    "app-cover-sheet-version": (200, 405),
    "ticket-cover-sheet": (404, 405),
}
# Pages that are not the domain's: open to everybody, or to everybody who signed in, or to superusers.
OPEN_TO_ALL = {"signed-in", "healthz", "readyz", "metrics", "account_login", "account_signup", "account_inactive"}
SIGNED_IN = {"account_logout", "account_change_password", "account_reauthenticate"}


def named(patterns: list[Any], place: str = "") -> Iterator[tuple[str, str]]:
    """Every URL of the site: its name with its namespace, and its pattern."""
    for entry in patterns:
        if isinstance(entry, URLResolver):
            inner = f"{place}{entry.namespace}:" if entry.namespace else place
            yield from named(entry.url_patterns, inner)
        elif isinstance(entry, URLPattern):
            yield f"{place}{entry.name or ''}", str(entry.pattern)


def role_of(who: str) -> Role | None:
    return CAST[who][1] if who else None


def one_of(name: str) -> str:
    """Somebody who may open the page."""
    return next(who for who in VISITORS if role_of(who) in PAGE_ROLES[name])


def expected(name: str, who: str, method: str) -> int:
    if not who:
        return 302
    if role_of(who) not in PAGE_ROLES[name]:
        return 403
    if (name, method) == ("ticket-cancel", "post") and role_of(who) in {Role.AUDITOR, Role.ADMINISTRATOR}:
        return 403  # Only in a cooling-off: see test_approval.py.
    return ANSWERS[name][method == "post"]


def address(name: str) -> str:
    """The URL of a page, about a ticket that Ada sent to the DPO and an app that points nowhere."""
    ticket = Ticket.objects.first() or factories.submitted(factories.erase_plan("matrix-user"))
    pattern = next(str(entry.pattern) for entry in urlpatterns if entry.name == name)
    arguments: dict[str, object] = {}
    if "reference" in pattern:
        arguments["reference"] = ticket.reference
    if "pause_id" in pattern:
        arguments["pause_id"] = 1
    if "step_id" in pattern:
        arguments["step_id"] = 1
    if "attachment_id" in pattern:
        arguments["attachment_id"] = 999_999
    if "letter_id" in pattern:
        arguments["letter_id"] = 999_999
    if "informing_id" in pattern:
        arguments["informing_id"] = 999_999
    if "<str:kind>" in pattern:
        arguments |= {"kind": "receipt", "language": "en"}
    if "view_id" in pattern:
        arguments["view_id"] = 999_999
    if "hold_id" in pattern:
        arguments["hold_id"] = 999_999
    if "version" in pattern:
        arguments["version"] = 1
    if "<str:token>" in pattern:
        arguments["token"] = "0" * 32
    if "app_id" in pattern:
        arguments["app_id"] = factories.stream_app().pk
    return reverse(name, kwargs=arguments)


def visitor(who: str, **options: Any) -> Client:
    client = Client(**options)
    if who:
        client.force_login(person(who))
    return client


def stored(*, without: set[str]) -> str:
    """One digest over every row of every table, apart from those that reading may add to."""
    digest = hashlib.sha256()
    models = [model for model in apps.get_models(include_auto_created=True) if model._meta.label not in without]
    with connection.cursor() as cursor:
        for table in sorted({model._meta.db_table for model in models}):
            # As they are stored: serializing them takes many times as long.
            cursor.execute(f'SELECT * FROM "{table}" ORDER BY 1')  # noqa: S608
            digest.update(repr((table, cursor.fetchall())).encode())
    return digest.hexdigest()


def test_it_has_an_answer_for_every_url() -> None:
    names = {entry.name for entry in urlpatterns}

    assert names == set(ANSWERS), "a URL came or went: give it a row in ANSWERS"


def test_it_knows_every_url_of_the_whole_site() -> None:
    for name, pattern in named(get_resolver().url_patterns):
        known = name in ANSWERS or name in OPEN_TO_ALL or name in SIGNED_IN or name.startswith("admin:")
        assert known or pattern == "^(?P<url>.*)$", f"{name or pattern} stands in no table of this test"


@pytest.mark.parametrize("name", ANSWERS)
def test_it_answers_as_the_role_table_says(name: str) -> None:
    clients, url = {who: visitor(who) for who in VISITORS}, address(name)

    wrong = {}
    for who, client in clients.items():
        for method in ("get", "post"):
            with undone():
                answer = getattr(client, method)(url)
            if answer.status_code != expected(name, who, method):
                wrong[who, method] = answer.status_code, "instead of", expected(name, who, method)
            elif not who and not answer.headers["Location"].startswith(reverse("account_login")):
                wrong[who, method] = answer.headers["Location"]

    assert wrong == {}


@pytest.mark.parametrize("name", [name for name, (get, _) in ANSWERS.items() if get == 200])
def test_a_get_changes_nothing_but_the_log(name: str) -> None:
    clients, url = {who: visitor(who) for who in ("ben", "dan", "otto", "ruth")}, address(name)
    # Who is on a page right now, for some seconds, is nothing that stays.
    read_marks = {"requests_app.AuditEntry", "requests_app.Presence", "sessions.Session"}
    before = stored(without=read_marks)

    changed = []
    for who, client in clients.items():
        with undone():
            client.get(url)
            changed += [who] if stored(without=read_marks) != before else []

    assert changed == []


@pytest.mark.parametrize("name", [name for name, (_, post) in ANSWERS.items() if post != 405])
def test_a_forged_form_is_refused(name: str) -> None:
    client, url = visitor(one_of(name), enforce_csrf_checks=True), address(name)
    before = stored(without={"sessions.Session"})

    answer = client.post(url)

    assert answer.status_code == 403
    assert stored(without={"sessions.Session"}) == before


@pytest.mark.parametrize("name", ANSWERS)
def test_it_knows_no_other_method(name: str) -> None:
    client, url = visitor(one_of(name)), address(name)

    assert [getattr(client, method)(url).status_code for method in ("put", "patch", "delete")] == [405] * 3


@pytest.mark.parametrize("name", sorted(SIGNED_IN))
def test_it_asks_strangers_to_sign_in(name: str) -> None:
    answer = Client().get(reverse(name))

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(reverse("account_login"))


def test_it_counts_a_superuser_without_a_group_as_an_administrator() -> None:
    boss = person("sven")
    boss.is_superuser = True
    boss.save()

    assert visitor("sven").get(reverse("app-list")).status_code == 200
    assert visitor("sven").get(reverse("approval-list")).status_code == 403
