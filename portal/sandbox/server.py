"""The HTTP server: one thread a connection, connections kept alive, standard library only."""

from __future__ import annotations

import socket
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from portal.sandbox import tasks
from portal.sandbox.app import Request, Sandbox

LOOK_SECONDS = 0.25


class Handler(BaseHTTPRequestHandler):
    """Turns HTTP into `Request` and `Response` back into HTTP."""

    protocol_version = "HTTP/1.1"
    # Answers are small and written in two pieces: without this the second waits for an acknowledgement.
    disable_nagle_algorithm = True
    server: SandboxServer

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:
            # The caller is gone before its call was whole: without its body it would be another call.
            self.close_connection = True
            return
        request = Request(
            self.command,
            parts.path,
            parts.query,
            {name.lower(): value for name, value in self.headers.items()},
            body,
        )
        response = self.server.sandbox.answer(request, self.server.base_url)
        if response.lost:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: request lines hold the key."""


class SandboxServer(ThreadingHTTPServer):
    """The listening server and the thread that carries out tasks."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, sandbox: Sandbox, *, listener: socket.socket | None = None) -> None:
        """Listen on a port of its own (0 takes a free one), or on a socket that somebody else has opened."""
        super().__init__((host, port), Handler, bind_and_activate=listener is None)
        if listener is not None:
            self.socket.close()
            self.socket = listener
            self.server_address = listener.getsockname()
        self.sandbox = sandbox
        self.base_url = f"http://{host}:{self.server_address[1]}"
        self._stopping = threading.Event()
        self._clockwork = threading.Thread(target=self._advance, daemon=True)
        self._clockwork.start()

    def _advance(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            with self.sandbox.store.lock:
                tasks.advance(self.sandbox.store, self.sandbox.faults)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news; anything else is a fault of the sandbox and is told."""
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError):
            traceback.print_exception(error)

    def stop(self) -> None:
        """Stop listening and carrying out tasks."""
        self._stopping.set()
        self.shutdown()
        self.server_close()
        # Whoever stopped it may close the store.
        self._clockwork.join()
