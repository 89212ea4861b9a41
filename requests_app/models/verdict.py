"""A part of a plan that the data protection officer refuses: it goes back to the agent, who takes it out."""

from __future__ import annotations

from django.db import models

from requests_app.enums import Refusal
from requests_app.models.sealed import SealedTextField
from requests_app.models.ticket import Decision, Ticket


class Verdict(models.Model):
    """One part, by its name in the plan, refused by one decision. It stands until a later decision takes it back."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="verdicts")
    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="verdicts")
    part = models.CharField(max_length=30)
    code = models.CharField(max_length=20, choices=Refusal.choices())
    words = SealedTextField(blank=True)
    evidence = SealedTextField(blank=True)
    stands = models.BooleanField(default=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["ticket", "part"], condition=models.Q(stands=True), name="one_standing_verdict_per_part"
            ),
        ]
