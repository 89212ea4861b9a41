"""Checks the server token: a bare HS256 JWT over the app's secret."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

from portal.sandbox.errors import ApiError


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def check(token: str, *, secret: str, now: float) -> None:
    """Raise `ApiError` with the code that the API uses for this fault of the token."""
    try:
        head, body, signature = token.split(".")
        header: Any = json.loads(_decoded(head))
        claims: Any = json.loads(_decoded(body))
        given = _decoded(signature)
    except (ValueError, RecursionError, binascii.Error):
        raise ApiError(401, 5, "the token is not a JWT") from None
    if not isinstance(header, dict) or header.get("alg") != "HS256" or not isinstance(claims, dict):
        raise ApiError(401, 5, "the token must be signed with HS256")
    expected = hmac.new(secret.encode(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(given, expected):
        raise ApiError(401, 43, "the token's signature is invalid")
    if "user_id" in claims:
        raise ApiError(403, 17, "this operation needs a server token")
    if _number(claims, "exp") is not None and _number(claims, "exp") <= now:  # type: ignore[operator]
        raise ApiError(401, 40, "the token is expired")
    if (_number(claims, "nbf") or 0) > now:
        raise ApiError(401, 41, "the token is not valid yet")
    if (_number(claims, "iat") or 0) > now + 5:
        raise ApiError(401, 42, "the token is used before it was issued")


def _number(claims: dict[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ApiError(401, 5, f"{name} must be a number")
    return float(value)
