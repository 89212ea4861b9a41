"""One HTTP exchange with Stream: bounded in time and size, no redirects, no retries, no key in any error.

Everything that goes wrong becomes one of the typed errors: provably not sent, or outcome unknown. A connection
error is "not sent" only where urllib3 says that no connection came about.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NameResolutionError, NewConnectionError, SSLError
from urllib3.util.retry import Retry

from requests_app.stream.credentials import Credentials, Timeouts
from requests_app.stream.errors import Unavailable, UnknownOutcome
from requests_app.stream.token import server_token

MAX_ANSWER = 5 * 1024 * 1024
CLIENT_NAME = "stream-data-requests"
# A connection that the other side has closed fails at once; whatever takes longer is not sent again.
STALE_SECONDS = 0.5
_PIECE = 64 * 1024


@dataclass(frozen=True)
class Answer:
    """Status, headers and body of an answer that was read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def make_session() -> requests.Session:
    """A pooled session that never retries, never follows and takes no proxy or password from its surroundings."""
    session = requests.Session()
    session.trust_env = False
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=32, max_retries=Retry(0, read=False))
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


class Transport:
    """Sends calls of one app."""

    def __init__(self, credentials: Credentials, timeouts: Timeouts) -> None:
        self.credentials = credentials
        self._timeouts = timeouts
        self._session = make_session()

    def exchange(
        self,
        operation: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
        changes: bool = False,
    ) -> Answer:
        """Send one call and read its answer within the total time-out (seconds).

        A call that changes something goes out once, over a connection of its own: a pooled one that the other side
        has just closed breaks like a lost answer. A read over such a connection is simply sent again.
        """
        began = time.monotonic()
        deadline = began + self._timeouts.total
        headers = {
            "Authorization": server_token(self.credentials.api_secret, now=time.time()),
            "stream-auth-type": "jwt",
            "X-Stream-Client": CLIENT_NAME,
            "x-client-request-id": str(uuid.uuid4()),
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
        }
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        call = (operation, method, path, query or {}, data, headers, deadline)
        if changes:
            with make_session() as session:
                return self._send(session, *call)
        try:
            return self._send(self._session, *call)
        except UnknownOutcome:
            if time.monotonic() - began > STALE_SECONDS:
                raise
        return self._send(self._session, *call)

    def _send(
        self,
        session: requests.Session,
        operation: str,
        method: str,
        path: str,
        query: Mapping[str, str],
        data: bytes | None,
        headers: Mapping[str, str],
        deadline: float,
    ) -> Answer:
        try:
            response = session.request(
                method,
                f"{self.credentials.base_url}/api/v2{path}",
                params={"api_key": self.credentials.api_key, **query},
                data=data,
                headers=headers,
                timeout=(self._timeouts.connect, self._timeouts.read),
                allow_redirects=False,
                stream=True,
            )
            with response:
                return Answer(response.status_code, response.headers, _read(response, operation, deadline))
        except requests.RequestException as error:
            raise _typed(error, operation) from None
        except (HTTPError, OSError):
            raise _no_answer(operation) from None


def _read(response: requests.Response, operation: str, deadline: float) -> bytes:
    """The whole body, within the deadline and the size that an answer may have."""
    pieces = bytearray()
    # One byte of the socket at least per round: a dripping server meets the deadline, not only the read time-out.
    for piece in response.iter_content(_PIECE if response.headers.get("Content-Length") else 1024):
        pieces += piece
        if len(pieces) > MAX_ANSWER:
            raise UnknownOutcome(
                "Stream's answer was too long to read.", operation=operation, status=response.status_code
            )
        if time.monotonic() > deadline:
            raise UnknownOutcome("Stream's answer took too long.", operation=operation, status=response.status_code)
    return bytes(pieces)


def _no_answer(operation: str) -> UnknownOutcome:
    return UnknownOutcome("Stream gave no complete answer, so the outcome is not known yet.", operation=operation)


def _typed(error: requests.RequestException, operation: str) -> Unavailable | UnknownOutcome:
    """Not sent, or unknown: told by the innermost reason alone."""
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.SSLError):
        return _unreachable(operation)
    inner = error.args[0] if error.args else None
    reason = getattr(inner, "reason", inner)
    if isinstance(reason, NewConnectionError | ConnectTimeoutError | NameResolutionError | SSLError):
        return _unreachable(operation)
    return _no_answer(operation)


def _unreachable(operation: str) -> Unavailable:
    return Unavailable(
        "Stream cannot be reached: no connection to the app's base URL came about. Nothing was sent.",
        operation=operation,
    )
