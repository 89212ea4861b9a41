"""Ports of this machine that are taken before anybody is told of them.

A port that is only looked up is free for everybody until its server starts, seconds later: another program's server
may sit on it by then, and answer in our name.
"""

from __future__ import annotations

import socket

from requests_app.demo.clock import DemoFailed

HOST = "127.0.0.1"
HTTP_PORT = 80
_PORTS_TRIED = 50


def listen_on(wanted: int = 0) -> socket.socket:
    """A listening socket on the wanted port or the next free one; on any free one for 0. A child inherits it.

    Raises `DemoFailed` where no port is free.
    """
    for port in range(wanted, min(wanted + _PORTS_TRIED, 65_536)) if wanted else [0]:
        try:
            return socket.create_server((HOST, port), backlog=128)
        except OSError:
            continue
    raise DemoFailed(f"No port is free from {wanted} on. Say another one with --port.")


def address_of(listener: socket.socket) -> str:
    """The URL that the socket is reached by, as a browser writes it: without the port that goes without saying."""
    port = listener.getsockname()[1]
    return f"http://{HOST}" if port == HTTP_PORT else f"http://{HOST}:{port}"
