"""The settings under test: those of the portal in its test profile, on a database of its own.

`TEST_DATABASE_URL` names another database server (PostgreSQL); without it the tests run on a SQLite file, since a
database in memory knows no second connection. Nothing of the developer's own environment reaches the tests.
"""

from __future__ import annotations

import os

os.environ["PORTAL_PROFILE"] = "test"
os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL") or "sqlite:///var/test.sqlite3"
for _name in (
    "ALLOWED_HOSTS",
    "AUDIT_KEY",
    "CSRF_TRUSTED_ORIGINS",
    "FIELD_KEY",
    "HTTPS",
    "LOG_LEVEL",
    "METRICS_TOKEN",
    "REDIS_URL",
    "SECRET_KEY",
    "STREAM_API_KEY",
    "STREAM_API_SECRET",
    "STREAM_BASE_URL",
    "TRUSTED_PROXY",
    "WORKER_HEAD_FILE",
):
    os.environ[_name] = ""

from portal.environment import ROOT  # noqa: E402
from portal.settings import *  # noqa: E402, F403
from portal.settings import DATABASES  # noqa: E402

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    (ROOT / "var").mkdir(exist_ok=True)
    DATABASES["default"]["NAME"] = str(ROOT / "var" / "test.sqlite3")
    DATABASES["default"]["TEST"] = {"NAME": str(ROOT / "var" / "test-run.sqlite3")}

# A worker of an earlier run saw another database.
WORKER_HEAD_FILE = ""
# Slow on purpose in production, and of no use here.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Each test counts its own failed sign-ins.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
