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
    "ATTACHMENT_MEGABYTES",
    "AUDIT_CHECKPOINT_FILE",
    "AUDIT_KEY",
    "AUDIT_KEYS",
    "AUDIT_SIGNING_KEY",
    "AUDIT_VERIFIED_FILE",
    "AUDIT_WITNESS_MAIL",
    "AUDIT_WITNESS_URL",
    "CONTROLLER_NAME",
    "COURT",
    "CSRF_TRUSTED_ORIGINS",
    "EMAIL_URL",
    "FIELD_KEY",
    "FILES_FOLDER",
    "HTTPS",
    "LETTER_LANGUAGE",
    "LOG_LEVEL",
    "MAIL_FROM",
    "MAIL_SECONDS",
    "METRICS_TOKEN",
    "PORTAL_URL",
    "REDIS_URL",
    "REMINDER_HOUR",
    "RETENTION_CONTACT_DAYS",
    "RETENTION_EXPORT_DAYS",
    "RETENTION_REST_DAYS",
    "SECRET_KEY",
    "STREAM_API_KEY",
    "STREAM_API_SECRET",
    "STREAM_BASE_URL",
    "SUPERVISORY_AUTHORITY",
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
    # Nobody cuts the power of this database. Tests that kill processes bring one of their own, as durable as it is.
    durable = DATABASES["default"]["OPTIONS"]["init_command"]
    DATABASES["default"]["OPTIONS"]["init_command"] = durable.replace("synchronous=FULL", "synchronous=OFF")
else:
    # A lock that nobody gives back fails the test that waits for it, not the whole run. As above, no power is cut.
    DATABASES["default"].setdefault("OPTIONS", {})["options"] = "-c lock_timeout=60s -c synchronous_commit=off"

# The tests of the bound set one; the others approve as fast as they like.
DSR_DELETES_PER_HOUR = 0
# A worker of an earlier run saw another database.
WORKER_HEAD_FILE = ""
# Tests that look at the files of the audit log bring their own.
AUDIT_CHECKPOINT_FILE = AUDIT_VERIFIED_FILE = ""
# Mails wait in memory (Django puts the box there), links in them lead to this machine.
MAILS = True
PORTAL_URL = "http://testserver"
SUPERVISORY_AUTHORITY = "Example Authority, 1 Example Street"
# Slow on purpose in production, and of no use here.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Each test counts its own failed sign-ins.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
# Every client of a test builds the middleware anew: static files are looked for when one is asked for, not all at once.
WHITENOISE_AUTOREFRESH = True
