"""The staff of the demo."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.utils import timezone

from requests_app.audit.actor import Actor
from requests_app.enums import Role
from requests_app.workflow.staff import create_staff

# Known to everybody who reads this, and only ever given to people of a demo.
PASSWORD = "demo-portal-2026"  # noqa: S105
PEOPLE = {
    "ana": ("Ana Ruiz", Role.AGENT),
    "tom": ("Tom Baker", Role.AGENT),
    "lena": ("Lena Vogt", Role.AGENT),
    "mara": ("Mara Koenig", Role.DPO),
    "paul": ("Paul Adeyemi", Role.DPO),
    "elif": ("Elif Yilmaz", Role.AUDITOR),
    "ruth": ("Ruth Olsen", Role.ADMINISTRATOR),
}
ORIGIN = "demo"


def keep_people() -> dict[str, Actor]:
    """Make those who are missing; returns everybody as an actor."""
    boss = Actor(None, Role.ADMINISTRATOR, "demo", ORIGIN)
    actors = {}
    for name, (full_name, role) in PEOPLE.items():
        person = get_user_model().objects.filter(username=name).first() or create_staff(
            username=name,
            password=PASSWORD,
            role=role,
            full_name=full_name,
            email=f"{name}@example.org",
            actor=boss,
            now=timezone.now(),
        )
        actors[name] = Actor(person.pk, role, name, ORIGIN)
    return actors
