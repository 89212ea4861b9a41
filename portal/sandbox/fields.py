"""Strict reading of request bodies: what the API does not know, the sandbox refuses."""

from __future__ import annotations

from typing import Any

from portal.sandbox.errors import bad_input

Body = dict[str, Any]


def only(body: Body, *names: str) -> None:
    """Refuse fields that the operation does not know."""
    unknown = sorted(set(body) - set(names))
    if unknown:
        raise bad_input(f"unknown field {unknown[0]}")


def ids(body: Body, name: str = "user_ids", *, most: int) -> list[str]:
    """1 to `most` different ids."""
    value = body.get(name)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise bad_input(f"{name} must be a list of texts")
    if not 1 <= len(value) <= most:
        raise bad_input(f"{name} must hold 1 to {most} ids")
    if len(set(value)) != len(value):
        raise bad_input(f"{name} must not repeat an id")
    if any(not item or len(item) > 255 for item in value):
        raise bad_input(f"{name} holds an id that is empty or too long")
    return value


def choice(body: Body, name: str, among: tuple[str, ...]) -> str:
    """One of some words, or an empty text where the field is absent, null or empty."""
    value = body.get(name)
    if value is None or value == "":
        return ""
    if not isinstance(value, str) or value not in among:
        raise bad_input(f"{name} must be one of {', '.join(among)}")
    return value


def flag(body: Body, name: str) -> bool:
    """A boolean, false where absent."""
    value = body.get(name)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise bad_input(f"{name} must be true or false")
    return value


def text(body: Body, name: str, most: int = 255) -> str:
    """A text, empty where absent."""
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > most:
        raise bad_input(f"{name} must be a text of at most {most} characters")
    return value


def number(body: Body, name: str, default: int, *, least: int = 0, most: int = 1000) -> int:
    """A whole number within bounds."""
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise bad_input(f"{name} must be a whole number from {least} to {most}")
    return value


def mapping(body: Body, name: str) -> Body:
    """An object, empty where absent."""
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise bad_input(f"{name} must be an object")
    return value
