"""The processes of a demo: the sandbox, the Django-Q cluster and the web server, as children of one process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

import requests

from requests_app import process_groups
from requests_app.cluster import Cluster
from requests_app.demo.clock import PAUSE_SECONDS, Clock, DemoFailed
from requests_app.demo.looker import Looker
from requests_app.demo.places import Places
from requests_app.demo.ports import address_of, listen_on
from requests_app.demo.surroundings import KEY, surroundings
from requests_app.demo.tickets import FAULTS, MANY_ACCOUNTS, NAME_OF_MANY

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 8.0


# How somebody stops a demo: Ctrl-C, whoever watches the process, a terminal that closes.
_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# What stands in the command line of each child, of a demo or of a development server.
_COMMANDS = {"sandbox": ["portal.sandbox"], "worker": ["supervise"], "web": ["gunicorn", "dev_server"]}


def supervised(places: Places) -> list[str]:
    """The worker's words for Python."""
    return ["manage.py", "supervise", "--pid-file", str(places.cluster_file)]


def end_leftovers(places: Places) -> None:
    """End what is left of a demo that was killed, and the cluster of a supervisor that had to be."""
    for name, commands in _COMMANDS.items():
        process_groups.end_noted(places.pid_file_of(name), *commands)
    Cluster(places.cluster_file).end_leftovers()


class Processes:
    """Starts the children, knows where they are, and stops them all."""

    profile = "demo"

    def __init__(
        self, places: Places, *, task_seconds: float, clock: Clock, port: int = 0, faults: Path | None = None
    ) -> None:
        self.places = places
        self._faults = faults
        self.clock = clock
        self._task_seconds = task_seconds
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        places.folder.mkdir(parents=True, exist_ok=True)
        self.key = KEY
        self.secret = places.secret()
        self._web_listener = listen_on(port)
        self._sandbox_listener = listen_on()
        self.portal_url = address_of(self._web_listener)
        self.sandbox_url = address_of(self._sandbox_listener)
        places.address_file.write_text(self.sandbox_url)
        # Those of an earlier run are over.
        places.given_faults_file.unlink(missing_ok=True)

    def __enter__(self) -> Processes:
        # Every stop is one by hand: the children go first.
        for end in _STOPS:
            signal.signal(end, signal.default_int_handler)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is KeyboardInterrupt:
            self.clock.say(f"stopping: at most {STOP_SECONDS:.0f} s")
        self.stop()

    @property
    def environment(self) -> Mapping[str, str]:
        """What the children of the portal see."""
        return surroundings(self.places, profile=self.profile, sandbox_url=self.sandbox_url, secret=self.secret)

    def start(self, *, filled: bool) -> None:
        """Migrate, fill where wanted, and start the three; returns once each answers."""
        is_new = not self.places.sandbox_database.exists()
        self._start_sandbox(filled=filled)
        self.manage("migrate", "--verbosity", "0")
        self.clock.say("database: the tables are up to date")
        self._wait_for("sandbox", self.sandbox_url)
        self.clock.say("sandbox: the stand-in for Stream answers")
        if filled and is_new:
            self.looker().make(*MANY_ACCOUNTS, name=NAME_OF_MANY)
        self.manage("setup_demo") if filled else self.manage("setup_demo", "--people-only")
        self.clock.say("database: people and tickets are there" if filled else "database: people are there")
        self._spawn("worker", supervised(self.places))
        self._start_web(self._web_listener)
        self._wait_for("web", f"{self.portal_url}/healthz")
        self.clock.say("worker and web server: started")

    def looker(self) -> Looker:
        """Looks at the stand-in past the portal."""
        return Looker.at(self.sandbox_url, self.key, self.secret)

    def _start_sandbox(self, *, filled: bool) -> None:
        # The secret goes by argument: it opens nothing but this stand-in on this machine.
        options = ["--fd", str(self._sandbox_listener.fileno()), "--database", str(self.places.sandbox_database)]
        options += ["--key", self.key, "--secret", self.secret, "--task-seconds", str(self._task_seconds), "--seed"]
        options += ["--faults", str(self.places.given_faults_file)]
        if filled:
            self.places.faults_file.write_text(json.dumps(FAULTS))
            options += ["--faults", str(self.places.faults_file)]
        self._spawn("sandbox", ["-m", "portal.sandbox", *options], self._sandbox_listener)

    def begin_faults(self) -> None:
        """From now on the sandbox has the faults that were given, if any were: the file is read for each call.

        Not before, or they meet the filling of the demo instead of whoever wanted to see them.
        """
        if self._faults:
            self.places.given_faults_file.symlink_to(self._faults)
            self.clock.say(f"sandbox: from now on with the faults of {self._faults.name}")

    def _start_web(self, listener: socket.socket) -> None:
        web = ["-m", "gunicorn", "portal.wsgi", "--bind", f"fd://{listener.fileno()}", "--threads", "8"]
        self._spawn("web", [*web, "--log-level", "warning", "--no-control-socket"], listener)

    def manage(self, *words: str) -> str:
        """Run a management command to its end; returns what it printed."""
        with subprocess.Popen(  # noqa: S603
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as running:
            try:
                printed, complaints = self._printed_by(running, f"manage.py {words[0]}")
            except BaseException:
                running.kill()
                raise
        if running.returncode != 0:
            raise DemoFailed(f"manage.py {words[0]} failed: {(complaints or printed).strip()[-800:]}")
        return printed

    def _printed_by(self, running: subprocess.Popen[str], what: str) -> tuple[str, str]:
        """Output and errors of a command once it has ended."""
        while True:
            try:
                return running.communicate(timeout=PAUSE_SECONDS)
            except subprocess.TimeoutExpired:
                self.clock.tell_waiting(what)

    def _spawn(self, name: str, words: list[str], listener: socket.socket | None = None) -> None:
        with self.places.log_of(name).open("ab") as log:
            self._children[name] = subprocess.Popen(  # noqa: S603
                [sys.executable, *words],
                cwd=ROOT,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[listener.fileno()] if listener else [],
                # A Ctrl-C in the terminal reaches this process alone, which stops the children in order.
                start_new_session=True,
            )
        process_groups.note(self.places.pid_file_of(name), self._children[name].pid)
        if listener:
            # The child has it now: where the child ends, whoever calls is refused at once.
            listener.close()

    def _wait_for(self, name: str, url: str) -> None:
        while True:
            self.check_alive()
            try:
                requests.get(url, timeout=1)
            except requests.RequestException:
                self.clock.rest(f"the {name} to answer")
            else:
                return

    def check_alive(self) -> None:
        """Raise where a child has ended by itself."""
        for name, child in self._children.items():
            if child.poll() is not None and self.must_live(name):
                log = self.places.log_of(name)
                tail = log.read_text(errors="replace")[-800:].strip() if log.exists() else ""
                raise DemoFailed(f"The {name} ended with code {child.returncode}. It said: {tail}")

    def must_live(self, name: str) -> bool:
        """Whether the end of this child is the end of all."""
        return True

    def wait(self) -> None:
        """Serve until Ctrl-C, or until a child ends."""
        never = threading.Event()
        while not never.wait(1.0):
            self.check_alive()

    def stop(self) -> None:
        """Ask the children to end, the web server first, and end those that do not. Nothing interrupts it."""
        with _undisturbed():
            for listener in (self._web_listener, self._sandbox_listener):
                listener.close()
            self.end("web", "worker", "sandbox")
            self._children.clear()
            end_leftovers(self.places)

    def end(self, *names: str) -> None:
        """Ask these children to end, in this order, and end those that do not within `STOP_SECONDS` of all."""
        ends = time.monotonic() + STOP_SECONDS
        children = [self._children[name] for name in names if name in self._children]
        for child in children:
            if child.poll() is None:
                child.terminate()
        for child in children:
            _end(child, max(0.1, ends - time.monotonic()))


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Deaf to whoever asks again to stop: who stops half-way leaves children behind."""
    before = {stop: signal.signal(stop, signal.SIG_IGN) for stop in _STOPS}
    try:
        yield
    finally:
        for stop, handler in before.items():
            signal.signal(stop, signal.SIG_DFL if handler is None else handler)


def _end(child: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait for a child that was asked to end, and end it together with what it left in its own session."""
    with suppress(subprocess.TimeoutExpired):
        child.wait(seconds)
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
