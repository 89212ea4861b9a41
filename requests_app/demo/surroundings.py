"""The environment variables that make a process one of the demo."""

from __future__ import annotations

import os
from collections.abc import Mapping

from requests_app.demo.places import Places

KEY = "demo-key"
# What a demo must never inherit: it brings its own.
_OWN = (
    "DATABASE_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "FIELD_KEY",
    "AUDIT_KEY",
    "AUDIT_SIGNING_KEY",
    "ALLOWED_HOSTS",
    "HTTPS",
    "TRUSTED_PROXY",
)


def surroundings(places: Places, *, profile: str, sandbox_url: str, secret: str) -> Mapping[str, str]:
    """Everything that a process of the demo sees: this process's variables without those of an installation."""
    return {
        **{name: value for name, value in os.environ.items() if name not in _OWN},
        **dict.fromkeys(_OWN, ""),
        "PORTAL_PROFILE": profile,
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "DATABASE_URL": f"sqlite:///{places.portal_database}",
        "STREAM_BASE_URL": sandbox_url,
        "STREAM_API_KEY": KEY,
        "STREAM_API_SECRET": secret,
        "STREAM_SANDBOX": "true",
        "SUPERVISORY_AUTHORITY": "Demo Authority for Data Protection, 1 Example Street, 10115 Berlin",
        "CONTROLLER_NAME": "Example GmbH, data protection",
        "EMAIL_URL": f"filemail:///{places.folder.resolve()}/mails",
        "WORKER_HEAD_FILE": str(places.folder / "worker-head.json"),
        "AUDIT_CHECKPOINT_FILE": str(places.folder / "audit-checkpoints.txt"),
        "AUDIT_VERIFIED_FILE": str(places.folder / "audit-verified.json"),
        "PYTHONUNBUFFERED": "1",
    }
