"""What is answered where something fails: 503 and "busy" while the database or Redis is away, otherwise Django's 500.

A handler of errors and no middleware: Django turns an error into an answer right where it is raised, in the view or in
any middleware, so a middleware further out would see a 500 and not the error. The answer still passes all of them.
"""

from __future__ import annotations

import logging
import sys

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template import loader
from django.views import defaults
from redis import exceptions as redis_errors

from requests_app import outages

logger = logging.getLogger("portal.database")

# Seconds. What the header asks a program to wait.
RETRY_AFTER = 5
BUSY = "The portal is busy. Try again in a moment."
_READS = {"GET", "HEAD", "OPTIONS"}
# Where Redis counts failed sign-ins and rings the worker (`REDIS_URL`).
_REDIS_AWAY = (redis_errors.ConnectionError, redis_errors.TimeoutError)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """The answer to the error that is being handled."""
    error = sys.exc_info()[1]
    outage = outages.outage_of(error)
    if outage is None and not isinstance(error, _REDIS_AWAY):
        return defaults.server_error(request)
    trouble = f"the database {outage.value}" if outage else "Redis does not answer"
    logger.warning("A request was not answered: %s (%s).", trouble, type(error).__name__)
    response = _busy(request, of_redis=outage is None)
    response["Retry-After"] = str(RETRY_AFTER)
    # Or Django would log it as an error, with a trace.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def _busy(request: HttpRequest, *, of_redis: bool) -> HttpResponse:
    """In the form that was asked for. Nothing here may need the database: no context processors, no session."""
    if "HX-Request" in request.headers:
        return HttpResponse(BUSY, status=503, content_type="text/plain; charset=utf-8")
    if request.headers.get("Accept", "").startswith("application/json"):
        return JsonResponse({"status": "busy"}, status=503)
    page = loader.render_to_string("503.html", {"sent": request.method not in _READS, "of_redis": of_redis})
    return HttpResponse(page, status=503)
