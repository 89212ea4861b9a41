"""Views of the list of tickets that somebody saved: for themselves, or for everybody."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class SavedView(models.Model):
    """A name for a set of filters. `query` is what stands in the URL, never what was typed into the search."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=40)
    query = models.CharField(max_length=300)
    is_shared = models.BooleanField(default=False)

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="saved_view_name_once")]

    def __str__(self) -> str:
        return self.name
