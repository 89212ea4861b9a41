"""The yearly keys of the pseudonyms: in the environment (AUDIT_KEYS), never in the database.

An entry names a Stream user id as `<year>:<hmac>` under the key of its year. Destroying a year's key, which is taking
it out of the environment and out of every copy, makes those pseudonyms nobody's: the entries stay valid, and no search
finds a person by them any more (EDPB Guidelines 01/2025: a keyed pseudonym is personal data while its key exists).

A year without a key of its own has one derived from AUDIT_KEY or SECRET_KEY, which cannot be destroyed alone. Entries
from before there were yearly keys have no year in front; AUDIT_KEY itself is theirs.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime

from django.conf import settings

from requests_app.audit import chain
from requests_app.models.sealed import derived_key

# No entry is older.
FIRST_YEAR = 2026


def year_of(at: datetime) -> int:
    """The year whose key names people in an entry of that moment: by UTC, as the entry's own time."""
    return at.astimezone(UTC).year


def has_key(year: int) -> bool:
    """Whether the year has a key of its own, which can be destroyed."""
    return year in settings.AUDIT_KEYS


def subject(year: int, app_id: int, user_id: str) -> str:
    """How the log of that year names a Stream user id of an app."""
    return f"{year}:{chain.pseudonym(_key(year), app_id, user_id)}"


def every_subject(app_id: int, user_id: str, *, until: int) -> list[str]:
    """Every name that the log may have for the user id: under each key that is left, up to that year."""
    years = sorted({*range(FIRST_YEAR, until + 1), *settings.AUDIT_KEYS})
    return [*(subject(year, app_id, user_id) for year in years), chain.pseudonym(_first_key(), app_id, user_id)]


def _key(year: int) -> bytes:
    own: bytes | None = settings.AUDIT_KEYS.get(year)
    return own or hmac.new(_first_key(), f"audit/{year}".encode(), hashlib.sha256).digest()


def _first_key() -> bytes:
    return settings.AUDIT_KEY.encode() if settings.AUDIT_KEY else derived_key("audit")
