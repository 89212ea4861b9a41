"""After each request: the entries of attempts that were refused inside a transaction of the view."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from requests_app.workflow import access

Handler = Callable[[HttpRequest], HttpResponse]


def refused_attempts(get_response: Handler) -> Handler:
    """Middleware: whatever the view answered, and whatever became of its transaction, the attempt is kept."""

    def handle(request: HttpRequest) -> HttpResponse:
        try:
            return get_response(request)
        finally:
            access.record_waiting()

    return handle
