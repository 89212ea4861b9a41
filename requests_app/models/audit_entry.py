"""The append-only audit log: chained entries, and the words that stand beside the chain."""

from __future__ import annotations

from typing import Any

from django.db import models

from requests_app.enums import AuditAction
from requests_app.models.sealed import SealedTextField


class AuditEntry(models.Model):
    """One thing that happened. Written by `audit/log.py` alone; triggers refuse any change.

    No foreign keys: an entry outlives what it tells of. `subjects` are keyed pseudonyms of Stream user
    ids, `facts` holds no personal data, and free text is only a salted commitment (`texts`).
    """

    seq = models.PositiveBigIntegerField(primary_key=True)
    at = models.DateTimeField()
    action = models.CharField(max_length=40, choices=AuditAction.choices())
    actor_id = models.PositiveBigIntegerField(null=True)
    actor_role = models.CharField(max_length=20)
    actor_name = models.CharField(max_length=150)
    origin = models.CharField(max_length=64, blank=True)
    ticket_id = models.PositiveBigIntegerField(null=True)
    subjects: models.JSONField[list[str]] = models.JSONField(default=list)
    facts: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    texts: models.JSONField[dict[str, str]] = models.JSONField(default=dict)
    prev_hash = models.CharField(max_length=64, unique=True)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["ticket_id", "seq"], name="audit_ticket"),
            models.Index(fields=["action", "seq"], name="audit_action"),
            models.Index(fields=["actor_id", "seq"], name="audit_actor"),
            models.Index(fields=["at", "seq"], name="audit_at"),
        ]

    @property
    def ticket_reference(self) -> str:
        """The reference of the ticket the entry is about, or an empty text."""
        return f"DSR-{self.ticket_id:06d}" if self.ticket_id else ""


class AuditText(models.Model):
    """Free text of an entry, encrypted, with the salt of its commitment. May be erased; the chain stays valid."""

    seq = models.PositiveBigIntegerField()
    name = models.CharField(max_length=40)
    salt = models.CharField(max_length=32)
    text = SealedTextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["seq", "name"], name="audit_text_once")]
