"""Builds a Stream client for a StreamApp. Tests replace this one function."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings

from requests_app.models import StreamApp
from requests_app.stream.client import MAX_PAGES, StreamClient
from requests_app.stream.credentials import Credentials, Timeouts
from requests_app.stream.limits import RateLimit


def client_for(
    app: StreamApp,
    on_limit: Callable[[str, RateLimit], None] | None = None,
    wait: Callable[[str], float] | None = None,
    timeouts: Timeouts | None = None,
    pages: int = MAX_PAGES,
) -> StreamClient:
    """A client with the app's credentials and the time-outs of the settings (seconds).

    `on_limit` is told what answers say of the rate limits, `wait` says how many seconds a read has to wait.
    `timeouts` replaces those of the settings, for reads that somebody waits for; `pages` bounds each count.

    Raises `ConfigurationError` where base URL, key or secret are missing or unfit.
    """
    base_url, api_key, api_secret = app.credentials()
    return StreamClient(
        Credentials(base_url=base_url, api_key=api_key, api_secret=api_secret),
        timeouts=timeouts
        or Timeouts(
            connect=settings.STREAM_CONNECT_SECONDS,
            read=settings.STREAM_READ_SECONDS,
            total=settings.STREAM_TOTAL_SECONDS,
        ),
        on_limit=on_limit,
        wait=wait,
        pages=pages,
    )
