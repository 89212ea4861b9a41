"""The settings: loud about what is missing, safe where the site is reached from elsewhere, and readable."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = (
    "HTTPS",
    "SESSION_COOKIE_NAME",
    "CSRF_COOKIE_NAME",
    "SECURE_SSL_REDIRECT",
    "DEBUG",
    "STREAM_SANDBOX",
    "DSR_TARGET_LEAD_DAYS",
)
SHOW = f"import json; from portal import settings as s; print(json.dumps({{n: getattr(s, n, None) for n in {NAMES}}}))"


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run some code with the settings of a fresh process; `.env` is kept out by naming every variable it could hold."""
    base = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**base, "PORTAL_PROFILE": "production", "SECRET_KEY": "x" * 60, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def shown(**environment: str) -> dict[str, object]:
    done = python(SHOW, **environment)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_there_is_no_default_secret_in_production() -> None:
    done = python(SHOW, SECRET_KEY="")

    assert done.returncode != 0
    assert "SECRET_KEY is not set" in done.stderr
    assert "token_urlsafe" in done.stderr


@pytest.mark.parametrize("profile", ["demo", "test"])
def test_demo_and_tests_bring_their_own(profile: str) -> None:
    assert shown(PORTAL_PROFILE=profile, SECRET_KEY="")["DEBUG"] is False


def test_what_is_committed_survives_a_power_cut() -> None:
    """Only the suite's own database does without: tests/settings.py."""
    done = python("from portal import settings as s; print(s.DATABASES['default']['OPTIONS']['init_command'])")

    assert "synchronous=FULL" in done.stdout


def test_cookies_carry_the_host_prefix_wherever_https_is_on() -> None:
    elsewhere, here = shown(ALLOWED_HOSTS="portal.example.org"), shown()

    assert elsewhere["HTTPS"] is True
    assert elsewhere["SESSION_COOKIE_NAME"] == "__Host-sessionid"
    assert elsewhere["CSRF_COOKIE_NAME"] == "__Host-csrftoken"
    assert elsewhere["SECURE_SSL_REDIRECT"] is True
    assert here["HTTPS"] is False
    assert here["SESSION_COOKIE_NAME"] is None


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"PORTAL_PROFILE": "live"}, "PORTAL_PROFILE must be one of production, demo, test"),
        ({"HTTPS": "perhaps"}, "HTTPS must be true or false"),
        ({"STREAM_READ_SECONDS": "soon"}, "STREAM_READ_SECONDS must be a number"),
        ({"STREAM_CONNECT_SECONDS": "0"}, "STREAM_CONNECT_SECONDS must be at least 0.1"),
        ({"STREAM_READ_SECONDS": "nan"}, "STREAM_READ_SECONDS must be a number"),
        ({"REMINDER_HOUR": "inf"}, "REMINDER_HOUR must be a number"),
        ({"DSR_TARGET_LEAD_DAYS": "28"}, "DSR_TARGET_LEAD_DAYS must be at most 27"),
        ({"DSR_TARGET_LEAD_DAYS": "-1"}, "DSR_TARGET_LEAD_DAYS must be at least 0"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL must be one of"),
        ({"DATABASE_URL": "mysql://a:hunter2@h/d"}, "DATABASE_URL must begin with sqlite:/// or postgres://"),
        ({"DATABASE_URL": "portal"}, "DATABASE_URL must begin with sqlite:/// or postgres://"),
    ],
)
def test_an_odd_value_is_refused_by_its_name(environment: dict[str, str], words: str) -> None:
    done = python(SHOW, **environment)

    assert done.returncode != 0
    assert words in done.stderr
    assert "hunter2" not in done.stderr


def test_a_variable_that_is_set_to_nothing_is_as_if_it_were_not_set() -> None:
    assert shown(HTTPS="", LOG_LEVEL="", DATABASE_URL="", DSR_TARGET_LEAD_DAYS="")["DSR_TARGET_LEAD_DAYS"] == 10


CHECK = "import django; django.setup(); from django.core.management import call_command; call_command('check')"


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"STREAM_API_KEY": "k"}, "STREAM_BASE_URL is not set, but other STREAM_ variables are"),
        ({"STREAM_BASE_URL": "https://x.example", "STREAM_API_KEY": "k"}, "STREAM_API_SECRET is not set"),
        (
            {"STREAM_BASE_URL": "http://x.example", "STREAM_API_KEY": "k", "STREAM_API_SECRET": "s" * 20},
            "Plain http is allowed to this machine only",
        ),
        ({"STREAM_TOTAL_SECONDS": "45"}, "Use 30 or less"),
    ],
)
def test_the_systems_own_checks_find_what_does_not_fit(environment: dict[str, str], words: str) -> None:
    done = python(CHECK, DJANGO_SETTINGS_MODULE="portal.settings", **environment)

    assert words in done.stderr
    assert "s" * 20 not in done.stderr


def test_the_queue_does_not_hand_a_running_job_out_again() -> None:
    code = "from portal import settings; settings.Q_CLUSTER['retry'] = 100; " + CHECK
    done = python(code, DJANGO_SETTINGS_MODULE="portal.settings")

    assert "Q_CLUSTER['retry'] must be above" in done.stderr
