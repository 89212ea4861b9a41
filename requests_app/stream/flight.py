"""One call in flight: whether a byte of it went out, and until when it is waited for.

Sockets know a time-out between two pieces only, so a server that drips could hold a call for ever, and an error alone
does not tell whether the request had left. Both are watched here, where the bytes pass.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.retry import Retry


@dataclass
class Flight:
    """A call on its way. Times in seconds of the monotonic clock."""

    ends: float
    read: float
    # Says of the other side's address whether anything may go there; None where any may.
    peer: Callable[[str], bool] | None = None
    sent: bool = False

    def left(self) -> float:
        """Seconds for the next piece; raises `TimeoutError` once the whole is over."""
        left = self.ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the call took too long in all")
        return min(self.read, left)


_current: ContextVar[Flight | None] = ContextVar("flight", default=None)


@contextmanager
def flight(*, total: float, read: float, peer: Callable[[str], bool] | None = None) -> Iterator[Flight]:
    """Watch the calls that this thread makes inside; `total` and `read` are in seconds."""
    watched = Flight(time.monotonic() + total, read, peer)
    token = _current.set(watched)
    try:
        yield watched
    finally:
        _current.reset(token)


class _Pieces(io.RawIOBase):
    """The bytes of an answer, each piece within what is left of the time."""

    def __init__(self, raw: Any, sock: socket.socket, watched: Flight) -> None:
        super().__init__()
        self._raw = raw
        self._sock = sock
        self._watched = watched

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._watched.left())
        got: int | None = self._raw.readinto(buffer)
        return got

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """An answer whose head and body are both read in watched pieces."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        watched = _current.get()
        if watched is not None:
            # Detached, not closed: the socket counts its readers and must stay open for this one.
            raw: Any = self.fp
            self.fp = io.BufferedReader(_Pieces(raw.detach(), sock, watched))


class _Watched:
    """Looks where a connection leads before anything goes there, and notes the first byte of the request."""

    sock: Any
    response_class = _Answer

    def _new_conn(self) -> socket.socket:
        # Before TLS says its first word.
        sock: socket.socket = super()._new_conn()  # type: ignore[misc]
        watched = _current.get()
        if watched is not None and watched.peer and not watched.peer(sock.getpeername()[0]):
            sock.close()
            raise ConnectionRefusedError("nothing is sent to this address")
        return sock

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]
        watched = _current.get()
        if watched is not None:
            watched.sent = True
            self.sock.settimeout(watched.left())
        super().send(data)  # type: ignore[misc]


class _Http(_Watched, HTTPConnection):  # type: ignore[misc]
    pass


class _Https(_Watched, HTTPSConnection):  # type: ignore[misc]
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


class WatchedAdapter(HTTPAdapter):
    """Connections that know the call they carry. Never retries."""

    def __init__(self) -> None:
        super().__init__(pool_connections=4, pool_maxsize=32, max_retries=Retry(0, read=False))

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        manager: urllib3.PoolManager = self.poolmanager
        manager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
