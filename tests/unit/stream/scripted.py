"""A server on loopback that notes what it is asked, byte for byte, and answers what it is told."""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

from requests_app.stream.client import StreamClient
from requests_app.stream.credentials import Credentials, Timeouts
from tests.canary import API_KEY, SECRET

PAUSE = 0.02
Ending = Literal["whole", "reset", "closed", "cut", "silent", "drip", "drip_untold", "drip_chunked", "drip_head"]


@dataclass(frozen=True)
class Seen:
    """One request as it came over the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The path as it was sent, still percent-encoded."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The query, decoded."""
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))


@dataclass(frozen=True)
class Reply:
    """What to answer, and how the connection ends."""

    status: int = 201
    body: object = field(default_factory=lambda: {"task_id": "task-1", "duration": "1.00ms"})
    headers: tuple[tuple[str, str], ...] = ()
    ending: Ending = "whole"

    def content(self) -> bytes:
        """The body's bytes; anything but bytes goes as JSON."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Scripted

    def _answer(self) -> None:
        self.close_connection = True
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append(Seen(self.command, self.path, headers, body))
        reply = self.server.next_reply()
        match reply.ending:
            case "reset":
                # Lingering for no time makes the kernel send a reset instead of an orderly end.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                os.close(self.connection.detach())
            case "closed":
                pass
            case "silent":
                self.server.over.wait()
            case "drip_head":
                self._drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1500 + b"\r\n\r\n")
            case _:
                self._write(reply)

    do_GET = do_POST = _answer

    def _write(self, reply: Reply) -> None:
        content = reply.content()
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Connection", "close")
        if reply.ending == "drip_chunked":
            self.send_header("Transfer-Encoding", "chunked")
        elif reply.ending != "drip_untold":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if reply.ending == "drip_chunked":
            self._drip(*(f"1\r\n{chr(byte)}\r\n".encode("latin-1") for byte in content))
        elif reply.ending.startswith("drip"):
            self._drip(content)
        else:
            self.wfile.write(content[: len(content) // 2] if reply.ending == "cut" else content)

    def _drip(self, *pieces: bytes) -> None:
        for piece in pieces if len(pieces) > 1 else [bytes([byte]) for byte in pieces[0]]:
            self.wfile.write(piece)
            if self.server.over.wait(PAUSE):
                return
        self.server.dripped_out.set()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


class Scripted(ThreadingHTTPServer):
    """Answers with its replies in order, the last one again and again."""

    daemon_threads = False

    def __init__(self, replies: tuple[Reply, ...]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.replies = list(replies or (Reply(),))
        self.seen: list[Seen] = []
        self.over = threading.Event()
        self.dripped_out = threading.Event()
        self.base_url = f"http://127.0.0.1:{self.server_address[1]}"

    def next_reply(self) -> Reply:
        """The reply whose turn it is."""
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def client(self, timeouts: Timeouts | None = None) -> StreamClient:
        """A client of this server, with the canary key and secret."""
        return StreamClient(Credentials(self.base_url, API_KEY, SECRET), timeouts=timeouts or Timeouts(2, 2, 5))

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is what some tests are about."""
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError):
            traceback.print_exception(error)


@contextmanager
def scripted(*replies: Reply) -> Iterator[Scripted]:
    """Serve the replies for as long as a test needs them."""
    server = Scripted(replies)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def told(error: BaseException) -> str:
    """All that an error says where it is printed, logged or kept."""
    parts = [error, error.args, vars(error), error.__cause__]
    return "\n".join([str(error), *map(repr, parts), *traceback.format_exception(error)])
