"""The last stage of retention: an administrator destroyed the key of a year, and documents it."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import transaction

from requests_app.audit import keys, log
from requests_app.audit.actor import Actor
from requests_app.audit_actions import AuditAction
from requests_app.models import Account, AuditEntry
from requests_app.workflow import policies
from requests_app.workflow.access import check_may
from requests_app.workflow.rights import Right


def record_destroyed(year: int, *, actor: Actor, now: datetime, reason: str) -> int:
    """Write down that the key of that year is gone; returns how many entries of the year name nobody any more.

    The key itself stands in the environment, where the portal cannot reach it: this is the act that documents it.
    Raises `UnableTo` while the key is still there, where there never was one, or without a reason.
    """
    check_may(Right.DESTROY_KEYS, actor=actor, now=now)
    policies.check_reason(reason)
    _check_gone(year, now=now)
    with transaction.atomic():
        of_year = AuditEntry.objects.filter(
            at__gte=datetime(year, 1, 1, tzinfo=UTC), at__lt=datetime(year + 1, 1, 1, tzinfo=UTC)
        )
        count = of_year.exclude(subjects=[]).count()
        log.record(
            AuditAction.AUDIT_KEY_DESTROYED,
            actor=actor,
            now=now,
            facts={"year": year, "entries": count},
            texts={"reason": reason.strip()},
        )
    return count


def _check_gone(year: int, *, now: datetime) -> None:
    if keys.has_key(year):
        raise policies.UnableTo(
            f"The key of {year} is still in AUDIT_KEYS. Take it out there and in every copy, restart, and say it again."
        )
    if not keys.FIRST_YEAR <= year < keys.year_of(now):
        raise policies.UnableTo(f"Only the key of a year that is over can be destroyed, not that of {year}.")
    if _is_derived(year):
        raise policies.UnableTo(
            f"The pseudonyms of {year} are derived from AUDIT_KEY or SECRET_KEY: there was no key to destroy."
        )


def _is_derived(year: int) -> bool:
    """Whether the pseudonyms of that year can be made anew without a key of their own, tried on a known user id."""
    known = Account.objects.filter(subject__startswith=f"{year}:").exclude(user_id__startswith=" ").first()
    return known is not None and keys.subject(year, known.stream_app_id, known.user_id) == known.subject
