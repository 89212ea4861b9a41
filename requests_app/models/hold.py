"""Legal holds: user ids whose data must not be erased for now (Art. 17(3)(e) GDPR). Rows are never deleted."""

from __future__ import annotations

from collections.abc import Collection

from django.db import models
from django.db.models import Q

from requests_app.models.app import StreamApp
from requests_app.models.ticket import pair, staff


class LegalHoldQuerySet(models.QuerySet["LegalHold"]):
    def open(self) -> LegalHoldQuerySet:
        """Holds that nobody has lifted yet."""
        return self.filter(lifted_at__isnull=True)

    def held(self, app_ids: Collection[int], user_ids: Collection[str]) -> set[tuple[int, str]]:
        """Those of these accounts that are on hold now, as pairs of app and user id."""
        found = self.open().filter(stream_app__in=app_ids, user_id__in=user_ids)
        return set(found.values_list("stream_app_id", "user_id"))


class LegalHold(models.Model):
    """One hold on one user id of one app, with who placed and who lifted it, and why."""

    stream_app = models.ForeignKey(StreamApp, on_delete=models.PROTECT, related_name="legal_holds")
    user_id = models.CharField(max_length=255)
    reason = models.TextField()
    placed_by = staff("placed_holds", null=False)
    placed_at = models.DateTimeField()
    lifted_by = staff("lifted_holds")
    lifted_at = models.DateTimeField(null=True, blank=True)
    lift_reason = models.TextField(blank=True)

    objects = LegalHoldQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["stream_app", "user_id"],
                condition=Q(lifted_at__isnull=True),
                name="one_open_hold_per_account",
            ),
            pair("hold_lifted_by_and_at", "lifted_by", "lifted_at"),
        ]

    def __str__(self) -> str:
        return f"hold {self.pk}"
