"""The append-only audit log: chained entries, and the words that stand beside the chain."""

from __future__ import annotations

from typing import Any

from django.db import models

from requests_app.audit_actions import AuditAction

_SOMEBODY, _NOBODY = models.Q(actor_id__isnull=False), models.Q(actor_id__isnull=True)


class AuditEntry(models.Model):
    """One thing that happened. Written by `audit/log.py` alone; triggers refuse any change.

    No foreign keys: an entry outlives what it tells of. `subjects` are keyed pseudonyms of Stream user
    ids (`audit/keys.py`), `facts` holds no personal data, and free text is only a salted commitment (`texts`).
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
        # One for each set of filters of the audit page but for a ticket, whose entries are few: the columns that are
        # equal, then the order of the page. An entry is a person's or nobody's, so it stands in half of the partial
        # ones only. Each costs every append: `make bench-audit` says what.
        indexes = [
            models.Index(fields=["ticket_id", "seq"], name="audit_ticket"),
            models.Index(fields=["at", "seq"], name="audit_at"),
            models.Index(fields=["action", "at", "seq"], name="audit_action_at"),
            models.Index(fields=["actor_id", "at", "seq"], name="audit_person", condition=_SOMEBODY),
            models.Index(fields=["actor_id", "action", "at", "seq"], name="audit_person_action", condition=_SOMEBODY),
            models.Index(fields=["actor_role", "at", "seq"], name="audit_nobody", condition=_NOBODY),
            models.Index(fields=["actor_role", "action", "at", "seq"], name="audit_nobody_action", condition=_NOBODY),
        ]

    @property
    def ticket_reference(self) -> str:
        """The reference of the ticket the entry is about, or an empty text."""
        return f"DSR-{self.ticket_id:06d}" if self.ticket_id else ""


class AuditText(models.Model):
    """Free text of an entry with the salt of its commitment, encrypted. `audit/texts.py` seals and reads it.

    Under the key of `ticket_id`, the salt with it; where that is NULL under FIELD_KEY, the salt beside it. Goes with
    its key; the chain stays valid.
    """

    seq = models.PositiveBigIntegerField()
    name = models.CharField(max_length=40)
    salt = models.CharField(max_length=32, blank=True)
    sealed = models.TextField()
    ticket_id = models.PositiveBigIntegerField(null=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["seq", "name"], name="audit_text_once")]
