"""When sending to Stream was stopped by hand, by whom and why: for one app, or for all. Rows are never deleted."""

from __future__ import annotations

from django.db import models
from django.db.models import OuterRef, Q
from django.db.models.functions import Coalesce

from requests_app.models.app import StreamApp
from requests_app.models.ticket import pair, staff


class PauseQuerySet(models.QuerySet["Pause"]):
    def open(self) -> PauseQuerySet:
        """Pauses that nobody has lifted yet."""
        return self.filter(lifted_at__isnull=True)

    def of(self, app: StreamApp | None) -> PauseQuerySet:
        """Those of one app, or those of all where there is none."""
        return self.filter(stream_app=app) if app else self.filter(stream_app__isnull=True)

    def of_app(self, app: OuterRef) -> PauseQuerySet:
        """Those that hold up what is sent to the app of an outer query: its own, and those of everything."""
        return self.open().filter(Q(stream_app=app) | Q(stream_app__isnull=True))

    def paused_apps(self) -> set[int]:
        """The ids of the apps to which nothing is sent because somebody paused them, or everything."""
        paused = set(self.open().values_list("stream_app_id", flat=True))
        if None in paused:
            return set(StreamApp.objects.values_list("pk", flat=True))
        return {app_id for app_id in paused if app_id is not None}


class Pause(models.Model):
    """One pause. Without `stream_app` it is for all apps, those that are added later included."""

    stream_app = models.ForeignKey(StreamApp, on_delete=models.PROTECT, null=True, blank=True, related_name="pauses")
    reason = models.TextField()
    # NULL: the portal's worker, which found the database restored.
    paused_by = staff("pauses")
    paused_at = models.DateTimeField()
    lifted_by = staff("lifted_pauses")
    lifted_at = models.DateTimeField(null=True, blank=True)
    lift_reason = models.TextField(blank=True)

    objects = PauseQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["stream_app"],
                condition=Q(lifted_at__isnull=True, stream_app__isnull=False),
                name="one_open_pause_per_app",
            ),
            # A constant that all open pauses of everything share.
            models.UniqueConstraint(
                Coalesce("stream_app", 0),
                condition=Q(lifted_at__isnull=True, stream_app__isnull=True),
                name="one_open_pause_for_all",
            ),
            pair("lifted_by_and_at", "lifted_by", "lifted_at"),
        ]

    def __str__(self) -> str:
        return self.scope

    @property
    def scope(self) -> str:
        """What is paused, in words."""
        return self.stream_app.name if self.stream_app else "all Stream apps"
