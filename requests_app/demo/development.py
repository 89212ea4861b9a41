"""The demo's processes for whoever changes the code: Django's own server, and a worker that follows the sources."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from requests_app.demo.processes import ROOT, Processes
from requests_app.demo.sources import Sources

LOOK_SECONDS = 0.5
WATCHED = (ROOT / "portal", ROOT / "requests_app")


class Development(Processes):
    """As a demo, with pages that show their insides. The sandbox goes on with the code that it was started with."""

    profile = "dev"

    def __init__(self, *args: Any, watched: Iterable[Path] = WATCHED, **options: Any) -> None:
        super().__init__(*args, **options)
        self._sources = Sources(watched)
        self._worker_is_away = False

    def _start_web(self, listener: socket.socket) -> None:
        self._spawn("web", ["manage.py", "dev_server", "--fd", str(listener.fileno())], listener)

    def check_alive(self) -> None:
        """Raise where a child has ended by itself; a worker may, over code that is being written."""
        worker = self._children.get("worker")
        is_away = worker is not None and worker.poll() is not None
        if is_away and not self._worker_is_away:
            log = self.places.log_of("worker")
            self.clock.say(f"worker: it ended; {log} says why, and the next change starts it again")
        self._worker_is_away = is_away
        super().check_alive()

    def must_live(self, name: str) -> bool:
        """All but the worker."""
        return name != "worker"

    def wait(self) -> None:
        """Serve until Ctrl-C, or until sandbox or server end; the worker is replaced when a source file changes."""
        never = threading.Event()
        while not never.wait(LOOK_SECONDS):
            self.check_alive()
            changed = self._sources.changed()
            if changed:
                # More of the same change may still be on its way to the disk.
                while not never.wait(LOOK_SECONDS) and self._sources.changed():
                    pass
                self.restart_worker()
                self.clock.say(f"worker: started again, since {changed[0].name} changed")
