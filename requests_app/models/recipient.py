"""Who else was given the data: named per app, and told about each erasure (Art. 19 GDPR)."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from requests_app.models.app import StreamApp
from requests_app.models.sealed import SealedTextField
from requests_app.models.ticket import Ticket, pair, staff


class Recipient(models.Model):
    """Somebody to whom the data of an app is disclosed, e.g. a push provider. One that is retired is not told again."""

    stream_app = models.ForeignKey(StreamApp, on_delete=models.CASCADE, related_name="recipients")
    name = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["stream_app", "name"], name="recipient_once_per_app")]

    def __str__(self) -> str:
        return self.name


class Informing(models.Model):
    """One recipient on the checklist of one ticket: told on a day with a proof in words, or the reason why not."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="informings")
    recipient = models.ForeignKey(Recipient, on_delete=models.PROTECT, related_name="informings")
    informed_on = models.DateField(null=True, blank=True)
    # The proof where they were told, the reason where they were not.
    words = SealedTextField(blank=True)
    answered_by = staff("answered_informings")
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["recipient__name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["ticket", "recipient"], name="recipient_once_per_ticket"),
            pair("informing_answered_by_and_at", "answered_by", "answered_at"),
            models.CheckConstraint(
                condition=Q(informed_on__isnull=True) | Q(answered_at__isnull=False), name="informed_is_answered"
            ),
            models.CheckConstraint(
                condition=Q(answered_at__isnull=True, words="") | Q(answered_at__isnull=False),
                name="informing_has_words_once_answered",
            ),
        ]
