"""Checks of the settings that Django cannot know of (`manage.py check`)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connection
from django.utils import timezone

from requests_app.audit import keys, signing
from requests_app.audit.note import Malformed
from requests_app.models import AuditCheckpoint, triggers
from requests_app.stream.credentials import check_base_url
from requests_app.stream.errors import ConfigurationError
from requests_app.workflow import retained


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
def check_audit_log(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """The keys that sign the audit log are keys, and its witness is reached in a way that nobody listens to."""
    found: list[CheckMessage] = []
    try:
        signing.signers()
    except Malformed as error:
        found.append(Error(f"AUDIT_SIGNING_KEY: {error}.", id="requests_app.E010"))
    if settings.AUDIT_WITNESS_URL:
        try:
            check_base_url(settings.AUDIT_WITNESS_URL)
        except ConfigurationError as error:
            found.append(Error(f"AUDIT_WITNESS_URL: {error}", id="requests_app.E011"))
    if settings.AUDIT_WITNESS_MAIL and not settings.MAILS:
        found.append(Warning("AUDIT_WITNESS_MAIL gets nothing: EMAIL_URL names no server.", id="requests_app.W010"))
    return found


@register(Tags.database)
def check_triggers(app_configs: object, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """The database refuses changes to the audit log (`manage.py check --database default`)."""
    if not databases or AuditCheckpoint._meta.db_table not in connection.introspection.table_names():
        return []
    return [
        Error(
            f"The trigger {name} is missing or changed: the audit log is not protected by the database.",
            hint="Find out who did that and run verify_audit --full; `migrate` puts the triggers back.",
            id="requests_app.E012",
        )
        for name in triggers.missing(connection)
    ]


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


DECEMBER = 12


@register("requests_app")
def check_audit_keys(app_configs: object, *, today: date | None = None, **kwargs: Any) -> list[CheckMessage]:
    """In production each year has a key of its own, from December on the next year, too.

    A warning: on New Year's Day the portal goes on under a derived key rather than stop.
    """
    if settings.PROFILE != "production":
        return []
    today = today or timezone.now().date()
    years = [today.year, *([today.year + 1] if today.month == DECEMBER else [])]
    return [
        Warning(
            f"AUDIT_KEYS has no key for {year}, so that year's pseudonyms could never be destroyed. "
            f"Add what `manage.py audit_keys {year}` prints.",
            id="requests_app.W002",
        )
        for year in years
        if not keys.has_key(year)
    ]


@register("requests_app")
def check_retention(app_configs: object, **kwargs: Any) -> list[CheckMessage]:
    """No column that can hold text goes without a rule on when it is erased, or a word on why it names nobody."""
    missing: list[CheckMessage] = [
        Error(
            f"{name} can hold text and has no rule. Say in requests_app/workflow/retained.py when it is erased, or why "
            "it names nobody.",
            id="requests_app.E004",
        )
        for name in retained.without_rule()
    ]
    missing += [
        Error(f"requests_app/workflow/retained.py has a rule for {name}, which is not there.", id="requests_app.E005")
        for name in retained.unknown_rules()
    ]
    if settings.RETENTION_REST_DAYS < settings.RETENTION_CONTACT_DAYS:
        missing.append(
            Error("RETENTION_REST_DAYS must not be below RETENTION_CONTACT_DAYS.", id="requests_app.E006"),
        )
    return missing
