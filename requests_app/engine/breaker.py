"""The breaker, in the database and so shared by every worker.

An app whose key is refused, or that failed several times in a row, is left alone for a while; then one
read probes it, never a delete. Tickets do not fail meanwhile: they wait, and the page says for what.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable
from datetime import datetime

from django.db import transaction

from requests_app.engine.context import Context, HeldUp
from requests_app.engine.timing import BREAKER_FAILURES, BREAKER_SILENCE
from requests_app.models import AppHealth, StreamApp
from requests_app.stream.errors import ConfigurationError, KeyRefused, RateLimited, Rejected, StreamError


def note(app: StreamApp, replies: Collection[object], *, now: datetime, troubled: Container[int] | None = None) -> None:
    """Count what came back from an app: an answer starts the count of failures again, silence adds to it.

    Answers and errors that came in together count as answered. A refused key is no ticket's fault either, and
    silences the app at once. An app that is none of the `troubled` has no failures that an answer could clear, so that
    nothing is written; without them that is not known.
    """
    troubles = [reply for reply in replies if isinstance(reply, StreamError) and _blames_app(reply)]
    refused = [trouble for trouble in troubles if isinstance(trouble, KeyRefused | ConfigurationError)]
    if refused:
        _fail(app, refused[-1], count=len(troubles), at_once=True, now=now)
    elif troubles and len(troubles) == len(replies):
        _fail(app, troubles[-1], count=len(troubles), at_once=False, now=now)
    elif troubled is None or app.pk in troubled:
        _answered(app, now=now)


def _blames_app(error: StreamError) -> bool:
    """Whether the error tells of the app or the way to it, not of the one call."""
    if isinstance(error, Rejected):
        return isinstance(error, KeyRefused)
    return not isinstance(error, RateLimited | HeldUp)


def _answered(app: StreamApp, *, now: datetime) -> None:
    AppHealth.objects.filter(stream_app=app).exclude(failures=0, open_until=None).update(
        failures=0, open_until=None, reason="", since=None, changed_at=now
    )


def _fail(app: StreamApp, error: StreamError, *, count: int, at_once: bool, now: datetime) -> None:
    with transaction.atomic():
        health, _ = AppHealth.objects.select_for_update().get_or_create(stream_app=app, defaults={"changed_at": now})
        health.failures += count
        health.since = health.since or now
        health.reason = str(error)[:300]
        health.changed_at = now
        if at_once or health.failures >= BREAKER_FAILURES:
            health.open_until = now + BREAKER_SILENCE
        health.save(update_fields=["failures", "open_until", "reason", "since", "changed_at"])


def unfit(apps: Iterable[StreamApp], context: Context) -> set[int]:
    """The ids of those apps that cannot be called with what they are configured with; the reason stands on them."""
    found = set()
    for app in {app.pk: app for app in apps}.values():
        try:
            context.client(app)
        except ConfigurationError as error:
            note(app, [error], now=context.now())
            found.add(app.pk)
    return found


def left_alone() -> list[AppHealth]:
    """How the apps are whose breaker is open."""
    return list(AppHealth.objects.left_alone().select_related("stream_app"))


def probe(left_alone: Iterable[AppHealth], context: Context) -> int:
    """Ask each app whose silence is over for its own record; closes the breaker or keeps silent a while longer."""
    now = context.now()
    due = [health for health in left_alone if health.open_until is not None and health.open_until <= now]
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
            _answered(health.stream_app, now=context.now())
    return len(due)
