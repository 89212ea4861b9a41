"""The site as a Django app: the cache table, and an admin without the queue's pages."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.contrib.admin.apps import AdminConfig
from django.core.management import call_command
from django.db.models.signals import post_migrate


def make_cache_table(sender: object, *, using: str, **kwargs: Any) -> None:
    """The cache lives in the database unless Redis is configured; its table comes with the migrations."""
    if settings.CACHES["default"]["BACKEND"].endswith("DatabaseCache"):
        call_command("createcachetable", database=using, verbosity=0)


class PortalConfig(AppConfig):
    name = "portal"

    def ready(self) -> None:
        # Registers itself, and is of use only once the settings are there.
        import_module("portal.checks")
        # Sent once for each app with tables of its own, which this one has not.
        post_migrate.connect(make_cache_table, sender=apps.get_app_config("sessions"))


class SafeAdminConfig(AdminConfig):
    """Django's admin, for superusers, without the queue: whoever may add a schedule there may run any code."""

    default_site = "portal.admin.SafeAdminSite"
