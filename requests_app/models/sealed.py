"""Text that is encrypted at rest: a field over `cryptography`'s MultiFernet.

The keys come from `FIELD_KEY` (one or more Fernet keys, the first encrypts, all decrypt), so that a
copy of the database alone tells nothing. Where it is empty a key is derived from `SECRET_KEY`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import models


class UnreadableSecret(ValueError):
    """The stored text was encrypted under a key that is not among FIELD_KEY."""

    def __init__(self) -> None:
        super().__init__("A stored secret cannot be read: the key it was encrypted with is not in FIELD_KEY.")


def derived_key(purpose: str) -> bytes:
    """32 bytes for one purpose, derived from SECRET_KEY (HMAC-SHA-256 over the purpose's name)."""
    return hmac.new(settings.SECRET_KEY.encode(), f"portal/{purpose}".encode(), hashlib.sha256).digest()


def _fernet() -> MultiFernet:
    keys = [key.strip() for key in settings.FIELD_KEY.split(",") if key.strip()]
    if not keys:
        keys = [base64.urlsafe_b64encode(derived_key("field")).decode()]
    return MultiFernet([Fernet(key) for key in keys])


def seal(text: str) -> str:
    """The text as a Fernet token under the first key."""
    return _fernet().encrypt(text.encode()).decode()


def unseal(token: str) -> str:
    """The clear text of a token; raises `UnreadableSecret` where no key fits."""
    try:
        return _fernet().decrypt(token.encode()).decode()
    except InvalidToken:
        raise UnreadableSecret from None


class SealedTextField(models.TextField):  # type: ignore[type-arg]
    """A text column whose content is encrypted in the database and clear in Python."""

    def from_db_value(self, value: str | None, expression: object, connection: object) -> str | None:
        return unseal(value) if value else value

    def get_prep_value(self, value: Any) -> Any:
        return seal(value) if value else value
