"""Refusals in the API's own envelope."""

from __future__ import annotations

import json

MORE_INFO = "https://getstream.io/chat/docs/api_errors_response"


class ApiError(Exception):
    """A refusal with HTTP status and the API's code."""

    def __init__(self, status: int, code: int, text: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text
        self.headers = headers or {}

    def body(self, operation: str) -> bytes:
        """The envelope, `details` always there."""
        return json.dumps(
            {
                "code": self.code,
                "message": f'{operation} failed with error: "{self.text}"',
                "StatusCode": self.status,
                "duration": "0.00ms",
                "more_info": MORE_INFO,
                "details": [],
                "unrecoverable": False,
            }
        ).encode()


def bad_input(text: str) -> ApiError:
    """400, code 4."""
    return ApiError(400, 4, text)


def missing(text: str) -> ApiError:
    """404, code 16."""
    return ApiError(404, 16, text)
