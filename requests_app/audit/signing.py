"""The keys that sign checkpoints: from AUDIT_SIGNING_KEY, or derived from SECRET_KEY. None stands in the database.

Several keys, separated by commas, sign side by side: the way from an old key to a new one.
"""

from __future__ import annotations

from django.conf import settings

from requests_app.audit.note import Malformed, Signer, Verifier
from requests_app.models.sealed import derived_key

# Names the log and its key, unless the key of the settings has another name.
ORIGIN = "stream-data-requests/audit"


def signers() -> tuple[Signer, ...]:
    """The keys that sign, the current one first. Raises `Malformed` where the setting holds what is no key."""
    texts = [text for text in settings.AUDIT_SIGNING_KEY.split(",") if text.strip()]
    if not texts:
        return (Signer(ORIGIN, derived_key("audit-signing")),)
    found = tuple(Signer.parse(text) for text in texts)
    if len({signer.name for signer in found}) > 1:
        raise Malformed("all keys of AUDIT_SIGNING_KEY must have the same name, which names the log")
    return found


def verifiers() -> tuple[Verifier, ...]:
    """The public halves of the keys that sign."""
    return tuple(signer.verifier for signer in signers())


def origin() -> str:
    """The first line of every checkpoint."""
    return signers()[0].name
