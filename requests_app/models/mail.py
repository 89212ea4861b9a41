"""The outbox: mails that wait to be sent, and each attempt to send one. Who, what and to whom are encrypted."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q

from requests_app.enums import MailError, MailKind, MailState
from requests_app.models.sealed import SealedTextField
from requests_app.models.ticket import Ticket


class MailQuerySet(models.QuerySet["Mail"]):
    def due(self, now: datetime) -> MailQuerySet:
        """Mails to send now."""
        return self.filter(state=MailState.WAITING.value, next_at__lte=now)

    def abandoned(self, now: datetime) -> MailQuerySet:
        """Mails that were being sent by a worker whose lease ran out: nobody knows what became of them."""
        return self.filter(state=MailState.SENDING.value, lease_until__lt=now)


class Mail(models.Model):
    """One mail. `key` says what it is for, so that the same is never queued twice."""

    kind = models.CharField(max_length=20, choices=MailKind.choices())
    key = models.CharField(max_length=160, unique=True)
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, null=True, blank=True, related_name="mails")
    recipient = SealedTextField(blank=True)
    subject = SealedTextField(blank=True)
    body = SealedTextField(blank=True)
    queued_at = models.DateTimeField()

    state = models.CharField(max_length=10, choices=MailState.choices(), default=MailState.WAITING.value)
    # When it is to be sent next; NULL once there is nothing more to do.
    next_at = models.DateTimeField(null=True, blank=True)
    # Attempts since it was queued, or since a person said to send it again: they bound the pauses.
    attempt_count = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    lease_token = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)

    objects = MailQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=[s.value for s in MailState]), name="mail_state_known"),
            models.CheckConstraint(
                condition=(Q(state=MailState.SENT.value) & Q(sent_at__isnull=False))
                | (~Q(state=MailState.SENT.value) & Q(sent_at__isnull=True)),
                name="sent_mail_has_its_moment",
            ),
            models.CheckConstraint(
                condition=~Q(state=MailState.WAITING.value) | Q(next_at__isnull=False), name="waiting_mail_has_its_time"
            ),
            models.CheckConstraint(
                condition=~Q(state=MailState.SENDING.value) | Q(lease_until__isnull=False),
                name="mail_is_sent_under_a_lease",
            ),
        ]
        indexes = [
            # For the numbers of /metrics.
            models.Index(fields=["state"], name="mail_state"),
            models.Index(fields=["next_at"], condition=Q(state=MailState.WAITING.value), name="mail_due"),
            models.Index(fields=["lease_until"], condition=Q(state=MailState.SENDING.value), name="mail_being_sent"),
        ]

    def __str__(self) -> str:
        return f"mail {self.pk}"


class MailAttempt(models.Model):
    """One attempt: its intent is committed before a mail server is called, how it ended is filled in once."""

    mail = models.ForeignKey(Mail, on_delete=models.CASCADE, related_name="attempts")
    begun_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    # Empty: it was sent, or has not ended yet.
    error = models.CharField(max_length=20, choices=MailError.choices(), blank=True)
    # What the mail server answered (RFC 5321, 4.2), where it did.
    code = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["id"]

    @property
    def sentence(self) -> str:
        """How it ended, in words."""
        if self.error:
            return MailError(self.error).label
        return "Sent." if self.ended_at else "Being sent."
