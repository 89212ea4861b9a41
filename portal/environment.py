"""Typed readers for environment variables, with errors that say which one and what to do."""

from __future__ import annotations

import base64
import binascii
import math
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parent.parent
ENGINES = ("django.db.backends.sqlite3", "django.db.backends.postgresql")
PROFILES = ("production", "demo", "dev", "test")
THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "[::1]", "testserver"})
# The profiles that are for this machine alone, and why.
HOME_ONLY = {
    "demo": "has keys and passwords that everybody knows",
    "dev": "shows secrets to whoever reaches it",
    "test": "has keys that everybody knows",
}

env = environ.Env()
environ.Env.read_env(ROOT / ".env")


def text(name: str, default: str = "") -> str:
    """A text; the default where the variable is not set, or set to nothing."""
    return str(env.str(name, default="")).strip() or default


def database(name: str, default: str) -> dict[str, Any]:
    """A database by its URL: SQLite or PostgreSQL. The URL may hold a password, so no error repeats it."""
    with warnings.catch_warnings(action="ignore"):
        found: dict[str, Any] = environ.Env.db_url_config(text(name, default))
    if found.get("ENGINE") not in ENGINES:
        raise ImproperlyConfigured(
            f"{name} must begin with sqlite:/// or postgres://, like postgres://portal:password@127.0.0.1:5432/portal."
        )
    return found


def mail(name: str) -> dict[str, Any]:
    """A mail server by its URL, as Django's settings. The URL may hold a password, so no error repeats it."""
    with warnings.catch_warnings(action="ignore"):
        try:
            found: dict[str, Any] = environ.Env.email_url_config(text(name, "dummymail://"))
        except (KeyError, ValueError, ImproperlyConfigured):
            found = {}
    if not found.get("EMAIL_BACKEND"):
        raise ImproperlyConfigured(
            f"{name} must begin with smtp://, smtp+tls://, smtp+ssl:// or filemail:////folder, "
            "like smtp+tls://user:password@mail.example.org:587."
        )
    return found


def flag(name: str, default: bool) -> bool:
    """A yes or no. Odd words are refused instead of guessed at."""
    value = text(name).lower()
    if not value:
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not “{value}”.")


def number(name: str, default: float, *, least: float = 0, most: float = math.inf) -> float:
    """A number, at least `least` and at most `most`."""
    value = text(name)
    if not value:
        return default
    try:
        found = float(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a number, not “{value}”.") from None
    if not math.isfinite(found):
        raise ImproperlyConfigured(f"{name} must be a number, not “{value}”.")
    if found < least:
        raise ImproperlyConfigured(f"{name} must be at least {least:g}.")
    if found > most:
        raise ImproperlyConfigured(f"{name} must be at most {most:g}.")
    return found


def words(name: str, default: str = "") -> list[str]:
    """A list, separated by commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


# Bytes; a shorter key could be tried out.
LEAST_KEY = 32


def yearly_keys(name: str, value: str) -> dict[int, bytes]:
    """Keys by their year, like `2026:base64,2027:base64`. No error repeats a key."""
    found: dict[int, bytes] = {}
    for word in filter(None, (part.strip() for part in value.split(","))):
        year, _, key = word.partition(":")
        try:
            found[int(year)] = base64.b64decode(key, validate=True)
        except (ValueError, binascii.Error):
            raise ImproperlyConfigured(
                f"{name} must be years with base64 keys, like 2026:…,2027:…; manage.py audit_keys makes one."
            ) from None
        if len(found[int(year)]) < LEAST_KEY:
            raise ImproperlyConfigured(f"{name}: the key of {int(year)} must have at least {LEAST_KEY} bytes.")
    return found


def choice(name: str, default: str, among: tuple[str, ...]) -> str:
    """One of some words."""
    value = text(name, default)
    if value not in among:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(among)}, not “{value}”.")
    return value


def secret_key(profile: str) -> str:
    """SECRET_KEY. Demo and tests have one of their own; anything else must be given one.

    The server to develop with works on the demo's data, so it opens what the demo has sealed.
    """
    value = text("SECRET_KEY")
    if value:
        return value
    if profile in {"demo", "dev", "test"}:
        owner = "demo" if profile == "dev" else profile
        return f"only-for-{owner}-and-never-for-real-data-0123456789abcdef"
    raise ImproperlyConfigured(
        "SECRET_KEY is not set. Give the portal a long random text of its own, for example from "
        "python -c 'import secrets; print(secrets.token_urlsafe(50))'."
    )


def is_exposed(profile: str, hosts: list[str]) -> bool:
    """Whether others could reach a profile that is for this machine alone."""
    return profile in HOME_ONLY and not set(hosts) <= THIS_MACHINE


def debugs(profile: str, hosts: list[str], stream_url: str) -> bool:
    """Whether pages show their insides: in `dev` alone, and there with a stand-in for Stream.

    Raises `ImproperlyConfigured` where others could reach a profile that is for this machine alone.
    """
    if is_exposed(profile, hosts):
        raise ImproperlyConfigured(
            f"PORTAL_PROFILE={profile} {HOME_ONLY[profile]}, so ALLOWED_HOSTS may name this machine only. "
            "Leave ALLOWED_HOSTS out, or PORTAL_PROFILE for an installation."
        )
    if profile != "dev":
        return False
    host = urlsplit(stream_url).hostname or ""
    if stream_url and f"[{host}]" not in THIS_MACHINE and host not in THIS_MACHINE:
        raise ImproperlyConfigured(
            "PORTAL_PROFILE=dev must never be near a real Stream app: STREAM_BASE_URL may name this machine only."
        )
    return True
