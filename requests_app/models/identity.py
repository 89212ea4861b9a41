"""Who somebody said they are, and how that was looked at: the checks of a ticket, newest last; none is ever changed."""

from __future__ import annotations

from django.db import models

from requests_app.enums import IdentityMethod, IdentityResult
from requests_app.models.sealed import SealedTextField
from requests_app.models.ticket import Ticket, staff


class IdentityCheck(models.Model):
    """One look at the identity of whoever asks (Art. 12(6) GDPR), by whom, how, and with which result."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="identity_checks")
    method = models.CharField(max_length=20, choices=IdentityMethod.choices())
    result = models.CharField(max_length=20, choices=IdentityResult.choices())
    # The reasonable doubt in words, where more is asked or nothing fits.
    doubt = SealedTextField(blank=True)
    # Of whom: a digest over the pseudonyms of the accounts. Other user ids want a check of their own.
    about = models.CharField(max_length=64, default="")
    checked_by = staff("identity_checks", null=False)
    checked_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(result=IdentityResult.CONFIRMED.value) | ~models.Q(doubt=""),
                name="identity_doubt_in_words",
            ),
        ]

    def __str__(self) -> str:
        return f"identity check {self.pk}"
