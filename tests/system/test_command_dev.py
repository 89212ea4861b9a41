"""`manage.py dev`: the demo's data under Django's own server, and a worker that follows the code."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from django.core.management import CommandError, call_command

from requests_app.demo import unloadable
from requests_app.demo.clock import Clock
from requests_app.demo.development import Development
from requests_app.demo.places import Places
from requests_app.demo.ports import listen_on
from requests_app.demo.sources import Sources
from requests_app.demo.welcome import welcome_to_develop
from tests.patience import until

# The database is made and filled anew, which takes a busy machine more than a minute.
START_SECONDS = 170
pytestmark = pytest.mark.timeout(START_SECONDS + 60)

ROOT = Path(__file__).resolve().parents[2]
# Starts `manage.py dev` over a folder of the test and follows the sources in another one.
START = """
import sys
from pathlib import Path
import django
django.setup()
from django.conf import settings
from django.core.management import call_command
from requests_app.demo import development
settings.DEMO_FOLDER = Path(sys.argv[1])
development.Development.__init__.__kwdefaults__["watched"] = (Path(sys.argv[2]),)
call_command("dev")
"""


class Started:
    """A running `manage.py dev`."""

    def __init__(self, folder: Path, sources: Path) -> None:
        self.places = Places(folder)
        self.lines: list[str] = []
        environment = {name: value for name, value in os.environ.items() if not name.startswith("STREAM_")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, str(folder), str(sources)],
            cwd=ROOT,
            env={**environment, "PORTAL_PROFILE": "dev", "DJANGO_SETTINGS_MODULE": "portal.settings"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line)

    @property
    def said(self) -> str:
        return "".join(self.lines)

    def says(self, words: str) -> None:
        """Wait for some words; fails where the process ends before."""
        try:
            until(lambda: words in self.said or self.process.poll() is not None, seconds=START_SECONDS, what=words)
        finally:
            assert words in self.said, self.said

    @property
    def url(self) -> str:
        found = re.search(r"open at (\S+)", self.said)
        assert found
        return found[1]

    def worker_pids(self) -> list[int]:
        """The supervisors that run over this folder."""
        return [pid for pid in _pids_of(self.places.folder) if "supervise" in _words(pid)]

    def stop(self) -> None:
        """End it as Ctrl-C does, by another signal: what a shell starts behind it is deaf to that one."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.close()

    def close(self) -> None:
        """Read what is left to read."""
        self._reader.join(10)
        assert self.process.stdout
        self.process.stdout.close()


def _words(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _pids_of(folder: Path) -> list[int]:
    """Every process of this machine whose database lies in the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                variables = (entry / "environ").read_bytes()
            except OSError:
                continue
            if f"{folder}/".encode() in variables:
                found.append(int(entry.name))
    return found


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    sources = tmp_path_factory.mktemp("sources")
    (sources / "watched.py").write_text("")
    return tmp_path_factory.mktemp("dev") / "demo", sources


@pytest.fixture(scope="module")
def dev(folders: tuple[Path, Path]) -> Iterator[Started]:
    started = Started(*folders)
    try:
        started.says("Ctrl-C stops everything")
        yield started
        started.stop()
        assert started.process.returncode == 0, started.said
        assert "Stopped. The data is kept" in started.said
        assert _pids_of(folders[0]) == []
    finally:
        started.process.kill()
        for pid in _pids_of(folders[0]):
            os.kill(pid, signal.SIGKILL)
        started.process.wait()
        started.close()


def test_it_serves_pages_with_the_toolbar_and_explains_what_is_missing(dev: Started) -> None:
    sign_in = requests.get(f"{dev.url}/accounts/login/", timeout=30)
    unknown = requests.get(f"{dev.url}/no-such-page/", timeout=30)

    assert sign_in.status_code == 200
    assert "djDebug" in sign_in.text
    assert "script-src 'self'" in sign_in.headers["Content-Security-Policy"]
    assert requests.get(f"{dev.url}/static/debug_toolbar/css/toolbar.css", timeout=30).status_code == 200
    assert unknown.status_code == 404
    assert "DEBUG = True" in unknown.text
    assert requests.get(dev.url, headers={"Host": "portal.example.org"}, timeout=30).status_code == 400


def test_the_worker_is_replaced_when_a_source_changes(dev: Started, folders: tuple[Path, Path]) -> None:
    before = dev.worker_pids()
    assert len(before) == 1

    (folders[1] / "watched.py").write_text("changed = True\n")
    dev.says("web and worker: started again, since watched.py changed")

    after = dev.worker_pids()
    assert len(after) == 1
    assert after != before
    assert requests.get(f"{dev.url}/healthz", timeout=30).status_code == 200


def test_a_worker_that_ends_over_broken_code_stops_nothing_else(dev: Started, folders: tuple[Path, Path]) -> None:
    os.kill(dev.worker_pids()[0], signal.SIGKILL)
    dev.says("worker: it ended")
    assert requests.get(f"{dev.url}/healthz", timeout=30).status_code == 200

    (folders[1] / "new.py").write_text("")
    dev.says("web and worker: started again, since new.py changed")
    assert len(dev.worker_pids()) == 1


def test_a_server_that_ends_over_broken_code_says_so_to_whoever_asks(dev: Started, folders: tuple[Path, Path]) -> None:
    (web,) = [pid for pid in _pids_of(dev.places.folder) if "dev_server" in _words(pid)]
    with dev.places.log_of("web").open("a") as log:
        log.write("SyntaxError: a view that is none\n")
    os.kill(web, signal.SIGKILL)
    dev.says("web: it ended (SyntaxError: a view that is none)")
    answer = requests.get(f"{dev.url}/healthz", timeout=30)

    assert answer.status_code == 500
    assert "SyntaxError: a view that is none" in answer.text
    assert "The next change of a .py file starts it again" in answer.text

    (folders[1] / "mended.py").write_text("")
    dev.says("web and worker: started again, since mended.py changed")
    assert requests.get(f"{dev.url}/healthz", timeout=30).status_code == 200


def test_who_connects_and_says_nothing_keeps_no_reason_from_others() -> None:
    with listen_on() as listener:
        socket.create_connection(listener.getsockname()).close()
        with socket.create_connection(listener.getsockname()) as asks:
            asks.sendall(b"GET / HTTP/1.1\r\n\r\n")
            unloadable.answer(listener, "SyntaxError")
            said = b"".join(iter(lambda: asks.recv(4096), b""))

    assert said.startswith(b"HTTP/1.1 500 ")
    assert b"It said:\n\nSyntaxError\n" in said


def test_a_database_that_was_moved_away_is_not_taken_for_that_of_the_demo(tmp_path: Path) -> None:
    places = Places(tmp_path)
    places.address_file.write_text("http://127.0.0.1:1")
    sqlite3.connect(places.portal_database).execute("PRAGMA journal_mode=WAL").connection.close()
    done = in_demo("dbshell", folder=tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert f"{places.portal_database}, holds nothing" in done.stderr
    assert "make demo-reset" in done.stderr


def test_the_demo_stays_out_while_it_runs(dev: Started, settings: Any) -> None:
    settings.DEMO_FOLDER = dev.places.folder

    with pytest.raises(CommandError, match=rf"process {dev.process.pid}\) works in"):
        call_command("demo", reset=True)

    assert dev.places.portal_database.exists()


def in_demo(*words: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the data in the folder."""
    code = START.replace('call_command("dev")', f'call_command("in_demo", *{words!r})')
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STREAM_")}
    return subprocess.run(
        [sys.executable, "-c", code, str(folder), str(folder)],
        cwd=ROOT,
        env={**kept, "PORTAL_PROFILE": "dev", "DJANGO_SETTINGS_MODULE": "portal.settings", **environment},
        input="select 'tickets', count(*) from requests_app_ticket;",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_its_shell_opens_the_data_of_the_demo(dev: Started) -> None:
    code = "from requests_app.models import Ticket; print('tickets', Ticket.objects.count())"
    done = in_demo("shell", "-v", "0", "-c", code, folder=dev.places.folder)

    assert done.returncode == 0, done.stderr
    assert re.search(r"tickets 4\d", done.stdout)


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="the program sqlite3 is not installed")
def test_its_database_shell_opens_the_data_of_the_demo(dev: Started) -> None:
    done = in_demo("dbshell", folder=dev.places.folder)

    assert done.returncode == 0, done.stderr
    assert re.search(r"tickets\|4\d", done.stdout)


def test_without_its_program_the_database_shell_names_the_package(dev: Started) -> None:
    done = in_demo("dbshell", folder=dev.places.folder, PATH="/nowhere")

    assert done.returncode == 1
    assert "install the package sqlite3" in done.stderr


def test_without_a_demo_there_is_nothing_to_open(tmp_path: Path) -> None:
    done = in_demo("shell", folder=tmp_path)

    assert done.returncode == 1
    assert "There is no demo yet" in done.stderr


@pytest.mark.parametrize("words", [("dev",), ("in_demo", "shell")])
def test_it_refuses_to_start_near_a_real_app(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": "", "STREAM_API_SECRET": "a-real-secret"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert "STREAM_API_SECRET is set" in done.stderr
    assert "a-real-secret" not in done.stdout + done.stderr


def test_its_server_is_none_for_an_installation() -> None:
    with pytest.raises(CommandError, match="no server for an installation"):
        call_command("dev_server", fd=0)


def test_sources_tell_what_was_written_made_and_removed(tmp_path: Path) -> None:
    old, gone, new = tmp_path / "old.py", tmp_path / "gone.py", tmp_path / "deeper" / "new.py"
    old.touch()
    gone.touch()
    sources = Sources([tmp_path])
    assert sources.changed() == []

    new.parent.mkdir()
    new.touch()
    gone.unlink()
    (tmp_path / "notes.txt").touch()
    os.utime(old, ns=(1, 1))

    assert sources.changed() == [new, gone, old]
    assert sources.changed() == []


def test_it_follows_the_sources_of_site_and_domain(tmp_path: Path) -> None:
    running = Development(Places(tmp_path), task_seconds=1.0, clock=Clock(30, print))
    try:
        seen = {path.relative_to(ROOT).as_posix() for path in running._sources._seen}
    finally:
        running.stop()

    assert {"portal/settings.py", "requests_app/engine/sweep.py"} <= seen


def test_the_welcome_says_what_follows_the_code(tmp_path: Path) -> None:
    words = welcome_to_develop("http://127.0.0.1:8000", tmp_path)

    for part in (
        "http://127.0.0.1:8000",
        "ana",
        "demo-portal-2026",
        "make logs",
        str(tmp_path),
        "make shell",
        "make db",
    ):
        assert part in words
