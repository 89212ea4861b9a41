"""Which reminder about which ticket went to whom: each once, whatever becomes of the worker."""

from __future__ import annotations

from django.db import models

from requests_app.models.ticket import Ticket, staff


class Reminder(models.Model):
    """Somebody was told once that a due date comes near (`days_late` 0) or has passed by so many days."""

    person = staff("+", null=False)
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="reminders")
    # The due date that was in force: another one is told of anew.
    due_on = models.DateField()
    days_late = models.PositiveSmallIntegerField()
    queued_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["ticket", "due_on", "days_late", "person"], name="reminded_once"),
        ]
