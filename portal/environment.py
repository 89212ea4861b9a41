"""Typed readers for environment variables, with errors that say which one and what to do."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parent.parent
ENGINES = ("django.db.backends.sqlite3", "django.db.backends.postgresql")
PROFILES = ("production", "demo", "test")

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


def number(name: str, default: float, *, least: float = 0) -> float:
    """A number, at least `least`."""
    value = text(name)
    if not value:
        return default
    try:
        found = float(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a number, not “{value}”.") from None
    if found < least:
        raise ImproperlyConfigured(f"{name} must be at least {least:g}.")
    return found


def words(name: str, default: str = "") -> list[str]:
    """A list, separated by commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def choice(name: str, default: str, among: tuple[str, ...]) -> str:
    """One of some words."""
    value = text(name, default)
    if value not in among:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(among)}, not “{value}”.")
    return value


def secret_key(profile: str) -> str:
    """SECRET_KEY. Demo and tests have one of their own; anything else must be given one."""
    value = text("SECRET_KEY")
    if value:
        return value
    if profile in {"demo", "test"}:
        return f"only-for-{profile}-and-never-for-real-data-0123456789abcdef"
    raise ImproperlyConfigured(
        "SECRET_KEY is not set. Give the portal a long random text of its own, for example from "
        "python -c 'import secrets; print(secrets.token_urlsafe(50))'."
    )
