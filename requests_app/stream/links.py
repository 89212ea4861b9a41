"""Export links: checked before they are followed, and streamed.

A link comes from outside and is believed little: https only, public addresses only, no redirects, and neither key
nor token goes along. The configured base URL's own scheme, host and port are the one exception: that is where a
stand-in serves its files.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from requests_app.stream.addresses import can_be_host, is_public
from requests_app.stream.credentials import Timeouts
from requests_app.stream.errors import NotFound, Rejected, Unavailable, UnknownOutcome
from requests_app.stream.flight import flight
from requests_app.stream.transport import make_session

OPERATION = "OpenExport"
# Stream keeps export files for 60 days, and lets each link to one live for 24 hours (GDPR page, "Accessing the exported
# data").
FILE_KEPT = timedelta(days=60)
LINK_LIVES = timedelta(hours=24)
PIECE = 64 * 1024
# Seconds and bytes: an export may be large, but nothing goes on for ever.
MAX_SECONDS = 600.0
MAX_BYTES = 20 * 1024**3


@dataclass(frozen=True)
class ExportStream:
    """An open export file. `size` is in bytes where the server told it."""

    response: requests.Response
    size: int | None
    deadline: float

    def iter_chunks(self) -> Iterator[bytes]:
        """The bytes of the file, piece by piece; raises `UnknownOutcome` where it breaks off."""
        seen = 0
        try:
            for piece in self.response.iter_content(PIECE):
                seen += len(piece)
                if seen > MAX_BYTES or time.monotonic() > self.deadline:
                    raise UnknownOutcome(
                        "The export file is larger or slower than the portal takes.", operation=OPERATION
                    )
                yield piece
        except (requests.RequestException, HTTPError, OSError):
            raise UnknownOutcome("The download broke off. Start it again.", operation=OPERATION) from None


def is_usable(url: str, *, base_url: str) -> bool:
    """Whether the link has a form that the portal follows. Asks no name server."""
    try:
        parts, same = urlsplit(url), _same_place(url, base_url)
        fits = parts.scheme == "https" and parts.port in {None, 443}
    except ValueError:
        return False
    if parts.username or parts.password or not parts.hostname or not can_be_host(parts.hostname):
        return False
    return same or fits


def check_link(url: str, *, base_url: str) -> None:
    """Raise `Rejected` where the portal does not follow the link."""
    if not is_usable(url, base_url=base_url):
        raise _unfit()
    if _same_place(url, base_url):
        return
    for address in _addresses(urlsplit(url).hostname or ""):
        if not is_public(address):
            raise _unfit()


def _same_place(url: str, base_url: str) -> bool:
    """Whether the link leads to the configured base URL's own scheme, host and port."""
    parts, base = urlsplit(url), urlsplit(base_url)
    return (parts.scheme, parts.hostname, parts.port) == (base.scheme, base.hostname, base.port)


def _addresses(host: str) -> set[str]:
    try:
        found = socket.getaddrinfo(host, 443, proto=socket.IPPROTO_TCP)
    except OSError:
        raise Unavailable("The export file's server cannot be found.", operation=OPERATION) from None
    return {str(entry[4][0]).split("%")[0] for entry in found}


def _unfit() -> Rejected:
    return Rejected("Stream named an export link that the portal does not follow.", operation=OPERATION)


@contextmanager
def open_link(url: str, *, base_url: str, timeouts: Timeouts) -> Iterator[ExportStream]:
    """Open a checked link for streaming; raises the typed errors."""
    check_link(url, base_url=base_url)
    session = make_session()
    response = None
    # The name may lead elsewhere by now: what counts is the address that the connection really has.
    peer = None if _same_place(url, base_url) else is_public
    with (
        flight(total=MAX_SECONDS, read=timeouts.read, peer=peer),
        suppress(requests.RequestException, HTTPError, OSError),
    ):
        response = session.get(url, timeout=(timeouts.connect, timeouts.read), allow_redirects=False, stream=True)
    if response is None:
        session.close()
        raise Unavailable("The export file's server cannot be reached.", operation=OPERATION)
    with session, response:
        if response.status_code in {404, 410}:
            raise NotFound("The export file is gone: Stream keeps it for 60 days.", operation=OPERATION, status=404)
        if response.status_code != 200:
            raise Rejected(
                f"The export file could not be opened (HTTP {response.status_code}).",
                operation=OPERATION,
                status=response.status_code,
            )
        size = response.headers.get("Content-Length", "")
        encoded = response.headers.get("Content-Encoding")
        yield ExportStream(
            response, int(size) if size.isdigit() and not encoded else None, time.monotonic() + MAX_SECONDS
        )
