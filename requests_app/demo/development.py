"""The demo's processes for whoever changes the code: Django's own server and a worker, which follow the sources."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from requests_app.demo import unloadable
from requests_app.demo.processes import ROOT, Processes, supervised
from requests_app.demo.sources import Sources

LOOK_SECONDS = 0.5
WATCHED = (ROOT / "portal", ROOT / "requests_app")
# These run the code that is being written.
_FOLLOWING = ("web", "worker")


class Development(Processes):
    """As a demo, with pages that show their insides. The sandbox goes on with the code that it was started with."""

    profile = "dev"

    def __init__(self, *args: Any, watched: Iterable[Path] = WATCHED, **options: Any) -> None:
        super().__init__(*args, **options)
        self._sources = Sources(watched)
        self._serves = False
        self._away: set[str] = set()

    def _start_web(self, listener: socket.socket) -> None:
        # A second handle of the same socket: the first stays open for the server that comes after a change.
        handle = listener.dup()
        self._spawn("web", ["manage.py", "dev_server", "--noreload", "--fd", str(handle.fileno())], handle)

    def check_alive(self) -> None:
        """Raise where a child has ended by itself; those that run code that is being written may."""
        away = {name for name in _FOLLOWING if self._is_away(name)}
        for name in sorted(away - self._away):
            why = unloadable.reason(self.places.log_of(name))
            self.clock.say(f"{name}: it ended ({why.splitlines()[-1] if why else 'without a word'})")
            self.clock.say(f"{self.places.log_of(name)} says more, and the next change starts it again")
        self._away = away
        super().check_alive()

    def _is_away(self, name: str) -> bool:
        child = self._children.get(name)
        return child is not None and child.poll() is not None

    def must_live(self, name: str) -> bool:
        """The sandbox always, the server until it has answered once, the worker never."""
        return name == "sandbox" or (name == "web" and not self._serves)

    def wait(self) -> None:
        """Serve until Ctrl-C, or until the sandbox ends; server and worker are replaced when a source file changes."""
        self._serves = True
        never = threading.Event()
        while not never.wait(LOOK_SECONDS):
            self.check_alive()
            if "web" in self._away:
                unloadable.answer(self._web_listener, unloadable.reason(self.places.log_of("web")))
            changed = self._sources.changed()
            if changed:
                # More of the same change may still be on its way to the disk.
                while not never.wait(LOOK_SECONDS) and self._sources.changed():
                    pass
                self._start_again()
                self.clock.say(f"web and worker: started again, since {changed[0].name} changed")

    def _start_again(self) -> None:
        """The server at once, since somebody waits for a page; the worker once it has finished what it has at hand."""
        self.end("web")
        self._start_web(self._web_listener)
        self.end("worker")
        self._spawn("worker", supervised(self.places))
