"""What Stream showed of a ticket's accounts right before a decision. Rows are never changed but by retention."""

from __future__ import annotations

from typing import Any

from django.db import models

from requests_app.models.app import StreamApp
from requests_app.models.sealed import SealedTextField
from requests_app.models.ticket import Ticket, staff


class Preview(models.Model):
    """Counts and moments of the accounts, by their pseudonyms, with a digest that an approval can be bound to."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="previews")
    # The app that was looked into. Previews from before this was kept have none, and count for nothing.
    stream_app = models.ForeignKey(StreamApp, on_delete=models.PROTECT, null=True, related_name="+")
    plan_digest = models.CharField(max_length=64)
    made_by = staff("+", null=False)
    made_at = models.DateTimeField()
    # Whether Stream answered at all. Where it did not, an approval takes an explicit word.
    answered = models.BooleanField()
    content: models.JSONField[dict[str, Any]] = models.JSONField()
    digest = models.CharField(max_length=64)
    # The names that Stream showed, in the order of the plan: encrypted, for the page of who decides.
    names = SealedTextField(blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["ticket", "digest"], name="preview_digest")]
