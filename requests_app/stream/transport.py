"""One HTTP exchange with Stream: bounded in time and size, no redirects, no retries, no key in any error.

Everything that goes wrong becomes one of the typed errors: provably not sent, where not one byte of the request went
out, or outcome unknown.
"""

from __future__ import annotations

import http.client
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import requests
from urllib3.exceptions import HTTPError

from requests_app.stream.credentials import Credentials, Timeouts
from requests_app.stream.errors import Unavailable, UnknownOutcome
from requests_app.stream.flight import WatchedAdapter, flight
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


@dataclass(frozen=True)
class _Call:
    """What goes over the wire."""

    operation: str
    method: str
    path: str
    query: Mapping[str, str]
    data: bytes | None
    headers: Mapping[str, str]


def make_session() -> requests.Session:
    """A pooled session that never retries, never follows and takes no proxy or password from its surroundings."""
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", WatchedAdapter())
    session.mount("http://", WatchedAdapter())
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
        call = _Call(operation, method, path, query or {}, data, headers)
        if changes:
            with make_session() as session:
                return self._send(session, call, self._timeouts.total)
        began = time.monotonic()
        try:
            return self._send(self._session, call, self._timeouts.total)
        except UnknownOutcome:
            if time.monotonic() - began > STALE_SECONDS:
                raise
        return self._send(self._session, call, self._timeouts.total - STALE_SECONDS)

    def _send(self, session: requests.Session, call: _Call, seconds: float) -> Answer:
        with flight(total=seconds, read=self._timeouts.read) as watched:
            try:
                response = session.request(
                    call.method,
                    f"{self.credentials.base_url}/api/v2{call.path}",
                    params={"api_key": self.credentials.api_key, **call.query},
                    data=call.data,
                    headers=call.headers,
                    timeout=(self._timeouts.connect, self._timeouts.read),
                    allow_redirects=False,
                    stream=True,
                )
                with response:
                    body = _read(response)
            except (requests.RequestException, HTTPError, OSError, http.client.HTTPException):
                body = None
        # Raised out here, so that no error drags along the one that knows URL and key.
        if body is None:
            raise _no_answer(call.operation) if watched.sent else _unreachable(call.operation)
        if len(body) > MAX_ANSWER:
            raise UnknownOutcome(
                "Stream's answer was too long to read.", operation=call.operation, status=response.status_code
            )
        return Answer(response.status_code, response.headers, body)


def _read(response: requests.Response) -> bytes:
    """The whole body, or so much of it that it is certainly too long."""
    pieces = bytearray()
    for piece in response.iter_content(_PIECE):
        pieces += piece
        if len(pieces) > MAX_ANSWER:
            break
    return bytes(pieces)


def _no_answer(operation: str) -> UnknownOutcome:
    return UnknownOutcome("Stream gave no complete answer, so the outcome is not known yet.", operation=operation)


def _unreachable(operation: str) -> Unavailable:
    return Unavailable(
        "Stream cannot be reached: no connection to the app's base URL came about. Nothing was sent.",
        operation=operation,
    )
