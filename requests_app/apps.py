"""The domain as a Django app."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class RequestsConfig(AppConfig):
    name = "requests_app"
    verbose_name = "Data requests"

    def ready(self) -> None:
        # Both register themselves and need the models, which are not there before now.
        import_module("requests_app.signals")
        import_module("requests_app.checks")
