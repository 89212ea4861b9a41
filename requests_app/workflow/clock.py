"""The clock of the law, as the settings say it."""

from __future__ import annotations

from django.conf import settings

from requests_app.workflow import deadlines


def clock() -> deadlines.Clock:
    """The clock of the settings: time zone, holidays and lead of the internal target."""
    return deadlines.Clock(
        time_zone=settings.DSR_TIMEZONE, calendar=settings.DSR_HOLIDAYS, lead_days=settings.DSR_TARGET_LEAD_DAYS
    )
