"""What an answer that is no success means: one typed error (Stream API, section 4; docs/stream-answers.md)."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from requests_app.stream import limits, wire
from requests_app.stream.errors import KeyRefused, NotFound, RateLimited, Rejected, UnknownOutcome
from requests_app.stream.transport import Answer

# Codes that speak of the key, the token or the app, whatever the status.
KEY_CODES = frozenset({2, 5, 40, 41, 42, 43, 99})
# Of what Stream wrote, this much is looked through for ids before it is cut.
MAX_MESSAGE = 100_000


def json_object(body: bytes) -> Mapping[str, object]:
    """The JSON object of a body, fit to be stored (`wire.storable`); raises `ValueError` where it is none."""
    try:
        found = wire.storable(json.loads(body))
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


def refusal(
    operation: str, answer: Answer, masked: tuple[str, ...]
) -> KeyRefused | NotFound | RateLimited | Rejected | UnknownOutcome:
    """The typed error of an answer that is no success (Stream API, section 4)."""
    try:
        envelope = json_object(answer.body)
    except ValueError:
        envelope = {}
    status = answer.status
    code_value = envelope.get("code")
    code = code_value if isinstance(code_value, int) and not isinstance(code_value, bool) else None
    message = _masked(wire.text(envelope.get("message"), MAX_MESSAGE), masked)[: wire.MAX_TEXT]
    known = {"operation": operation, "status": status, "code": code, "remote_message": message}
    if status == 429 or code == 9:
        wait = limits.wait_seconds(answer.headers, now=time.time())
        return RateLimited(
            f"Stream's rate limit is reached; the portal tries again in {wait:.0f} s.",
            retry_after=wait,
            operation=operation,
            status=status,
        )
    if status in {401, 403} or code in KEY_CODES:
        return KeyRefused(
            "Stream refuses the API key or secret of this app. An administrator must check it under Stream apps.",
            **known,  # type: ignore[arg-type]
        )
    if status == 404 and code == 16:
        return NotFound("Stream does not know what this call is about.", **known)  # type: ignore[arg-type]
    if status == 404:
        return Rejected(
            "Nothing answers under the app's base URL. An administrator must check it under Stream apps.",
            **known,  # type: ignore[arg-type]
        )
    if 400 <= status < 500 and status != 408:
        return Rejected(f"Stream refused this call (HTTP {status}, code {code}).", **known)  # type: ignore[arg-type]
    return UnknownOutcome(
        f"Stream answered with HTTP {status}, so the outcome is not known yet.",
        **known,  # type: ignore[arg-type]
    )


def _masked(message: str, ids: tuple[str, ...]) -> str:
    # Longer ids first: a short one may be a part of them.
    for identifier in sorted(filter(None, ids), key=len, reverse=True):
        message = message.replace(identifier, "…")
    return message
