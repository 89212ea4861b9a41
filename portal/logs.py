"""Log lines as JSON, with a request id, and without keys, tokens or addresses of people."""

from __future__ import annotations

import json
import logging
import re
from contextvars import ContextVar
from datetime import UTC, datetime

from django.conf import settings

request_id: ContextVar[str] = ContextVar("request_id", default="")

SHORT = 5
_PATTERNS = (
    (re.compile(r"(api_key=)[^&\s\"']+"), r"\1[removed]"),
    (re.compile(r"(?i)(authorization['\"]?\s*[:=]\s*['\"]?)(?:bearer\s+)?[^\s,'\"]+"), r"\1[removed]"),
    (re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*"), "[token removed]"),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "[address removed]"),
)


def redacted(line: str) -> str:
    """The line without the configured secrets and without anything that looks like a key, token or address."""
    for secret in (settings.STREAM_API_SECRET, settings.STREAM_API_KEY, settings.SECRET_KEY):
        # A text as short as this is no secret, and taking it out would make the line unreadable.
        if len(secret) > SHORT:
            line = line.replace(secret, "[removed]")
    for pattern, instead in _PATTERNS:
        line = pattern.sub(instead, line)
    return line


class RequestId(logging.Filter):
    """Adds the id of the request that is being answered."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id.get()
        return True


class Redact(logging.Filter):
    """Redacts the finished message, so that arguments are covered as well."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redacted(record.getMessage()), None
        return True


class JsonLines(logging.Formatter):
    """One JSON object a line; line breaks inside a message cannot forge another line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": getattr(record, "request_id", ""),
        }
        if record.exc_info:
            line["error"] = redacted(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)
