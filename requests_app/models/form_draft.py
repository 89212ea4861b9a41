"""What somebody typed into the form of a request and has not saved yet: kept for the person alone, and sealed."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from requests_app.models.sealed import SealedTextField
from requests_app.models.ticket import Ticket


class FormDraft(models.Model):
    """The form of one page (`session`). With a ticket, once it was complete enough to be saved as one by itself.

    `revision` is the ticket's after the last save of this page: a change by the page itself is no conflict with it.
    """

    session = models.CharField(max_length=32, unique=True)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="form_drafts")
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, null=True, blank=True, related_name="form_drafts")
    revision = models.PositiveIntegerField(null=True, blank=True)
    # JSON: what was typed, by the names of the fields.
    content = SealedTextField(blank=True)
    # Something in it is not in the ticket.
    is_unfinished = models.BooleanField(default=True)
    saved_at = models.DateTimeField()

    class Meta:
        ordering = ["-saved_at", "-id"]

    def __str__(self) -> str:
        return f"form {self.pk}"
