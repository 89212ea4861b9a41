"""Checks of the site's settings (`manage.py check --deploy`)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from portal.environment import THIS_MACHINE


@register(Tags.security, deploy=True)
def check_profile(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """Pages that show their insides are for this machine alone, whichever way the settings came about."""
    if not (settings.DEBUG or settings.PROFILE == "dev") or set(settings.ALLOWED_HOSTS) <= THIS_MACHINE:
        return []
    return [
        Error(
            "PORTAL_PROFILE=dev shows secrets to whoever reaches it, and ALLOWED_HOSTS names more than this machine.",
            hint="Leave PORTAL_PROFILE out for an installation.",
            id="portal.E001",
        )
    ]
