"""The breaker, in the database and so shared by every worker.

An app whose key is refused, or that failed several times in a row, is left alone for a while; then one
read probes it, never a delete. Tickets do not fail meanwhile: they wait, and the page says for what.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from requests_app.execution.context import Context
from requests_app.execution.timing import BREAKER_FAILURES, BREAKER_SILENCE
from requests_app.models import AppHealth, StreamApp
from requests_app.stream.errors import ConfigurationError, KeyRefused, RateLimited, StreamError


def closed_apps() -> set[int]:
    """Apps to which nothing is sent now: their breaker is open and no probe has closed it yet."""
    return set(AppHealth.objects.filter(open_until__isnull=False).values_list("stream_app_id", flat=True))


def note_success(app: StreamApp, *, now: datetime) -> None:
    """Stream answered: the count of failures starts again."""
    AppHealth.objects.filter(stream_app=app).exclude(failures=0, open_until=None).update(
        failures=0, open_until=None, reason="", changed_at=now
    )


def note_failure(app: StreamApp, error: StreamError, *, now: datetime) -> None:
    """Stream did not answer, or refused the key; opens the breaker where that is enough."""
    if isinstance(error, RateLimited):
        return
    with transaction.atomic():
        health, _ = AppHealth.objects.select_for_update().get_or_create(stream_app=app, defaults={"changed_at": now})
        health.failures += 1
        health.reason = str(error)[:300]
        health.changed_at = now
        at_once = isinstance(error, KeyRefused | ConfigurationError)
        if at_once or health.failures >= BREAKER_FAILURES:
            health.open_until = now + BREAKER_SILENCE
        health.save(update_fields=["failures", "open_until", "reason", "changed_at"])


def probe(context: Context) -> int:
    """Ask each app whose silence is over for its own record; closes the breaker or keeps silent a while longer."""
    now = context.now()
    due = list(AppHealth.objects.filter(open_until__lte=now).select_related("stream_app"))
    for health in due:
        # Whoever moves the silence first is the one that probes.
        mine = AppHealth.objects.filter(pk=health.pk, open_until=health.open_until).update(
            open_until=now + BREAKER_SILENCE
        )
        if not mine:
            continue
        try:
            context.client(health.stream_app).get_app()
        except StreamError as error:
            context.clients.pop(health.stream_app_id, None)
            AppHealth.objects.filter(pk=health.pk).update(reason=str(error)[:300], changed_at=context.now())
        else:
            note_success(health.stream_app, now=context.now())
    return len(due)
