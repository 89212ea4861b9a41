"""Checks of the site's settings (`manage.py check --deploy`)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from portal.environment import HOME_ONLY, is_exposed


@register(Tags.security, deploy=True)
def check_profile(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """What everybody knows or sees is for this machine alone, whichever way the settings came about."""
    profile = "dev" if settings.DEBUG else settings.PROFILE
    if not is_exposed(profile, settings.ALLOWED_HOSTS):
        return []
    return [
        Error(
            f"PORTAL_PROFILE={profile} {HOME_ONLY[profile]}, and ALLOWED_HOSTS names more than this machine.",
            hint="Leave PORTAL_PROFILE out for an installation.",
            id="portal.E001",
        )
    ]
