"""The server token: HS256 over the app's secret (Stream API, section 1)."""

from __future__ import annotations

import jwt

# Seconds. Long enough for a clock that is a little off, short enough to be worthless when it leaks.
LIFETIME = 300


def server_token(secret: str, *, now: float) -> str:
    """A token for one call. `now` is in seconds since the epoch.

    It names no user, which makes it a server token, and has no `iat`: Stream refuses one from the future, and
    clocks differ.
    """
    return jwt.encode({"server": True, "exp": int(now) + LIFETIME}, secret, algorithm="HS256")
