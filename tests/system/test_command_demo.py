"""`manage.py demo`, as somebody at a terminal runs it: it proves the main job, and refuses to be near a real app."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from django.core.management import CommandError, call_command

from portal.sandbox.routes import ROUTES
from requests_app.demo import faults
from requests_app.demo.clock import SILENT_SECONDS, Clock, DemoFailed
from requests_app.demo.places import Places
from requests_app.demo.ports import address_of, listen_on
from requests_app.demo.processes import Processes, end_leftovers
from requests_app.demo.visitor import Visitor
from requests_app.demo.welcome import welcome
from requests_app.stream.errors import UnknownOutcome
from tests.patience import until

ROOT = Path(__file__).resolve().parents[2]
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Each start makes a database and fills it, which takes a busy machine a minute.
pytestmark = [pytest.mark.usefixtures("nothing_outlives_it"), pytest.mark.timeout(400)]


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    """A demo takes them over for as long as its process lives."""
    before = {one: signal.getsignal(one) for one in STOPS}
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "demo", *words],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": "", **environment},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_the_check_does_the_main_job_and_says_so_line_by_line() -> None:
    done = run("--check")

    assert done.returncode == 0, done.stderr
    for words in (
        "export opened and sent to the DPO",
        "export downloaded",
        "erase opened and sent to the DPO",
        "recipients told: 0, the case is closed",
        "carried out on Stream, erased",
        "recipients told: 2, the case is closed",
        "the erased user is gone",
        "bystander's data is untouched",
        "The chain is intact",
    ):
        assert words in done.stdout


@pytest.mark.parametrize("words", [(), ("--check",), ("--reset",)])
def test_it_refuses_to_start_near_a_real_app(words: tuple[str, ...]) -> None:
    done = run(*words, STREAM_API_SECRET="a-real-secret")

    assert done.returncode == 1
    assert "STREAM_API_SECRET is set" in done.stderr
    assert "a-real-secret" not in done.stdout + done.stderr


@pytest.mark.parametrize("port", ["0", "70000", "-1"])
def test_it_refuses_a_port_that_is_none(port: str) -> None:
    done = run("--port", port)

    assert done.returncode == 1
    assert "between 1 and 65535" in done.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        ("{", "is not JSON"),
        pytest.param("[" * 200_000, "is not JSON", id="deep"),
        ("[]", "must be an object"),
        ('{"jobs": {}}', "“jobs” is neither"),
        ('{"calls": {"DeleteUsers": 503}}', "the fault of DeleteUsers must be an object"),
        ('{"calls": {"DeleteUsers": {"eror": 503}}}', "a word that is none: “eror”"),
        ('{"tasks": {"DeleteUsers": {"fate": "explode"}}}', "must be one of fail, hang, vanish, partly"),
        ('{"calls": {"DeleteUserz": {"error": 503}}}', "knows no call “DeleteUserz”"),
        ('{"calls": {"DeleteUsers": {"error": "x"}}}', "“error” of DeleteUsers must be a status from 400 to 599"),
        ('{"calls": {"DeleteUsers": {"rate": 7}}}', "“rate” of DeleteUsers must be a share from 0 to 1"),
        ('{"calls": {"DeleteUsers": {"lose_answer": "yes"}}}', "“lose_answer” of DeleteUsers must be true or false"),
        ('{"calls": {"DeleteUsers": {"latency_ms": "long"}}}', "“latency_ms” of DeleteUsers must be milliseconds"),
        ('{"calls": {"*": {"error": 503, "times": -1}}}', "“times” of . must be a number, 1 or more"),
        ('{"tasks": {"ExportUsers": {"fate": "fail", "users": "ada"}}}', "“users” of ExportUsers must be a list"),
    ],
)
@pytest.mark.parametrize("command", ["demo", "dev"])
def test_it_refuses_faults_that_the_sandbox_would_not_read(
    command: str, content: str | None, words: str, tmp_path: Path, settings: Any
) -> None:
    settings.DEMO_FOLDER = tmp_path / "demo"
    file = tmp_path / "faults.json"
    if content is not None:
        file.write_text(content)

    with pytest.raises(CommandError, match=words):
        call_command(command, faults=file)

    assert not settings.DEMO_FOLDER.exists()


@pytest.mark.parametrize("command", ["demo", "dev"])
def test_it_refuses_faults_without_a_file(command: str) -> None:
    with pytest.raises(CommandError, match="--faults names no file"):
        call_command(command, "--faults=")


def test_the_check_has_no_data_to_throw_away() -> None:
    with pytest.raises(CommandError, match="leave --reset out"):
        call_command("demo", check=True, reset=True)


def test_it_starts_beside_an_installation_with_a_public_name() -> None:
    done = run("--port", "0", ALLOWED_HOSTS="portal.example.org")

    assert "--port must be between" in done.stderr


def test_it_knows_the_calls_that_the_sandbox_knows() -> None:
    assert {operation for _, _, operation, _ in ROUTES} == faults.OPERATIONS


def test_its_first_line_does_not_wait_for_the_settings() -> None:
    done = run("--port", "0", SECRET_KEY="", LOG_LEVEL="LOUD")

    assert done.returncode == 1
    assert "LOG_LEVEL must be one of" in done.stderr
    assert done.stdout == "Starting …\n"


@pytest.mark.parametrize("command", ["demo", "dev"])
def test_two_never_work_in_one_folder(command: str, tmp_path: Path, settings: Any) -> None:
    settings.DEMO_FOLDER = tmp_path / "demo"
    kept = settings.DEMO_FOLDER / "kept"
    kept.parent.mkdir()
    kept.touch()

    with Places(settings.DEMO_FOLDER).held(), pytest.raises(CommandError, match=f"process {os.getpid()}\\) works in"):
        call_command(command, reset=True)

    assert kept.exists()
    with Places(settings.DEMO_FOLDER).held():
        pass


def test_the_sandbox_gets_the_faults_once_it_is_filled(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text('{"calls": {"QueryUsers": {"error": 503}}}')
    places = Places(tmp_path / "demo")
    with Processes(places, task_seconds=0.1, clock=Clock(120, print), faults=file) as running:
        running._start_sandbox(filled=False)
        running._wait_for("sandbox", running.sandbox_url)
        assert running.looker().exists("marie.curie")
        running.begin_faults()
        with pytest.raises(UnknownOutcome):
            running.looker().exists("marie.curie")

    with Processes(places, task_seconds=0.1, clock=Clock(120, print)) as running:
        running._start_sandbox(filled=False)
        running._wait_for("sandbox", running.sandbox_url)
        running.begin_faults()
        assert running.looker().exists("marie.curie"), "those of the run before are over"


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (DemoFailed("DSR-000047 stopped on Stream; see its page."), "DSR-000047 stopped on Stream"),
        (requests.ReadTimeout(), "no answer came (ReadTimeout)"),
    ],
)
def test_it_serves_also_where_an_earlier_run_keeps_the_main_job_from_its_end(
    failure: Exception, words: str, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    did: list[str] = []

    def fails(*_: object) -> None:
        raise failure

    settings.DEMO_FOLDER = tmp_path / "demo"
    monkeypatch.setattr("requests_app.demo.journey.show", fails)
    for name in ("start", "begin_faults", "wait", "check_alive"):
        monkeypatch.setattr(Processes, name, lambda *_, name=name, **__: did.append(name))
    printed = io.StringIO()
    call_command("demo", port=18_100, stdout=printed)

    assert did == ["start", "check_alive", "begin_faults", "wait"]
    assert f"the main job was not shown to its end: {words}" in printed.getvalue()
    assert "make demo-reset" in printed.getvalue()
    assert "The portal is open at" in printed.getvalue()


def test_it_does_not_serve_where_one_of_its_processes_ended(
    tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(running: Processes, **_: object) -> None:
        running._spawn("web", ["-c", "raise SystemExit('no such port')"])
        running._children["web"].wait()

    def fails(*_: object) -> None:
        raise DemoFailed("Nobody answers.")

    settings.DEMO_FOLDER = tmp_path / "demo"
    monkeypatch.setattr(Processes, "start", ends)
    monkeypatch.setattr("requests_app.demo.journey.show", fails)

    with pytest.raises(CommandError, match=r"The web ended with code 1"):
        call_command("demo", port=18_100)


def test_who_asks_again_to_stop_does_not_leave_children_behind(tmp_path: Path) -> None:
    """As somebody does who presses Ctrl-C twice, in a terminal that closes."""
    running = Processes(Places(tmp_path), task_seconds=0.1, clock=Clock(120, print))
    slow = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.5), exit(0))); "
    slow += "print('on', flush=True); signal.pause()"
    log = running.places.log_of("worker")

    def asked_twice() -> None:
        with running:
            running._spawn("worker", ["-c", slow])
            until(lambda: log.read_text() == "on\n", seconds=60, what="the child")
            again = threading.Timer(0.1, lambda: [os.kill(os.getpid(), stop) for stop in STOPS])
            again.start()
            os.kill(os.getpid(), signal.SIGINT)
            signal.pause()

    with pytest.raises(KeyboardInterrupt):
        asked_twice()

    assert not running.places.pid_file_of("worker").exists()
    assert all(signal.getsignal(stop) is signal.default_int_handler for stop in STOPS)


@pytest.mark.parametrize("end", STOPS)
def test_a_stop_from_outside_or_a_terminal_that_closes_ends_the_children(tmp_path: Path, end: int) -> None:
    running = Processes(Places(tmp_path), task_seconds=0.1, clock=Clock(120, print))

    def told_to_stop() -> None:
        with running:
            running._start_sandbox(filled=False)
            running._wait_for("sandbox", running.sandbox_url)
            os.kill(os.getpid(), end)
            signal.pause()

    with pytest.raises(KeyboardInterrupt):
        told_to_stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(running.sandbox_url, timeout=1)


def test_what_a_killed_demo_leaves_is_ended_by_the_next(tmp_path: Path) -> None:
    places = Places(tmp_path)
    killed = Processes(places, task_seconds=0.1, clock=Clock(120, print))
    killed._start_sandbox(filled=False)
    killed._wait_for("sandbox", killed.sandbox_url)
    # Another process has the number that a file still names: it is nobody's to end.
    stranger = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True)
    places.pid_file_of("web").write_text(str(stranger.pid))

    end_leftovers(places)

    with pytest.raises(requests.ConnectionError):
        requests.get(killed.sandbox_url, timeout=1)
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()
    killed.stop()


def test_whoever_waits_reads_what_for() -> None:
    lines: list[str] = []
    clock = Clock(60, lines.append)

    clock.tell_waiting("the moon")
    assert lines == []
    clock._told -= SILENT_SECONDS
    clock.tell_waiting("the moon")
    clock.tell_waiting("the moon")

    assert len(lines) == 1
    assert lines[0].endswith("… waiting for the moon")


def test_a_command_that_fails_says_why_and_leaves_nothing_running(tmp_path: Path) -> None:
    running = Processes(Places(tmp_path), task_seconds=0.1, clock=Clock(120, print))
    try:
        with pytest.raises(DemoFailed, match=r"manage\.py no_such_command failed: Unknown command"):
            running.manage("no_such_command")
        running.clock = Clock(0, print)
        with pytest.raises(DemoFailed, match=r"Waited in vain for manage\.py supervise"):
            running.manage("supervise")
    finally:
        running.stop()


def test_a_failure_ends_with_its_reason(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: object) -> None:
        raise DemoFailed("A bystander's data changed.")

    monkeypatch.setattr("requests_app.demo.processes.Processes.start", lambda *args, **kwargs: None)
    monkeypatch.setattr("requests_app.demo.journey.check", fails)
    with pytest.raises(CommandError, match="bystander"):
        call_command("demo", check=True)


def test_it_serves_keeps_its_data_and_stops_everything(tmp_path: Path) -> None:
    """Twice over the same folder: the second start finds the people and tickets of the first."""
    lines: list[str] = []
    for _ in range(2):
        clock = Clock(180, lines.append)
        with Processes(Places(tmp_path), task_seconds=0.1, clock=clock) as running:
            running.start(filled=True)
            visitor = Visitor(running.portal_url, "ana")
            assert "DSR-000001" in visitor.page("/tickets/?view=waiting")
            assert running.manage("setup_demo").startswith("The demo is filled already")
            url = running.portal_url
        with pytest.raises(requests.ConnectionError):
            requests.get(url, timeout=1)
    assert any("worker and web server: started" in line for line in lines)
    Places(tmp_path).clear()
    assert not tmp_path.exists()


def test_it_tells_which_child_ended(tmp_path: Path) -> None:
    with Processes(Places(tmp_path), task_seconds=0.1, clock=Clock(120, print)) as running:
        running._spawn("web", ["-c", "raise SystemExit('no such port')"])
        running._children["web"].wait()
        with pytest.raises(DemoFailed, match=r"web ended with code 1\. It said: no such port"):
            running.check_alive()


@pytest.mark.parametrize(("port", "url"), [(80, "http://127.0.0.1"), (8000, "http://127.0.0.1:8000")])
def test_its_address_is_what_a_browser_sends_as_its_origin(port: int, url: str) -> None:
    class Listener(socket.socket):
        def getsockname(self) -> tuple[str, int]:
            return "127.0.0.1", port

    with Listener() as listener:
        assert address_of(listener) == url


def test_it_takes_the_next_free_port() -> None:
    with listen_on(18_000) as first, listen_on(18_000) as second:
        assert first.getsockname()[1] < second.getsockname()[1]


def test_nobody_else_gets_its_ports_before_its_servers_start(tmp_path: Path) -> None:
    running = Processes(Places(tmp_path), task_seconds=0.1, clock=Clock(120, print))
    try:
        for url in (running.portal_url, running.sandbox_url):
            port = int(url.rpartition(":")[2])
            with pytest.raises(OSError, match="in use"):
                socket.create_server(("127.0.0.1", port))
            with listen_on(port) as other:
                assert address_of(other) != url
    finally:
        running.stop()


def test_waiting_has_an_end() -> None:
    clock = Clock(0, print)

    with pytest.raises(DemoFailed, match="Waited in vain for the moon"):
        clock.rest("the moon")
    with pytest.raises(DemoFailed, match="longer than 0 s"):
        clock.left()


def test_the_welcome_names_address_and_sign_ins() -> None:
    words = welcome("http://127.0.0.1:8000")

    for part in ("http://127.0.0.1:8000", "ana", "mara", "elif", "ruth", "demo-portal-2026", "Ctrl-C"):
        assert part in words
