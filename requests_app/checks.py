"""Checks of the settings that Django cannot know of (`manage.py check`)."""

from __future__ import annotations

import math
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from requests_app.stream.credentials import check_base_url
from requests_app.stream.errors import ConfigurationError


@register("requests_app")
def check_queue(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """The queue must not hand a job out again while it still runs or waits in the local queue."""
    queue = settings.Q_CLUSTER
    waiting = math.ceil((queue["queue_limit"] + queue["bulk"]) / queue["workers"])
    least = (queue["timeout"] + 3) * (1 + waiting)
    if queue["retry"] > least:
        return []
    return [
        Error(
            f"Q_CLUSTER['retry'] must be above {least} seconds, or running jobs are handed out twice.",
            id="requests_app.E001",
        )
    ]


@register("requests_app")
def check_stream(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """The environment's Stream app is either whole or absent, and its base URL is fit."""
    given = {name: getattr(settings, name) for name in ("STREAM_BASE_URL", "STREAM_API_KEY", "STREAM_API_SECRET")}
    if not any(given.values()):
        return []
    found: list[CheckMessage] = [
        Error(f"{name} is not set, but other STREAM_ variables are. Set all three or none.", id="requests_app.E002")
        for name, value in given.items()
        if not value
    ]
    if given["STREAM_BASE_URL"]:
        try:
            check_base_url(given["STREAM_BASE_URL"])
        except ConfigurationError as error:
            found.append(Error(f"STREAM_BASE_URL: {error}", id="requests_app.E003"))
    return found


@register("requests_app")
def check_time_budget(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """A call to Stream must end before the job that makes it is stopped."""
    if settings.Q_CLUSTER["timeout"] >= settings.STREAM_TOTAL_SECONDS + 20:
        return []
    return [
        Warning(
            "STREAM_TOTAL_SECONDS leaves a job no time to write an answer down. Use 30 or less.",
            id="requests_app.W001",
        )
    ]
