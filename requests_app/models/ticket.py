"""Tickets, the accounts they are about, who worked on them, decisions and notes."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from requests_app.enums import (
    CLOSED_STATES,
    OPEN_STATES,
    Channel,
    Ground,
    Kind,
    Outcome,
    State,
    Verb,
)
from requests_app.models.app import StreamApp

REFERENCE = re.compile(r"DSR-(\d{6,18})")


def pair(name: str, *fields: str) -> models.CheckConstraint:
    """Who, when and what come together or not at all."""
    none = Q(**{f"{field}__isnull": True for field in fields})
    every = Q(**{f"{field}__isnull": False for field in fields})
    return models.CheckConstraint(condition=none | every, name=name)


def staff(related_name: str, *, null: bool = True) -> models.ForeignKey[Any, Any]:
    """A reference to the staff member who did something; such a person cannot be deleted."""
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=null, blank=null, related_name=related_name
    )


class TicketQuerySet(models.QuerySet["Ticket"]):
    def with_reference(self, reference: str) -> TicketQuerySet:
        """The ticket of that reference, or nothing where the text is no reference."""
        match = REFERENCE.fullmatch(reference)
        return self.filter(pk=int(match[1])) if match else self.none()

    def open(self) -> TicketQuerySet:
        """Tickets that still wait for somebody or something."""
        return self.filter(state__in=OPEN_STATES)


class Ticket(models.Model):
    """One request of one data subject, with what is to be done about it and how far that has come."""

    kind = models.CharField(max_length=10, choices=Kind.choices())
    state = models.CharField(max_length=20, choices=State.choices(), default=State.DRAFT.value)
    revision = models.PositiveIntegerField(default=1)
    stream_app = models.ForeignKey(StreamApp, on_delete=models.PROTECT, related_name="tickets")

    received_on = models.DateField()
    due_on = models.DateField()
    target_on = models.DateField()
    channel = models.CharField(max_length=20, choices=Channel.choices())
    requester_name = models.CharField(max_length=200, blank=True)
    requester_email = models.EmailField(blank=True)
    ground = models.CharField(max_length=10, choices=Ground.choices(), blank=True)

    plan: models.JSONField[dict[str, Any]] = models.JSONField()
    plan_digest = models.CharField(max_length=64)
    send_if_absent = models.BooleanField(default=False)

    opened_by = staff("opened_tickets", null=False)
    opened_at = models.DateTimeField()
    edited_by = staff("edited_tickets")
    edited_at = models.DateTimeField(null=True, blank=True)
    submitted_by = staff("submitted_tickets")
    submitted_at = models.DateTimeField(null=True, blank=True)
    approved_by = staff("approved_tickets")
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_digest = models.CharField(max_length=64, null=True, blank=True)
    begun_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    outcome = models.CharField(max_length=20, choices=Outcome.choices(), blank=True)
    attention = models.CharField(max_length=500, blank=True)

    objects = TicketQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=[s.value for s in State]), name="ticket_state_known"),
            models.CheckConstraint(condition=Q(kind__in=[k.value for k in Kind]), name="ticket_kind_known"),
            # Four eyes. A trigger adds everybody else who ever edited the ticket (models/triggers.py).
            models.CheckConstraint(condition=~Q(approved_by=F("opened_by")), name="approver_did_not_open"),
            models.CheckConstraint(
                condition=Q(edited_by__isnull=True) | ~Q(approved_by=F("edited_by")), name="approver_did_not_edit"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[State.APPROVED.value, State.RUNNING.value])
                | Q(approved_digest=F("plan_digest"), approved_by__isnull=False),
                name="running_is_what_was_approved",
            ),
            models.CheckConstraint(
                condition=Q(state__in=sorted(s.value for s in CLOSED_STATES), closed_at__isnull=False)
                | Q(state__in=sorted(s.value for s in OPEN_STATES), closed_at__isnull=True),
                name="closed_has_its_moment",
            ),
            pair("edited_by_and_at", "edited_by", "edited_at"),
            pair("submitted_by_and_at", "submitted_by", "submitted_at"),
            pair("approved_by_at_and_digest", "approved_by", "approved_at", "approved_digest"),
        ]
        indexes = [
            models.Index(fields=["state", "due_on", "id"], name="ticket_state_due"),
            models.Index(fields=["due_on", "id"], name="ticket_due"),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        """What people and the audit log call the ticket, e.g. `DSR-000123`."""
        return f"DSR-{self.pk:06d}"


class Account(models.Model):
    """One Stream user id that a ticket is about. App, kind and openness are copied so that a constraint sees them."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="accounts")
    position = models.PositiveSmallIntegerField()
    user_id = models.CharField(max_length=255)
    stream_app = models.ForeignKey(StreamApp, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices())
    is_open = models.BooleanField(default=True)
    # Stream's own creation time of the account when it was first looked at: a newer one is another person's.
    remote_created_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=20, choices=Outcome.choices(), blank=True)

    class Meta:
        ordering = ["ticket", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["stream_app", "kind", "user_id"],
                condition=Q(is_open=True),
                name="one_open_ticket_per_account_and_kind",
            ),
            models.UniqueConstraint(fields=["ticket", "user_id"], name="account_once_per_ticket"),
        ]
        indexes = [models.Index(fields=["user_id"], name="account_user_id")]


class Contribution(models.Model):
    """Somebody opened or edited the ticket, and so may never approve it."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="contributions")
    actor = staff("+", null=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ticket", "actor"], name="contribution_once")]


class Decision(models.Model):
    """What a DPO decided, over exactly which plan."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="decisions")
    verb = models.CharField(
        max_length=20,
        choices=[(verb.value, verb.label) for verb in (Verb.APPROVE, Verb.SEND_BACK, Verb.REFUSE)],
    )
    decided_by = staff("decisions", null=False)
    decided_at = models.DateTimeField()
    plan_digest = models.CharField(max_length=64)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(verb__in=[Verb.APPROVE.value, Verb.SEND_BACK.value, Verb.REFUSE.value]),
                name="decision_verb_known",
            ),
        ]


class Note(models.Model):
    """Something that staff wrote on a ticket."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="notes")
    written_by = staff("notes", null=False)
    written_at = models.DateTimeField()
    text = models.TextField()

    class Meta:
        ordering = ["id"]
