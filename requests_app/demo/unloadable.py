"""What a browser gets while the code under the development server does not load: the reason, in place of silence."""

from __future__ import annotations

import select
import socket
from contextlib import suppress
from pathlib import Path

# Of a log, from its end: a traceback is shorter.
_CHARACTERS = 4_000
_ANSWER_SECONDS = 1.0


def reason(log: Path) -> str:
    """The last that a process wrote before it ended; empty where that is nothing."""
    return log.read_text(errors="replace")[-_CHARACTERS:].strip() if log.exists() else ""


def answer(listener: socket.socket, words: str) -> None:
    """Answer every call that waits on the socket with HTTP 500 and these words. The browser asks again by itself."""
    body = f"The server ended. The next change of a .py file starts it again. It said:\n\n{words}\n".encode()
    head = (
        "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\nRefresh: 2\r\nConnection: close\r\n\r\n"
    )
    while select.select([listener], [], [], 0)[0]:
        call, _ = listener.accept()
        with call, suppress(OSError):
            call.settimeout(_ANSWER_SECONDS)
            call.recv(65_536)
            call.sendall(head.encode() + body)
