"""What can go wrong with a call to Stream.

StreamError
├── ConfigurationError      base URL, key or secret are missing or unfit; nothing was sent
├── Unavailable             provably not sent: no such host, refused, connect time-out, TLS
├── RateLimited             429: not carried out; `retry_after` says when
├── UnknownOutcome          no usable answer: read time-out, reset, 5xx, 408, redirect, unreadable 2xx
└── Rejected                refused for good
    ├── KeyRefused          401, 403 and the codes of keys and tokens: no ticket's fault
    └── NotFound            404, code 16

The text of each is a sentence fit for staff. It never holds a URL, a key, a token or a user id: such texts end up
in logs, jobs and pages. What Stream itself wrote is kept apart in `remote_message`, with the call's ids masked.
"""

from __future__ import annotations


class StreamError(Exception):
    """Any failure of a call. `status` is the HTTP status and `code` Stream's own number, where there were any."""

    def __init__(
        self,
        sentence: str,
        *,
        operation: str = "",
        status: int | None = None,
        code: int | None = None,
        remote_message: str = "",
    ) -> None:
        super().__init__(sentence)
        self.operation = operation
        self.status = status
        self.code = code
        self.remote_message = remote_message


class ConfigurationError(StreamError):
    """The app cannot be called with what it is configured with."""


class Unavailable(StreamError):
    """The call never left: Stream has certainly not carried it out."""


class RateLimited(StreamError):
    """Stream refused to carry the call out now. `retry_after` is in seconds."""

    def __init__(
        self, sentence: str, *, retry_after: float, operation: str = "", status: int | None = 429, code: int | None = 9
    ) -> None:
        super().__init__(sentence, operation=operation, status=status, code=code)
        self.retry_after = retry_after


class UnknownOutcome(StreamError):
    """Nobody knows whether Stream carried the call out."""


class Rejected(StreamError):
    """Stream refused the call and will refuse it again."""


class KeyRefused(Rejected):
    """Stream refuses the API key or secret of the app."""


class NotFound(Rejected):
    """What the call is about does not exist on Stream."""
