"""What happens when Django says so: signing in and out leaves entries, migrating leaves groups and the schedule."""

from __future__ import annotations

from typing import Any

from allauth.account.signals import authentication_step_completed
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import connections, transaction
from django.db.models.signals import m2m_changed, post_delete, post_migrate, post_save, pre_save
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from requests_app import queue
from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.models import AppRole, triggers
from requests_app.views import freshness, keys
from requests_app.views.loaders import actor_for, origin_of
from requests_app.workflow import apps as stream_apps
from requests_app.workflow import letter_templates, profiles, staff

# What Django saves of somebody who signs in.
_SIGN_IN = frozenset({"last_login"})


@receiver(post_migrate, sender=apps.get_app_config("requests_app"))
def furnish(sender: object, *, using: str, **kwargs: Any) -> None:
    """Groups, the environment's Stream app, the texts of letters and the schedules come with the migrations."""
    if using == "default":
        staff.keep_groups()
        stream_apps.keep_environment_app()
        letter_templates.keep_shipped(now=timezone.now())
        queue.keep_schedules()


@receiver(post_migrate, sender=apps.get_app_config("requests_app"))
def keep_triggers(sender: object, *, using: str, **kwargs: Any) -> None:
    """After any `migrate` the triggers are there: on SQLite a migration that alters a table loses those of it."""
    database = connections[using]
    if triggers.LOG in database.introspection.table_names() and triggers.missing(database):
        with database.schema_editor() as editor:
            triggers.install(editor)


@receiver(user_logged_in)
def note_sign_in(sender: object, *, request: HttpRequest, user: AbstractUser, **kwargs: Any) -> None:
    """Somebody signed in."""
    freshness.note_sign_in(request)
    actor = actor_for(user, origin_of(request))
    keys.remember(request, profiles.profile_of(actor))
    _record(AuditAction.SIGNED_IN, actor)


@receiver(authentication_step_completed)
def note_password(sender: object, *, request: HttpRequest, reauthenticated: bool = False, **kwargs: Any) -> None:
    """Somebody who is signed in entered the password again."""
    if reauthenticated:
        freshness.note_sign_in(request)


@receiver(user_logged_out)
def note_sign_out(sender: object, *, request: HttpRequest, user: AbstractUser | None, **kwargs: Any) -> None:
    """Somebody signed out."""
    if user is not None:
        _record(AuditAction.SIGNED_OUT, actor_for(user, origin_of(request)))


@receiver(user_login_failed)
def note_failed_sign_in(sender: object, *, request: HttpRequest | None = None, **kwargs: Any) -> None:
    """Somebody failed to. What was typed as a name may be a password, so it is not kept."""
    _record(AuditAction.SIGN_IN_FAILED, Actor(None, None, "", origin_of(request) if request else ""))


@receiver(pre_save, sender=settings.AUTH_USER_MODEL)
def remember_standing(sender: object, *, instance: AbstractUser, update_fields: Any = None, **kwargs: Any) -> None:
    """What is about to be changed, for the entry. A sign-in saves its time alone, and that is no change of rights."""
    instance._stood = None if update_fields == _SIGN_IN else staff.standing_of(instance)  # type: ignore[attr-defined]


@receiver(post_save, sender=settings.AUTH_USER_MODEL)
def note_staff(sender: object, *, instance: AbstractUser, update_fields: Any = None, **kwargs: Any) -> None:
    """Somebody was made, made active or superuser, or given another password, whoever did it and wherever."""
    if update_fields != _SIGN_IN:
        # Set by people alone: a password that is hashed anew at a sign-in has no words any more.
        password = getattr(instance, "_password", None) is not None
        staff.record_saved(instance, instance._stood, now=timezone.now(), password=password)  # type: ignore[attr-defined]


@receiver(post_delete, sender=settings.AUTH_USER_MODEL)
def note_removed(sender: object, *, instance: AbstractUser, **kwargs: Any) -> None:
    """Somebody's account was deleted."""
    staff.record_removed(instance.pk, now=timezone.now())


@receiver(post_save, sender=AppRole)
def note_app_given(sender: object, *, instance: AppRole, created: bool, **kwargs: Any) -> None:
    """Somebody's role was confined to a Stream app, or holds in one more."""
    if created:
        staff.record_app(instance.person_id, instance.stream_app_id, given=True, now=timezone.now())


@receiver(post_delete, sender=AppRole)
def note_app_taken(sender: object, *, instance: AppRole, **kwargs: Any) -> None:
    """Somebody's role holds no longer in a Stream app, or was set free of all bounds with the last of them."""
    staff.record_app(instance.person_id, instance.stream_app_id, given=False, now=timezone.now())


@receiver(m2m_changed, sender=get_user_model().groups.through)
def note_roles(sender: object, *, instance: Any, action: str, reverse: bool, pk_set: Any, **kwargs: Any) -> None:
    """Somebody was given a role or lost one, on either end of it."""
    people = _people_of(instance, action, reverse=reverse, pk_set=pk_set)
    if action.startswith("pre_"):
        instance._groups_were = {pk: staff.groups_of(pk) for pk in people}
        return
    for pk, before in instance._groups_were.items():
        staff.record_groups(pk, before, now=timezone.now())


def _people_of(instance: Any, action: str, *, reverse: bool, pk_set: Any) -> list[int]:
    if not action.startswith("pre_"):
        return []
    if not reverse:
        return [instance.pk]
    return sorted(pk_set) if pk_set is not None else list(instance.user_set.values_list("pk", flat=True))


def _record(action: AuditAction, actor: Actor) -> None:
    with transaction.atomic():
        log.record(action, actor=actor, now=timezone.now())
