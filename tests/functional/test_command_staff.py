"""`create_staff`: a person in a role, with a password that came by the environment and an entry that says so."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client

from requests_app.audit_actions import AuditAction
from requests_app.enums import STAFF_ROLES
from requests_app.models import AuditEntry
from tests.people import person

pytestmark = pytest.mark.django_db

GOOD = "violet-harbour-9-lanterns"


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTAL_PASSWORD", GOOD)


@pytest.mark.parametrize("role", sorted(STAFF_ROLES))
def test_it_makes_somebody_who_can_sign_in(role: str) -> None:
    call_command("create_staff", "nora", role=role, full_name="Nora van Dam", email="nora@example.org")

    nora = get_user_model().objects.get(username="nora")
    made, given = AuditEntry.objects.filter(action=AuditAction.STAFF_SAVED).order_by("seq")
    answer = Client().post("/accounts/login/", {"login": "nora", "password": GOOD})
    assert (nora.get_full_name(), nora.email, nora.is_staff, nora.is_superuser) == (
        "Nora van Dam",
        "nora@example.org",
        False,
        False,
    )
    assert [group.name for group in nora.groups.all()] == [role]
    assert (made.facts["person"], made.facts["made"]) == (nora.pk, True)
    assert given.facts == {"person": nora.pk, "was": "", "role": role}
    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_it_says_nothing_of_the_password(capsys: Any) -> None:
    call_command("create_staff", "nora", role="agent")

    assert GOOD not in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [("", "Set PORTAL_PASSWORD"), ("short", "at least 12 characters"), ("nora-nora-nora", "similar to the username")],
)
def test_it_refuses_a_password_that_is_missing_or_weak(
    typed: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTAL_PASSWORD", typed)

    with pytest.raises(CommandError, match=sentence):
        call_command("create_staff", "nora-nora", role="agent")

    assert not get_user_model().objects.exists()


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("ada", {}, "already somebody called ada"),
        ("ADA", {}, "already somebody called ADA"),
        ("nora dam", {}, "valid username"),
        ("n" * 151, {}, "at most 150"),
        ("", {}, "cannot be blank"),
        ("nora", {"email": "nowhere"}, "valid email"),
    ],
)
def test_it_refuses_who_is_taken_or_cannot_be(name: str, options: dict[str, str], sentence: str) -> None:
    person("ada")

    with pytest.raises(CommandError, match=sentence):
        call_command("create_staff", name, role="dpo", **options)

    assert get_user_model().objects.count() == 1
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("role", ["worker", "boss"])
def test_it_knows_no_other_role(role: str) -> None:
    with pytest.raises(CommandError, match="invalid choice"):
        call_command("create_staff", "nora", "--role", role)
