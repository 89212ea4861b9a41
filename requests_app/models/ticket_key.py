"""The key of one ticket: what people wrote about it in the audit log is encrypted under it, and goes with it."""

from __future__ import annotations

from cryptography.fernet import Fernet
from django.db import models
from django.db.models import Q

from requests_app.models.sealed import SealedTextField
from requests_app.models.ticket import Ticket


class TicketKey(models.Model):
    """A random Fernet key, itself sealed under FIELD_KEY. One row a ticket; without a key once it was destroyed."""

    ticket = models.OneToOneField(Ticket, on_delete=models.CASCADE, primary_key=True, related_name="key")
    key = SealedTextField(blank=True)
    destroyed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(key="", destroyed_at__isnull=False) | (~Q(key="") & Q(destroyed_at__isnull=True)),
                name="a_key_or_when_it_was_destroyed",
            ),
        ]

    def __str__(self) -> str:
        return f"key of {self.ticket_id}"

    @classmethod
    def fresh(cls, ticket_id: int) -> TicketKey:
        """A new key for the ticket, unsaved."""
        return cls(ticket_id=ticket_id, key=Fernet.generate_key().decode())
