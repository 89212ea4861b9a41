"""`/metrics` in Prometheus' text form, for whoever holds the token of the settings."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.module_loading import import_string
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

SCHEME = "Bearer "


class _Collected(Collector):
    """The families of every source in the settings."""

    def collect(self) -> Iterable[Metric]:
        for path in settings.METRICS_SOURCES:
            yield from import_string(path)()


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """All metrics; 404 while no token is set, 401 for whoever does not hold it."""
    if not settings.METRICS_TOKEN:
        raise Http404
    given = request.headers.get("Authorization", "")
    expected = f"{SCHEME}{settings.METRICS_TOKEN}"
    if not secrets.compare_digest(given.encode(), expected.encode()):
        refusal = HttpResponse("Send the token of METRICS_TOKEN as a bearer token.\n", "text/plain", 401)
        refusal["WWW-Authenticate"] = "Bearer"
        return refusal
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected())
    return HttpResponse(generate_latest(registry), CONTENT_TYPE_LATEST)
