"""The cast: two agents, two DPOs, an auditor, an administrator, and Sven, who has no role."""

from __future__ import annotations

from functools import cache

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AbstractUser, Group
from django.db import connection
from django.test import Client

from requests_app.audit.actor import Actor
from requests_app.enums import Role

PASSWORD = "violet-harbour-9-lanterns"
ORIGIN = "198.51.100.7"
CAST: dict[str, tuple[str, Role | None]] = {
    "ada": ("Ada Agent", Role.AGENT),
    "ben": ("Ben Agent", Role.AGENT),
    "dora": ("Dora Dpo", Role.DPO),
    "dan": ("Dan Dpo", Role.DPO),
    "otto": ("Otto Auditor", Role.AUDITOR),
    "ruth": ("Ruth Administrator", Role.ADMINISTRATOR),
    "sven": ("Sven Stranger", None),
}


def person(name: str) -> AbstractUser:
    """The staff member of that name, made where missing."""
    people = get_user_model().objects
    found = people.filter(username=name).first()
    if found is None:
        first, _, last = CAST[name][0].partition(" ")
        found = get_user_model()(username=name, email=f"{name}@example.org", first_name=first, last_name=last)
        found.password = _password()
        # In bulk, which leaves no entries: the tests count those of what they do.
        people.bulk_create([found])
        role = CAST[name][1]
        if role is not None:
            group, _ = Group.objects.get_or_create(name=role.value)
            people.model.groups.through.objects.bulk_create([people.model.groups.through(user=found, group=group)])
    return found


@cache
def _password() -> str:
    """The password as it is stored, made once for everybody."""
    return make_password(PASSWORD)


def actor(name: str) -> Actor:
    """The same as an actor. Tests ask for thousands of them, so the id alone is looked up, and past the ORM."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM auth_user WHERE username = %s", [name])
        row = cursor.fetchone()
    return Actor(row[0] if row else person(name).pk, CAST[name][1], name, ORIGIN)


def signed_in(name: str) -> Client:
    """The same at a browser, with the password entered just now."""
    client = Client()
    client.force_login(person(name))
    return client
