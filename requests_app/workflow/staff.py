"""Staff: which role somebody has, and making an account for them."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser, Group
from django.db import transaction

from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.enums import STAFF_ROLES, AuditAction, Role

# Where somebody is in several groups by mistake, the first of these counts: reviewing before acting.
_ORDER = (Role.AUDITOR, Role.ADMINISTRATOR, Role.DPO, Role.AGENT)


def keep_groups() -> None:
    """A Django group for each role."""
    for role in STAFF_ROLES:
        Group.objects.get_or_create(name=role.value)


def role_of(person: AbstractUser) -> Role | None:
    """The role of a staff member: that of the group; a superuser without one administers."""
    names = set(person.groups.values_list("name", flat=True))
    for role in _ORDER:
        if role.value in names:
            return role
    return Role.ADMINISTRATOR if person.is_superuser else None


def create_staff(
    *, username: str, password: str, role: Role, full_name: str, email: str, actor: Actor, now: datetime
) -> AbstractUser:
    """Make an account in a role; the caller has checked the password."""
    first, _, last = full_name.partition(" ")
    with transaction.atomic():
        person: AbstractUser = get_user_model().objects.create_user(
            username=username, email=email, password=password, first_name=first, last_name=last
        )
        group, _ = Group.objects.get_or_create(name=role.value)
        person.groups.set([group])
        log.record(AuditAction.STAFF_SAVED, actor=actor, now=now, facts={"person": person.pk, "role": role.value})
    return person
