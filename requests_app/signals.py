"""What happens when Django says so: signing in and out leaves entries, migrating leaves groups and the schedule."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth.models import AbstractUser
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.db.models.signals import post_migrate
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from requests_app import queue
from requests_app.audit import log
from requests_app.audit.actor import Actor
from requests_app.enums import AuditAction
from requests_app.views.loaders import actor_for, origin_of
from requests_app.workflow import apps as stream_apps
from requests_app.workflow import staff


@receiver(post_migrate, sender=apps.get_app_config("requests_app"))
def furnish(sender: object, *, using: str, **kwargs: Any) -> None:
    """Groups, the environment's Stream app and the sweep's schedule come with the migrations."""
    if using == "default":
        staff.keep_groups()
        stream_apps.keep_environment_app()
        queue.keep_sweeping()


@receiver(user_logged_in)
def note_sign_in(sender: object, *, request: HttpRequest, user: AbstractUser, **kwargs: Any) -> None:
    """Somebody signed in."""
    _record(AuditAction.SIGNED_IN, actor_for(user, origin_of(request)))


@receiver(user_logged_out)
def note_sign_out(sender: object, *, request: HttpRequest, user: AbstractUser | None, **kwargs: Any) -> None:
    """Somebody signed out."""
    if user is not None:
        _record(AuditAction.SIGNED_OUT, actor_for(user, origin_of(request)))


@receiver(user_login_failed)
def note_failed_sign_in(sender: object, *, request: HttpRequest | None = None, **kwargs: Any) -> None:
    """Somebody failed to. What was typed as a name may be a password, so it is not kept."""
    _record(AuditAction.SIGN_IN_FAILED, Actor(None, None, "", origin_of(request) if request else ""))


def _record(action: AuditAction, actor: Actor) -> None:
    with transaction.atomic():
        log.record(action, actor=actor, now=timezone.now())
