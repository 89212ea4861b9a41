"""The admin: superusers look, nobody changes, and neither secrets nor people are on show."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client

from requests_app.models import Account, AuditEntry, Decision, Step, StreamApp, Ticket
from tests import factories
from tests.canary import EMAIL, NAME, SECRET, USER_ID
from tests.people import person, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(django_user_model: Any) -> Client:
    client = Client()
    client.force_login(django_user_model.objects.create_superuser("boss", password="x"))
    return client


@pytest.fixture
def ticket() -> Ticket:
    return factories.stopped(
        factories.erase_plan(USER_ID), requester_name=NAME, requester_email=EMAIL, note=f"About {NAME}"
    )


def pages(model: type[Any]) -> list[str]:
    base = f"/admin/requests_app/{model._meta.model_name}/"
    first = model._base_manager.order_by("pk").values_list("pk", flat=True)[0]
    return [base, f"{base}{first}/change/"]


def stored(model: type[Any]) -> list[Any]:
    return list(model._base_manager.order_by("pk").values())


@pytest.mark.parametrize("model", [Ticket, Account, Decision, Step, StreamApp, AuditEntry])
def test_it_shows_rows_without_secrets_and_people(boss: Client, ticket: Ticket, model: type[Any]) -> None:
    for path in pages(model):
        page = boss.get(path)
        assert page.status_code == 200
        for word in (SECRET, NAME, EMAIL, USER_ID):
            assert word not in page.content.decode(), (path, word)


@pytest.mark.parametrize("model", [Ticket, Account, Decision, Step, StreamApp, AuditEntry])
def test_it_changes_nothing(boss: Client, ticket: Ticket, model: type[Any]) -> None:
    listing, one = pages(model)
    rows, before = stored(model), AuditEntry.objects.count()

    answers = [
        boss.post(f"{listing}add/"),
        boss.post(one, {"_save": "Save"}),
        boss.post(one.replace("change", "delete"), {"post": "yes"}),
        boss.post(listing, {"action": "delete_selected", "_selected_action": "1"}),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403, 200]
    assert stored(model) == rows
    assert AuditEntry.objects.count() == before


def test_a_permission_given_to_others_opens_nothing(ticket: Ticket) -> None:
    ruth = person("ruth")
    ruth.is_staff = True
    ruth.save()
    ruth.user_permissions.set(Permission.objects.all())
    client = Client()
    client.force_login(ruth)

    for path in ["/admin/", *pages(Ticket)]:
        assert client.get(path).status_code == 404


def test_an_app_whose_key_is_gone_does_not_close_the_list(boss: Client) -> None:
    factories.stream_app()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE requests_app_streamapp SET api_secret = 'gAAAA-of-another-key'")

    assert [boss.get(path).status_code for path in pages(StreamApp)] == [200, 200]


@pytest.mark.parametrize("path", ["/admin/", "/admin/login/?next=/admin/", "/admin/auth/user/", "/admin/nowhere/"])
@pytest.mark.parametrize("name", ["ada", "ruth", "sven"])
def test_it_is_no_page_for_whoever_is_signed_in_without_the_right(name: str, path: str) -> None:
    answer = signed_in(name).get(path, follow=True)

    assert (answer.status_code, answer.redirect_chain) == (404, [])
    assert "To My work" in answer.content.decode()


def test_strangers_are_asked_to_sign_in() -> None:
    answer = Client().get("/admin/", follow=True)

    assert answer.status_code == 200
    assert answer.redirect_chain[-1][0].startswith("/accounts/login/?next=")
