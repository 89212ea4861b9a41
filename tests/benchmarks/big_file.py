"""A stand-in that has one finished export of many bytes, made up while it is sent: `python -m … BYTES`."""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = b"{}\n" * 87_381


class Handler(BaseHTTPRequestHandler):
    """Any task is finished, and any other path is the file."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The task, or the file."""
        url = f"http://{self.headers['Host']}/file"
        if "/tasks/" in self.path:
            body = json.dumps({"status": "completed", "result": {"url": url}, "duration": "0.00ms"}).encode()
            self._begin(len(body))
            self.wfile.write(body)
            return
        left = int(sys.argv[1])
        self._begin(left)
        while left:
            left -= self.wfile.write(PIECE[:left])

    def _begin(self, size: int) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(size))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"ready on http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()
