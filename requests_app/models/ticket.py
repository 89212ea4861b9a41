"""Tickets, the accounts they are about, who worked on them, decisions and notes."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper

from requests_app.enums import (
    CLOSED_STATES,
    OPEN_STATES,
    Channel,
    Ground,
    Kind,
    Outcome,
    Refusal,
    State,
    Verb,
)
from requests_app.models.app import StreamApp
from requests_app.models.sealed import SealedTextField

REFERENCE = re.compile(r"DSR-(\d{6,18})")
# What stands instead of a user id that was erased: no user id begins with a blank.
ERASED_ID = " erased {}"


def is_erased(user_id: str) -> bool:
    """Whether this stands instead of a user id that was erased."""
    return user_id.startswith(" ")


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

    def standing(self, *states: State) -> TicketQuerySet:
        """Tickets in these open states.

        That they are open says nothing new, but it leads to the index of open tickets: with the statistics of a table
        full of closed ones SQLite reads all of it otherwise.
        """
        return self.filter(closed_at__isnull=True, state__in=[state.value for state in states])

    def to_begin(self, now: datetime) -> TicketQuerySet:
        """Approved tickets whose cooling-off is over, where there was one."""
        return self.standing(State.APPROVED).filter(Q(not_before__isnull=True) | Q(not_before__lte=now))

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
    # Until when a refusal may be notified: no extension moves it (Art. 12(4) GDPR).
    refuse_by_on = models.DateField(null=True, blank=True)
    # Refused after that day, on the word of a data protection officer.
    refused_late = models.BooleanField(default=False)
    channel = models.CharField(max_length=20, choices=Channel.choices())
    requester_name = models.CharField(max_length=200, blank=True)
    requester_email = models.EmailField(blank=True)
    ground = models.CharField(max_length=10, choices=Ground.choices(), blank=True)

    plan: models.JSONField[dict[str, Any]] = models.JSONField()
    plan_digest = models.CharField(max_length=64)
    send_if_absent = models.BooleanField(default=False)

    # Who takes care of it; NULL: nobody yet.
    owner = staff("owned_tickets")
    opened_by = staff("opened_tickets", null=False)
    opened_at = models.DateTimeField()
    edited_by = staff("edited_tickets")
    edited_at = models.DateTimeField(null=True, blank=True)
    submitted_by = staff("submitted_tickets")
    submitted_at = models.DateTimeField(null=True, blank=True)
    # Where two must approve: who did so first. Whoever approves in the end is the second.
    first_approved_by = staff("first_approved_tickets")
    first_approved_at = models.DateTimeField(null=True, blank=True)
    approved_by = staff("approved_tickets")
    approved_at = models.DateTimeField(null=True, blank=True)
    approved_digest = models.CharField(max_length=64, null=True, blank=True)
    # What Stream showed when it was approved (models/preview.py).
    approved_preview_digest = models.CharField(max_length=64, blank=True)
    # The end of the cooling-off, where there is one: nothing is sent before.
    not_before = models.DateTimeField(null=True, blank=True)
    begun_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    # The local date on which the case was first closed: the person has the answer. A restore leaves it as it is.
    answered_on = models.DateField(null=True, blank=True)
    # The version that was in force when an export was approved (Art. 15(1) GDPR).
    cover_sheet = models.ForeignKey(
        "CoverSheet", on_delete=models.PROTECT, null=True, blank=True, related_name="tickets"
    )
    # The case is closed: the person has an answer, and nothing is left to do.
    answered_by = staff("answered_tickets")
    answered_at = models.DateTimeField(null=True, blank=True)

    outcome = models.CharField(max_length=20, choices=Outcome.choices(), blank=True)
    attention = models.CharField(max_length=500, blank=True)
    # When name, e-mail and free text were erased, and when the user ids were (workflow/retention.py).
    details_erased_at = models.DateTimeField(null=True, blank=True)
    ids_erased_at = models.DateTimeField(null=True, blank=True)

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
                condition=Q(first_approved_by__isnull=True) | ~Q(approved_by=F("first_approved_by")),
                name="two_approvers_are_two",
            ),
            pair("first_approved_by_and_at", "first_approved_by", "first_approved_at"),
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
            models.CheckConstraint(
                condition=Q(answered_at__isnull=True) | Q(closed_at__isnull=False), name="answered_once_it_is_closed"
            ),
            pair("answered_by_and_at", "answered_by", "answered_at"),
            pair("edited_by_and_at", "edited_by", "edited_at"),
            pair("submitted_by_and_at", "submitted_by", "submitted_at"),
            pair("approved_by_at_and_digest", "approved_by", "approved_at", "approved_digest"),
        ]
        indexes = [
            models.Index(fields=["state", "due_on", "id"], name="ticket_state_due"),
            models.Index(fields=["due_on", "id"], name="ticket_due"),
            models.Index(fields=["due_on", "id"], condition=Q(closed_at__isnull=True), name="ticket_open_due"),
            models.Index(
                fields=["state", "due_on", "id"], condition=Q(closed_at__isnull=True), name="ticket_open_state_due"
            ),
            models.Index(
                fields=["owner", "due_on", "id"], condition=Q(closed_at__isnull=True), name="ticket_owner_due"
            ),
            # The age of what is open, for the reports.
            models.Index(
                fields=["received_on", "due_on", "stream_app", "state"],
                condition=Q(closed_at__isnull=True),
                name="ticket_open_age",
            ),
            # All that the reports ask of an answered ticket, so that they read nothing else.
            models.Index(
                fields=[
                    "answered_on",
                    "stream_app",
                    "state",
                    "kind",
                    "ground",
                    "outcome",
                    "received_on",
                    "due_on",
                ],
                condition=Q(answered_on__isnull=False),
                name="ticket_answered",
            ),
            models.Index(
                fields=["due_on", "id"],
                condition=Q(closed_at__isnull=False, answered_at__isnull=True),
                name="ticket_to_be_closed",
            ),
            models.Index(
                fields=["closed_at", "id"],
                condition=Q(closed_at__isnull=False, ids_erased_at__isnull=True),
                name="ticket_to_erase",
            ),
            models.Index(
                fields=["approved_at", "id"],
                condition=Q(closed_at__isnull=True, approved_at__isnull=False),
                name="ticket_moving",
            ),
            models.Index(fields=["kind", "due_on", "id"], name="ticket_kind_due"),
            models.Index(fields=["stream_app", "due_on", "id"], name="ticket_app_due"),
            models.Index(Upper("requester_email"), name="ticket_requester_email"),
            models.Index(Upper("requester_name"), name="ticket_requester_name"),
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
    # The pseudonym of the user id under the key of the year in which the ticket was opened. Outlives the id.
    subject = models.CharField(max_length=40, blank=True)
    stream_app = models.ForeignKey(StreamApp, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices())
    is_open = models.BooleanField(default=True)
    # Stream's own creation time of the account when it was first looked at: a newer one is another person's.
    remote_created_at = models.DateTimeField(null=True, blank=True)
    # Stream showed no such account to whoever approved: one that appears later is not what they decided about.
    absent_when_approved = models.BooleanField(default=False)
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
        indexes = [
            models.Index(fields=["user_id"], name="account_user_id"),
            # For the beginning of an id, which PostgreSQL looks up in the order of its letters only.
            models.Index(fields=["user_id"], opclasses=["varchar_pattern_ops"], name="account_user_id_begins"),
            models.Index(fields=["subject"], name="account_subject"),
        ]

    @property
    def is_erased(self) -> bool:
        """Whether the user id was erased and only its pseudonym is left."""
        return is_erased(self.user_id)


class Contribution(models.Model):
    """Somebody opened or edited the ticket, and so may never approve it."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="contributions")
    actor = staff("+", null=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ticket", "actor"], name="contribution_once")]


class Decision(models.Model):
    """What a DPO decided, over exactly which plan and, where they approved, which preview of its effect."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="decisions")
    verb = models.CharField(
        max_length=20,
        choices=[(verb.value, verb.label) for verb in (Verb.APPROVE, Verb.SEND_BACK, Verb.REFUSE)],
    )
    decided_by = staff("decisions", null=False)
    decided_at = models.DateTimeField()
    plan_digest = models.CharField(max_length=64)
    preview_digest = models.CharField(max_length=64, blank=True)
    # Stream could not be asked, and the DPO approved all the same.
    without_preview = models.BooleanField(default=False)
    # The ground on which an erasure is granted, or a request refused; what shows that (Art. 12(5)).
    ground = models.CharField(max_length=10, choices=Ground.choices(), blank=True)
    refusal = models.CharField(max_length=20, choices=Refusal.choices(), blank=True)
    evidence = SealedTextField(blank=True)
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
    text = SealedTextField()

    class Meta:
        ordering = ["id"]
