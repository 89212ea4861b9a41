"""Whether the worker lives, for the pages and for whoever watches the site."""

from __future__ import annotations

from django.utils import timezone

from requests_app.models import Heartbeat

SWEEP = "sweep"
# Seconds. The schedule rings each minute, and a sweep may take some of the next one.
SILENT_AFTER = 150


def worker_signs() -> tuple[bool, str]:
    """Whether the worker was seen lately, and the words for it."""
    seen = Heartbeat.objects.filter(name=SWEEP).values_list("beat_at", flat=True).first()
    if seen is None:
        return False, "Worker not seen yet"
    age = max(0, int((timezone.now() - seen).total_seconds()))
    if age > SILENT_AFTER:
        return False, f"Worker silent for {age // 60} min"
    return True, f"Worker running · swept {age} s ago"


def check() -> tuple[bool, str]:
    """The worker's part of the readiness answer."""
    fine, words = worker_signs()
    return fine, f"{words}."
