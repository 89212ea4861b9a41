"""Staff: which role somebody has, and making an account for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser, Group
from django.db import transaction
from django.db.models import Q, QuerySet

from requests_app.audit import log
from requests_app.audit.actor import Actor, acting, acting_as
from requests_app.audit_actions import AuditAction
from requests_app.enums import STAFF_ROLES, Role
from requests_app.models import AppRole, StreamApp

# Where somebody is in several groups by mistake, the first of these counts: reviewing before acting.
_ORDER = (Role.AUDITOR, Role.ADMINISTRATOR, Role.DPO, Role.AGENT)


def keep_groups() -> None:
    """A Django group for each role."""
    for role in STAFF_ROLES:
        Group.objects.get_or_create(name=role.value)


def role_of(person: AbstractUser) -> Role | None:
    """The role of a staff member: that of the group; a superuser without one administers."""
    return as_actor(person).role


def as_actor(person: AbstractUser, origin: str = "") -> Actor:
    """A staff member in the role of their group, with the Stream apps that it holds in. One query."""
    rows = get_user_model().objects.filter(pk=person.pk).values_list("groups__name", "app_roles__stream_app")
    names, apps = {name for name, _ in rows}, {app for _, app in rows}
    role = _first(names) or (Role.ADMINISTRATOR if person.is_superuser else None)
    return Actor(person.pk, role, person.get_username(), origin, _confined_to(apps))


def _confined_to(apps: Collection[int | None]) -> frozenset[int] | None:
    """The apps of somebody's rows; None where there are no rows, which a join tells by a null."""
    found = frozenset(app for app in apps if app is not None)
    return found or None


def roles_of(person_ids: Collection[int]) -> dict[int, Role]:
    """The roles that these people have by their groups; who has none is left out. One query."""
    groups: dict[int, set[str]] = defaultdict(set)
    for person_id, name in get_user_model().objects.filter(pk__in=person_ids).values_list("pk", "groups__name"):
        groups[person_id].add(name)
    found = {person_id: _first(names) for person_id, names in groups.items()}
    return {person_id: role for person_id, role in found.items() if role is not None}


def apps_of(person_ids: Collection[int]) -> dict[int, frozenset[int]]:
    """The Stream apps that the roles of these people hold in; who holds theirs in all is left out. One query."""
    apps: dict[int, set[int]] = defaultdict(set)
    for person_id, app_id in AppRole.objects.filter(person__in=person_ids).values_list("person", "stream_app"):
        apps[person_id].add(app_id)
    return {person_id: frozenset(found) for person_id, found in apps.items()}


# By person the apps that their approvals count in, None for all.
Deciders = Mapping[int, frozenset[int] | None]


def still_approve(person_ids: Collection[int]) -> Deciders:
    """Those of these people whose approvals count now: active, and data protection officers. One query."""
    names: dict[int, set[str]] = defaultdict(set)
    apps: dict[int, set[int | None]] = defaultdict(set)
    active = get_user_model().objects.filter(pk__in=person_ids, is_active=True)
    for person_id, name, app_id in active.values_list("pk", "groups__name", "app_roles__stream_app"):
        names[person_id].add(name)
        apps[person_id].add(app_id)
    deciders = [person_id for person_id, found in names.items() if _first(found) is Role.DPO]
    return {person_id: _confined_to(apps[person_id]) for person_id in deciders}


def approve_in(app_id: int, deciders: Deciders) -> set[int]:
    """Those of the deciders whose approvals count in this app."""
    return {person_id for person_id, apps in deciders.items() if apps is None or app_id in apps}


def _first(names: Iterable[str]) -> Role | None:
    known = set(names)
    return next((role for role in _ORDER if role.value in known), None)


def caseworkers(*, app_id: int | None = None) -> QuerySet[AbstractUser]:
    """Everybody active who works on tickets, and so reads their notes: on those of one app, or on any."""
    roles = [Role.AGENT.value, Role.DPO.value]
    people: QuerySet[AbstractUser] = get_user_model().objects.filter(groups__name__in=roles, is_active=True)
    if app_id is not None:
        people = people.filter(Q(app_roles__isnull=True) | Q(app_roles__stream_app=app_id))
    return people.distinct()


def create_staff(
    *,
    username: str,
    password: str,
    role: Role,
    full_name: str,
    email: str,
    actor: Actor,
    now: datetime,
    apps: Iterable[StreamApp] = (),
) -> AbstractUser:
    """Make an account in a role, in some apps or in all; the caller has checked the password."""
    first, _, last = full_name.partition(" ")
    with transaction.atomic(), acting_as(actor):
        person: AbstractUser = get_user_model().objects.create_user(
            username=username, email=email, password=password, first_name=first, last_name=last
        )
        group, _ = Group.objects.get_or_create(name=role.value)
        person.groups.set([group])
        for app in apps:
            AppRole.objects.create(person_id=person.pk, stream_app=app)
    return person


# What decides about what somebody may do.
_WEIGHTY = ("is_active", "is_staff", "is_superuser")
Standing = Mapping[str, bool]


def standing_of(person: AbstractUser) -> Standing | None:
    """How somebody stands in the database now; None where they are not there yet."""
    found: Standing | None = get_user_model().objects.filter(pk=person.pk).values(*_WEIGHTY).first()
    return found


def record_saved(person: AbstractUser, before: Standing | None, *, now: datetime, password: bool) -> None:
    """Somebody was made, or what they may do was changed: an entry with what; nothing where nothing of it was."""
    after = {name: getattr(person, name) for name in _WEIGHTY}
    facts: dict[str, object] = {name: value for name, value in after.items() if before and before[name] != value}
    if before is None:
        facts = {"made": True, **after}
    elif password:
        facts["password"] = True
    if facts:
        _record(person.pk, facts, now=now)


def groups_of(person_id: int) -> set[str]:
    """The names of the groups that somebody is in."""
    people = get_user_model().objects.filter(pk=person_id, groups__isnull=False)
    return set(people.values_list("groups__name", flat=True))


def record_groups(person_id: int, before: Collection[str], *, now: datetime) -> None:
    """Groups were given or taken: an entry with the role before and after; nothing where the groups are the same."""
    after = groups_of(person_id)
    if after != set(before):
        was, role = _first(before), _first(after)
        _record(person_id, {"was": was.value if was else "", "role": role.value if role else ""}, now=now)


def record_app(person_id: int, app_id: int, *, given: bool, now: datetime) -> None:
    """Somebody's role was given or taken in a Stream app: an entry with the apps that it holds in afterwards.

    Once the last one is taken it holds in all: an empty list would read as in none.
    """
    apps = apps_of([person_id]).get(person_id)
    held = sorted(apps) if apps else "all"
    _record(person_id, {"given_in" if given else "taken_in": app_id, "apps": held}, now=now)


def record_removed(person_id: int, *, now: datetime) -> None:
    """Somebody's account was deleted."""
    _record(person_id, {"removed": True}, now=now)


def _record(person_id: int, facts: Mapping[str, object], *, now: datetime) -> None:
    with transaction.atomic():
        log.record(AuditAction.STAFF_SAVED, actor=acting(), now=now, facts={"person": person_id, **facts})
