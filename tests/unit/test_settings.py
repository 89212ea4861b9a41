"""The settings: loud about what is missing, safe where the site is reached from elsewhere, and readable."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.warm_python import WarmPython

ROOT = Path(__file__).resolve().parents[2]
NAMES = (
    "HTTPS",
    "SESSION_COOKIE_NAME",
    "CSRF_COOKIE_NAME",
    "SECURE_SSL_REDIRECT",
    "DEBUG",
    "SECRET_KEY",
    "MIDDLEWARE",
    "INSTALLED_APPS",
    "LOGGING",
    "CONTENT_SECURITY_POLICY",
    "STREAM_SANDBOX",
    "DSR_TARGET_LEAD_DAYS",
    "PASSWORD_HASHERS",
)
SHOW = f"import json; from portal import settings as s; print(json.dumps({{n: getattr(s, n, None) for n in {NAMES}}}))"
CHECK = "import django; django.setup(); from django.core.management import call_command; call_command('check')"


# What the settings and the checks import of others, before there are any settings.
IMPORTED = (
    "cryptography.fernet",
    "csp.constants",
    "django.core.management",
    "django.db.models",
    "django.forms",
    "django.urls",
    "environ",
    "holidays",
    "prometheus_client",
    "requests",
)
_without_settings: list[WarmPython] = []


@pytest.fixture(scope="module", autouse=True)
def _python_without_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    warm = WarmPython(tmp_path_factory.mktemp("warm"), {**os.environ, "PYTHONUNBUFFERED": "1"}, IMPORTED)
    _without_settings.append(warm)
    yield
    _without_settings.clear()
    warm.process.kill()
    warm.process.wait()


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run some code with the settings of a fresh process; `.env` is kept out by naming every variable it could hold."""
    base = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    given = {**base, "PORTAL_PROFILE": "production", "SECRET_KEY": "x" * 60, **environment}
    return _without_settings[0].run(["-c", code], environment=given)


def shown(**environment: str) -> dict[str, Any]:
    done = python(SHOW, **environment)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("command", "environment", "sentence"),
    [
        ("migrate", {"SECRET_KEY": ""}, "SECRET_KEY is not set"),
        ("check", {"PORTAL_PROFILE": "staging"}, "PORTAL_PROFILE must be one of"),
        ("dev", {"ALLOWED_HOSTS": "portal.example.org"}, "ALLOWED_HOSTS may name this machine only"),
    ],
)
def test_a_command_says_what_is_wrong_with_a_setting_in_one_line(
    command: str, environment: dict[str, str], sentence: str
) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", command],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PORTAL_PROFILE": "production", "SECRET_KEY": "x" * 60, **environment},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("manage.py: ")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


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


@pytest.mark.parametrize(("profile", "quick"), [("production", False), ("test", False), ("demo", True)])
def test_passwords_are_kept_lightly_in_a_demo_alone(profile: str, quick: bool) -> None:
    hashers = shown(PORTAL_PROFILE=profile)["PASSWORD_HASHERS"]

    assert hashers == (["requests_app.demo.hasher.DemoPasswordHasher"] if quick else None)


@pytest.mark.parametrize("profile", ["production", "demo", "test"])
def test_pages_show_their_insides_in_no_profile_but_dev(profile: str) -> None:
    quiet = shown(PORTAL_PROFILE=profile)

    assert quiet["DEBUG"] is False
    assert "toolbar" not in " ".join([*quiet["MIDDLEWARE"], *quiet["INSTALLED_APPS"]])
    assert quiet["LOGGING"]["handlers"]["console"]["formatter"] == "json"


def test_dev_shows_its_insides_to_this_machine_and_opens_what_the_demo_sealed() -> None:
    dev, demo = shown(PORTAL_PROFILE="dev", SECRET_KEY=""), shown(PORTAL_PROFILE="demo", SECRET_KEY="")

    assert dev["DEBUG"] is True
    assert dev["STREAM_SANDBOX"] is True
    assert dev["SECRET_KEY"] == demo["SECRET_KEY"]
    assert dev["CONTENT_SECURITY_POLICY"] == demo["CONTENT_SECURITY_POLICY"]
    assert dev["LOGGING"]["handlers"]["console"]["formatter"] == "plain"


def test_the_toolbar_is_there_only_where_it_is_installed() -> None:
    away = "import importlib.util as u; find = u.find_spec; "
    away += "u.find_spec = lambda name, *a: None if name == 'debug_toolbar' else find(name, *a); "
    with_it = shown(PORTAL_PROFILE="dev")
    done = python(away + SHOW, PORTAL_PROFILE="dev")

    assert "debug_toolbar" in with_it["INSTALLED_APPS"]
    assert done.returncode == 0, done.stderr
    assert "debug_toolbar" not in json.loads(done.stdout)["INSTALLED_APPS"]


@pytest.mark.parametrize(
    "environment",
    [
        {"ALLOWED_HOSTS": "localhost,portal.example.org"},
        {"ALLOWED_HOSTS": "*"},
        {"ALLOWED_HOSTS": "192.168.0.7"},
        {"STREAM_BASE_URL": "https://chat.example.org"},
        {"STREAM_BASE_URL": "http://127.0.0.1.example.org:8000"},
    ],
)
def test_dev_starts_neither_for_others_nor_near_a_real_app(environment: dict[str, str]) -> None:
    done = python(SHOW, PORTAL_PROFILE="dev", **environment)

    assert done.returncode != 0
    assert "ImproperlyConfigured: PORTAL_PROFILE=dev" in done.stderr
    assert f"{next(iter(environment))} may name this machine only" in done.stderr


@pytest.mark.parametrize("profile", ["demo", "test"])
@pytest.mark.parametrize("hosts", ["localhost,portal.example.org", "*"])
def test_what_has_keys_that_everybody_knows_starts_for_nobody_else(profile: str, hosts: str) -> None:
    done = python(SHOW, PORTAL_PROFILE=profile, ALLOWED_HOSTS=hosts)

    assert done.returncode != 0
    assert f"PORTAL_PROFILE={profile} has keys" in done.stderr
    assert "ALLOWED_HOSTS may name this machine only" in done.stderr


@pytest.mark.parametrize("url", ["http://localhost:8001", "http://127.0.0.1:8001", "http://[::1]:8001"])
def test_dev_reaches_a_stand_in_on_this_machine(url: str) -> None:
    assert shown(PORTAL_PROFILE="dev", STREAM_BASE_URL=url)["DEBUG"] is True


@pytest.mark.parametrize(
    ("changes", "ids"),
    [
        ("s.DEBUG, s.PROFILE, s.ALLOWED_HOSTS = True, 'dev', ['portal.example.org']", True),
        ("s.DEBUG, s.ALLOWED_HOSTS = True, ['*']", True),
        ("s.PROFILE, s.ALLOWED_HOSTS = 'dev', ['portal.example.org']", True),
        ("s.PROFILE, s.ALLOWED_HOSTS = 'demo', ['portal.example.org']", True),
        ("s.PROFILE, s.ALLOWED_HOSTS = 'test', ['*']", True),
        ("s.DEBUG, s.PROFILE = True, 'dev'", False),
        ("s.ALLOWED_HOSTS = ['portal.example.org']", False),
    ],
)
def test_the_check_of_a_deployment_refuses_dev_with_a_public_name(changes: str, ids: bool) -> None:
    """Settings that somebody has put together in a module of their own do not pass by the start's refusal."""
    code = f"from portal import settings as s; {changes}; " + CHECK.replace("'check'", "'check', deploy=True")
    done = python(code, DJANGO_SETTINGS_MODULE="portal.settings")

    assert ("portal.E001" in done.stderr) is ids
    assert (done.returncode != 0) is ids


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
        ({"PORTAL_PROFILE": "live"}, "PORTAL_PROFILE must be one of production, demo, dev, test"),
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
