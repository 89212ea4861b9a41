"""Whether memory stays flat: of the worker while many tasks run, of the web server while a large export passes."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import requests
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from requests_app.demo.ports import address_of, listen_on
from requests_app.models import Step, StreamTask
from tests import factories, people
from tests.benchmarks import crowd, engine, sandbox
from tests.benchmarks.stage import Stage, resident

TASKS = 10_000
WATCHED = 90.0
BYTES = 1024**3
PIECE = 1024 * 1024
LOOK_SECONDS = 0.05
START_SECONDS = 30.0


@dataclass
class Watch:
    """Resident memory of a process over time, in MB."""

    pid: int
    seen: list[float] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        """Look until it is over."""
        self.seen.append(resident(self.pid))
        while not self.over.wait(LOOK_SECONDS):
            self.seen.append(resident(self.pid))


@contextmanager
def watched(pid: int) -> Iterator[Watch]:
    """Watch a process from a thread of one's own."""
    watch = Watch(pid)
    thread = threading.Thread(target=watch.look)
    thread.start()
    try:
        yield watch
    finally:
        watch.over.set()
        thread.join()


def run(stage: Stage) -> None:
    """The worker, then the web server."""
    _worker(stage)
    _web(stage)


def _worker(stage: Stage) -> None:
    number = stage.count(TASKS)
    at = time.time()
    tasks = [(f"long-{place}", f"export-{place}", at, at + 86_400) for place in range(number)]
    with sandbox.running(stage.folder, tasks=tasks) as stream, engine.working(stage.folder) as process:
        idle = resident(process.pid)
        names = [task[0] for task in tasks]
        moments = [datetime.fromtimestamp(at, UTC)] * number
        crowd.running_exports(names, stream.app(), prefix="export", first_polls=moments)
        with watched(process.pid) as watch:
            time.sleep(WATCHED * min(1.0, stage.scale * 4))
    half = len(watch.seen) // 2
    stage.tell("worker, idle", idle, "MB")
    stage.tell(f"worker, {number} tasks: peak", max(watch.seen), "MB", goal="flat")
    grown = max(watch.seen[half:]) - max(watch.seen[:half])
    stage.tell("worker: peak of the second half less that of the first", grown, "MB", goal="about 0")


def _web(stage: Stage) -> None:
    size = stage.count(BYTES)
    with _file_server(size) as base_url:
        step = _exported(base_url)
        with _web_server(stage.folder) as (site, worker):
            session = _signed_in()
            url = site + reverse("step-download", args=[step.ticket.reference, step.pk])
            # The first request loads what later ones find there.
            session.get(site + reverse("ticket-list"), timeout=60).raise_for_status()
            before = resident(worker)
            with watched(worker) as watch:
                began = time.perf_counter()
                seen = _download(session, url)
                seconds = time.perf_counter() - began
    stage.tell("web server, before", before, "MB")
    note = f"{seen / 1e6:.0f} of {size / 1e6:.0f} MB in {seconds:.1f} s"
    stage.tell("web server, while a large export passes: peak", max(watch.seen), "MB", goal="flat", note=note)


@contextmanager
def _file_server(size: int) -> Iterator[str]:
    command = [sys.executable, "-m", "tests.benchmarks.big_file", str(size)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().split()[-1] if process.stdout else ""
        finally:
            process.terminate()


def _exported(base_url: str) -> Step:
    """A finished export whose file that server has."""
    app = factories.stream_app(base_url=base_url)
    ticket = factories.completed(crowd.export("large"), app=app)
    step: Step = ticket.steps.select_related("ticket").get()
    step.stream_task = StreamTask.objects.create(
        stream_app=app, task_id="large", operation=step.operation, accepted_at=timezone.now()
    )
    step.save()
    return step


@contextmanager
def _web_server(folder: Path) -> Iterator[tuple[str, int]]:
    """The site behind gunicorn with one worker process: its address and the worker's process id."""
    with listen_on() as listener:
        site, handle = address_of(listener), listener.fileno()
        command = [sys.executable, "-m", "gunicorn", "portal.wsgi", "--bind", f"fd://{handle}", "--threads", "4"]
        with open(folder / "web.log", "ab") as log:
            process = subprocess.Popen(
                command, cwd=engine.ROOT, stdout=log, stderr=subprocess.STDOUT, pass_fds=[handle]
            )
    with process:
        try:
            _wait_for(site + "/healthz")
            yield site, int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
        finally:
            process.terminate()


def _wait_for(url: str) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        with suppress(requests.ConnectionError):
            requests.get(url, timeout=5)
            return
        time.sleep(LOOK_SECONDS)
    raise RuntimeError("The web server did not start.")


def _signed_in() -> requests.Session:
    client = Client()
    client.force_login(people.person("ada"))
    session = requests.Session()
    session.cookies.set(settings.SESSION_COOKIE_NAME, client.cookies[settings.SESSION_COOKIE_NAME].value)
    return session


def _download(session: requests.Session, url: str) -> int:
    """How many bytes came."""
    with session.get(url, stream=True, timeout=60) as response:
        response.raise_for_status()
        return sum(len(piece) for piece in response.iter_content(PIECE))
