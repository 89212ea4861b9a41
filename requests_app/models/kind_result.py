"""What became of each kind of data of each account, as it stood when the ticket closed."""

from __future__ import annotations

from django.db import models

from requests_app.enums import Answer, Asked, DataKind, Reached, Seen
from requests_app.models.ticket import Account


class KindResult(models.Model):
    """One kind of data of one account: asked, answered, seen and reached. Only a later close writes it anew."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="results")
    kind = models.CharField(max_length=20, choices=DataKind.choices())
    asked = models.CharField(max_length=20, choices=Asked.choices())
    answer = models.CharField(max_length=20, choices=Answer.choices())
    seen = models.CharField(max_length=20, choices=Seen.choices())
    # How many were counted where some were. Stream tells no totals, so there may be more.
    at_least = models.PositiveIntegerField(null=True, blank=True)
    reached = models.CharField(max_length=20, choices=Reached.choices())
    closed_at = models.DateTimeField()

    class Meta:
        ordering = ["account", "id"]
        constraints = [models.UniqueConstraint(fields=["account", "kind"], name="one_result_for_each_kind")]
