"""A Stream app: where calls go, with which key, and how its health stands."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q

from requests_app.models.sealed import SealedTextField

# Hours; a longer wait would eat up the month that the law gives.
COOLING_OFF_MOST = 72


class StreamAppQuerySet(models.QuerySet["StreamApp"]):
    def active(self) -> StreamAppQuerySet:
        """Apps that new tickets may choose."""
        return self.filter(is_active=True)


class StreamApp(models.Model):
    """One app on Stream. The app of the environment keeps no credentials here: they stay in the settings."""

    name = models.CharField(max_length=80, unique=True)
    from_environment = models.BooleanField(default=False)
    base_url = models.URLField(blank=True)
    api_key = models.CharField(max_length=120, blank=True)
    api_secret = SealedTextField(blank=True)
    is_sandbox = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    # Between the approval of an erasure and its first call: time in which everybody may still cancel it.
    cooling_off_hours = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(COOLING_OFF_MOST)])
    second_approver = models.BooleanField(default=False)
    # Whether a request is sent to the DPO only after somebody confirmed who asks (Art. 12(6) GDPR).
    identity_required = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = StreamAppQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["from_environment"],
                condition=Q(from_environment=True),
                name="one_stream_app_from_environment",
            ),
            models.CheckConstraint(
                condition=Q(cooling_off_hours__lte=COOLING_OFF_MOST), name="cooling_off_is_short_enough"
            ),
            models.CheckConstraint(
                condition=Q(from_environment=False) | Q(base_url="", api_key="", api_secret=""),
                name="environment_app_stores_no_credentials",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def address(self) -> str:
        """The base URL, of the environment or of this row; asks for no secret."""
        return settings.STREAM_BASE_URL if self.from_environment else self.base_url

    def credentials(self) -> tuple[str, str, str]:
        """Base URL, API key and secret: of the environment or of this row."""
        if self.from_environment:
            return settings.STREAM_BASE_URL, settings.STREAM_API_KEY, settings.STREAM_API_SECRET
        return self.base_url, self.api_key, self.api_secret


class AppHealthQuerySet(models.QuerySet["AppHealth"]):
    def left_alone(self) -> AppHealthQuerySet:
        """The open breakers: nothing goes to these apps but the probe."""
        return self.filter(open_until__isnull=False)


class AppHealth(models.Model):
    """The breaker of one app, shared by every worker.

    While `open_until` is set, nothing that changes anything is sent; after it one read probes Stream.
    """

    stream_app = models.OneToOneField(StreamApp, on_delete=models.CASCADE, related_name="health")
    failures = models.PositiveIntegerField(default=0)
    open_until = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    # When the first of the failures in a row was, as long as they last.
    since = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField()
    # When Stream was last asked for all rate limits of the app.
    limits_read_at = models.DateTimeField(null=True, blank=True)

    objects = AppHealthQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "app health"


class BudgetQuerySet(models.QuerySet["Budget"]):
    def spent(self, now: datetime) -> BudgetQuerySet:
        """Those of which no call may go out now: Stream said so, or none is left in its window."""
        return self.filter(Q(blocked_until__gt=now) | Q(remaining__lte=0, reset_at__gt=now))


class Budget(models.Model):
    """What Stream last said about the rate limit of one endpoint of one app, shared by every worker."""

    stream_app = models.ForeignKey(StreamApp, on_delete=models.CASCADE, related_name="budgets")
    endpoint = models.CharField(max_length=60)
    # Calls in one window; `remaining` of them are left until `reset_at`.
    limit = models.PositiveIntegerField(null=True, blank=True)
    remaining = models.IntegerField(null=True, blank=True)
    reset_at = models.DateTimeField(null=True, blank=True)
    blocked_until = models.DateTimeField(null=True, blank=True)

    objects = BudgetQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stream_app", "endpoint"], name="one_budget_per_endpoint")]

    def spent_until(self, now: datetime) -> datetime | None:
        """Until when no call of this endpoint goes out, or None where one may."""
        blocked = self.blocked_until if self.blocked_until and self.blocked_until > now else None
        used_up = self.remaining is not None and self.remaining <= 0 and self.reset_at and self.reset_at > now
        return max((at for at in (blocked, self.reset_at if used_up else None) if at), default=None)


class Heartbeat(models.Model):
    """When a background loop was last seen alive. One row a name."""

    name = models.CharField(max_length=40, primary_key=True)
    beat_at = models.DateTimeField()
    facts: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
