"""Files that staff put on a ticket. The bytes lie encrypted beside the database (see `sealed_file.py`)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from requests_app.enums import Purpose
from requests_app.models.sealed import SealedTextField
from requests_app.models.ticket import Ticket, staff


class AttachmentQuerySet(models.QuerySet["Attachment"]):
    def kept(self) -> AttachmentQuerySet:
        """Those whose file is still there."""
        return self.filter(removed_at__isnull=True)


class Attachment(models.Model):
    """One file of a ticket. The row stays once the file was removed, and tells by whom, when and why.

    `size` is in bytes and `sha256` over the clear content. Without its key the file can never be read again.
    """

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="attachments")
    purpose = models.CharField(max_length=20, choices=Purpose.choices())
    name = SealedTextField(blank=True)
    size = models.PositiveIntegerField()
    media_type = models.CharField(max_length=100)
    sha256 = models.CharField(max_length=64)
    stored_name = models.CharField(max_length=64, unique=True)
    key = SealedTextField(blank=True)
    added_by = staff("added_attachments", null=False)
    added_at = models.DateTimeField()
    # NULL beside a moment: the portal did it by the clock.
    removed_by = staff("removed_attachments")
    removed_at = models.DateTimeField(null=True, blank=True)
    removed_why = SealedTextField(blank=True)

    objects = AttachmentQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(purpose__in=[p.value for p in Purpose]), name="attachment_purpose_known"
            ),
            models.CheckConstraint(
                condition=Q(removed_at__isnull=True) | Q(key=""), name="removed_attachment_has_no_key"
            ),
            models.CheckConstraint(
                condition=Q(removed_at__isnull=False) | ~Q(key=""), name="kept_attachment_has_its_key"
            ),
        ]

    @property
    def kept(self) -> bool:
        """Whether the file is still there."""
        return self.removed_at is None
