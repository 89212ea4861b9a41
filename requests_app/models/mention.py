"""Who was mentioned in a note, and whether they have seen it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from requests_app.models.ticket import Note, Ticket, staff


class Mention(models.Model):
    """One person in one note. The ticket is copied so that one index finds what still waits for somebody."""

    note = models.ForeignKey(Note, on_delete=models.CASCADE, related_name="mentions")
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="mentions")
    person = staff("mentions", null=False)
    seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["note", "person"], name="mention_once")]
        indexes = [
            models.Index(fields=["person", "ticket"], condition=Q(seen_at__isnull=True), name="mention_unseen"),
        ]
