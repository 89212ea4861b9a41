"""`manage.py dev_server`: Django's own server with reload, on a socket that `manage.py dev` has opened."""

from __future__ import annotations

import socket
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import runserver
from django.core.servers.basehttp import WSGIServer


class Command(runserver.Command):
    help = "Serves on a listening socket that is handed over, and starts again when the code changes."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--fd", type=int, required=True, help="the listening socket")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("This is no server for an installation. `make dev` starts it.")
        self.server_cls = _serving_on(options["fd"])
        super().handle(*args, **options)


def _serving_on(descriptor: int) -> type[WSGIServer]:
    class InheritedServer(WSGIServer):
        """Takes the socket over in place of opening one; across a reload nobody is refused."""

        def server_bind(self) -> None:
            self.socket.close()
            self.socket = socket.socket(fileno=socket.dup(descriptor))
            self.server_name, self.server_port = self.socket.getsockname()[:2]
            self.server_address = (self.server_name, self.server_port)
            self.setup_environ()

        def server_activate(self) -> None:
            """It listens already."""

    return InheritedServer
