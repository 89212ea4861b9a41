"""Is the process up, and is the portal ready: two small answers for whoever watches."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.module_loading import import_string
from django.views.decorators.http import require_safe

from requests_app.outages import EMPTY

_PROBES = {"/healthz", "/readyz"}
Handler = Callable[[HttpRequest], HttpResponse]


def about_nobody(get_response: Handler) -> Handler:
    """Middleware, before that of the session: the probes answer a person's browser as they answer any other.

    Whoever is signed in has a session in the very database that the probes may find away.
    """

    def handle(request: HttpRequest) -> HttpResponse:
        if request.path in _PROBES:
            request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
        return get_response(request)

    return handle


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


@login_not_required
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """The database answers, is migrated, and every check of the settings is content; 503 otherwise."""
    checks = {"database": _database()}
    if checks["database"][0]:
        checks["migrations"] = _migrations()
    if all(fine for fine, _ in checks.values()):
        # These read tables, which are there once all migrations are applied.
        for path in settings.READINESS_CHECKS:
            checks[path.split(".")[-2]] = import_string(path)()
    ready = all(fine for fine, _ in checks.values())
    found = {name: {"ready": fine, "says": sentence} for name, (fine, sentence) in checks.items()}
    return JsonResponse({"status": "ready" if ready else "not ready", "checks": found}, status=200 if ready else 503)


def _database() -> tuple[bool, str]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False, "The database does not answer."
    return True, "The database answers."


def _migrations() -> tuple[bool, str]:
    executor = MigrationExecutor(connection)
    if not executor.loader.applied_migrations:
        # So does a file of SQLite that was moved away: another one takes its place as soon as somebody looks.
        return False, EMPTY
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return (
        (False, f"{len(waiting)} migrations wait: run migrate.") if waiting else (True, "All migrations are applied.")
    )
