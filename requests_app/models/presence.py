"""Who has the page of a ticket open right now."""

from __future__ import annotations

from django.db import models

from requests_app.models.ticket import Ticket, staff


class Presence(models.Model):
    """One person on the page of one ticket. Worth nothing once it is some seconds old; a chore clears it away."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="presences")
    person = staff("+", null=False)
    seen_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ticket", "person"], name="present_once")]
