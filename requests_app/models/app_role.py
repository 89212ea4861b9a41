"""In which Stream apps somebody's role holds."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from requests_app.models.app import StreamApp


class AppRole(models.Model):
    """The role of a person holds in this app. Who has no such row holds it in all apps, also those to come.

    An app that somebody is confined to cannot be deleted: the last row gone, they would see every other one.
    """

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="app_roles")
    stream_app = models.ForeignKey(StreamApp, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "stream_app"], name="one_app_role_each")]
        verbose_name = "Stream app"
        verbose_name_plural = "Stream apps that the role holds in; none for all"

    def __str__(self) -> str:
        return self.stream_app.name
