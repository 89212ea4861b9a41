"""Who may sign in, and in which role: every change is an entry, wherever and by whomever it was made."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from requests_app.audit_actions import AuditAction
from requests_app.enums import Role
from requests_app.models import AuditEntry
from requests_app.workflow import staff
from tests.people import PASSWORD, actor, person

pytestmark = pytest.mark.django_db


def entries() -> list[tuple[str, dict[str, Any]]]:
    """Who acted, and what of it the entries tell, but for whom."""
    rows = AuditEntry.objects.filter(action=AuditAction.STAFF_SAVED.value).order_by("seq")
    return [(row.actor_name, {name: value for name, value in row.facts.items() if name != "person"}) for row in rows]


@pytest.fixture
def superuser(client: Client) -> Client:
    root = person("ruth")
    get_user_model().objects.filter(pk=root.pk).update(is_superuser=True, is_staff=True)
    client.force_login(get_user_model().objects.get(pk=root.pk))
    return client


def form_of(name: str, **changes: Any) -> dict[str, Any]:
    """What the form about somebody sends."""
    found = person(name)
    known = {"username": name, "email": found.email, "first_name": found.first_name, "last_name": found.last_name}
    joined = {"date_joined_0": "2026-01-02", "date_joined_1": "03:04:05", "is_active": "on"}
    groups: dict[str, Any] = {"groups": [str(pk) for pk in found.groups.values_list("pk", flat=True)]}
    groups |= {"app_roles-TOTAL_FORMS": "0", "app_roles-INITIAL_FORMS": "0"}
    return {name: value for name, value in (known | joined | groups | changes).items() if value is not None}


def test_somebody_new_is_told_with_the_role_and_with_who_made_them() -> None:
    words = {"username": "nina", "password": PASSWORD, "full_name": "Nina New", "email": "nina@example.org"}
    staff.create_staff(**words, role=Role.DPO, actor=actor("ruth"), now=timezone.now())

    assert entries() == [
        ("ruth", {"made": True, "is_active": True, "is_staff": False, "is_superuser": False}),
        ("ruth", {"was": "", "role": "dpo"}),
    ]


def test_a_role_given_in_the_admin_is_told_with_the_one_before(superuser: Client) -> None:
    ben = person("ben")
    officers = Group.objects.get_or_create(name=Role.DPO.value)[0]

    answer = superuser.post(reverse("admin:auth_user_change", args=[ben.pk]), form_of("ben", groups=[officers.pk]))

    assert answer.status_code == 302, answer.content.decode()
    # Django takes the old group first and gives the new one then, in one transaction.
    assert entries() == [("ruth", {"was": "agent", "role": ""}), ("ruth", {"was": "", "role": "dpo"})]
    told = AuditEntry.objects.filter(action=AuditAction.STAFF_SAVED.value)
    assert {row.facts["person"] for row in told} == {ben.pk}


def test_rights_taken_in_the_admin_are_told(superuser: Client) -> None:
    answer = superuser.post(
        reverse("admin:auth_user_change", args=[person("ben").pk]), form_of("ben", is_active=None, is_superuser="on")
    )

    assert answer.status_code == 302
    assert entries() == [("ruth", {"is_active": False, "is_superuser": True})]


def test_a_name_alone_is_no_change_of_rights(superuser: Client) -> None:
    superuser.post(reverse("admin:auth_user_change", args=[person("ben").pk]), form_of("ben", last_name="Agnew"))

    assert person("ben").last_name == "Agnew"
    assert entries() == []


def test_a_password_set_for_somebody_is_told_without_the_password(superuser: Client) -> None:
    new = "another-harbour-7-lamps"
    answer = superuser.post(
        reverse("admin:auth_user_password_change", args=[person("ben").pk]),
        {"password1": new, "password2": new, "usable_password": "true"},
    )

    assert answer.status_code == 302
    assert entries() == [("ruth", {"password": True})]


def test_a_sign_in_changes_nobodys_rights(client: Client) -> None:
    person("ben")
    client.post(reverse("account_login"), {"login": "ben", "password": PASSWORD})

    assert AuditEntry.objects.filter(action=AuditAction.SIGNED_IN.value).exists()
    assert entries() == []


def test_groups_changed_from_their_own_end_are_told_for_each_person() -> None:
    ada, ben = person("ada"), person("ben")
    agents = Group.objects.get(name=Role.AGENT.value)

    agents.user_set.remove(ada)
    agents.user_set.clear()

    assert [facts for _, facts in entries()] == 2 * [{"was": "agent", "role": ""}]
    told = AuditEntry.objects.filter(action=AuditAction.STAFF_SAVED.value).order_by("seq")
    assert [row.facts["person"] for row in told] == [ada.pk, ben.pk]
    assert {row.actor_name for row in told} == {"command line"}


def test_nobody_is_deleted_and_roles_are_not_renamed_in_the_admin(superuser: Client) -> None:
    answer = superuser.post(reverse("admin:auth_user_delete", args=[person("ben").pk]), {"post": "yes"})

    assert answer.status_code == 403
    with pytest.raises(NoReverseMatch):
        reverse("admin:auth_group_changelist")


def test_an_account_deleted_on_the_server_is_told() -> None:
    person("sven").delete()

    assert entries() == [("command line", {"removed": True})]


def test_what_cannot_be_told_does_not_happen(superuser: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("no entry")

    monkeypatch.setattr(staff.log, "record", broken)
    with pytest.raises(RuntimeError, match="no entry"):
        superuser.post(reverse("admin:auth_user_change", args=[person("ben").pk]), form_of("ben", is_superuser="on"))

    assert not get_user_model().objects.get(username="ben").is_superuser
