"""What moves the legal clock of a ticket: its one extension, and the pauses while the person is asked something."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from requests_app.enums import Channel, ExtensionGround, PauseOfClock
from requests_app.models.sealed import SealedTextField
from requests_app.models.ticket import Ticket, pair, staff


class Extension(models.Model):
    """The time was extended to three months from receipt (Art. 12(3) GDPR), and the person told of it."""

    ticket = models.OneToOneField(Ticket, on_delete=models.CASCADE, related_name="extension")
    ground = models.CharField(max_length=20, choices=ExtensionGround.choices())
    reason = SealedTextField()
    granted_by = staff("granted_extensions", null=False)
    granted_at = models.DateTimeField()
    # The notice to the person, on or before the first due date.
    notice_on = models.DateField()
    notice_channel = models.CharField(max_length=20, choices=Channel.choices())
    due_before_on = models.DateField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(notice_on__lte=F("due_before_on")), name="extension_told_in_time"),
        ]

    def __str__(self) -> str:
        return f"extension {self.pk}"


class ClockPause(models.Model):
    """The clock stood while the person was asked who they are, or what they mean. Rows are never deleted."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="clock_pauses")
    kind = models.CharField(max_length=20, choices=PauseOfClock.choices())
    question = SealedTextField()
    asked_on = models.DateField()
    asked_by = staff("asked_pauses", null=False)
    answered_on = models.DateField(null=True, blank=True)
    answered_by = staff("answered_pauses")

    class Meta:
        ordering = ["asked_on", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(answered_on__isnull=True) | Q(answered_on__gte=F("asked_on")),
                name="clock_pause_answered_after_asked",
            ),
            pair("clock_pause_answered_by_and_on", "answered_by", "answered_on"),
            models.UniqueConstraint(
                fields=["ticket", "kind"], condition=Q(answered_on__isnull=True), name="one_open_clock_pause_of_a_kind"
            ),
        ]
        indexes = [
            models.Index(fields=["ticket"], condition=Q(answered_on__isnull=True), name="clock_pause_open"),
        ]

    def __str__(self) -> str:
        return f"pause of clock {self.pk}"
