"""What the controller tells of its processing beside the copy of the data: one sheet an app, a row a version."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from requests_app.models.app import StreamApp
from requests_app.models.ticket import staff


class CoverSheet(models.Model):
    """The answers to Art. 15(1)(a) to (h) and 15(2) GDPR, one column a letter. A version is never changed.

    It tells of the app's processing in general, and of no data subject.
    """

    stream_app = models.ForeignKey(StreamApp, on_delete=models.PROTECT, related_name="cover_sheets")
    version = models.PositiveIntegerField()
    purposes = models.TextField()
    categories = models.TextField()
    recipients = models.TextField()
    storage = models.TextField()
    rights = models.TextField()
    complaint = models.TextField()
    source = models.TextField()
    automated = models.TextField()
    transfers = models.TextField()
    saved_by = staff("cover_sheets", null=False)
    saved_at = models.DateTimeField()

    class Meta:
        ordering = ["stream_app", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["stream_app", "version"], name="cover_sheet_version_once"),
            models.CheckConstraint(condition=Q(version__gte=1), name="cover_sheet_counts_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.stream_app_id}/{self.version}"
