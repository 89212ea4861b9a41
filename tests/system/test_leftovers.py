"""What tests leave behind is named and fails their run, and no process outlives them, whatever dies."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from tests import databases, leftovers, processes
from tests.databases import SERVER
from tests.machine import missing
from tests.own_portal import ROOT, own_database
from tests.patience import until

linux_only = pytest.mark.skipif(not processes.LINUX, reason="Processes are seen in /proc alone.")
CONFTEST = """
from pathlib import Path
from tests import databases, leftovers, processes

processes.GRACE_SECONDS = 1.0

def pytest_configure(config):
    leftovers.look_for_them(config, Path(__file__).parent / "var")
"""
# A child in a session of its own, as a killed supervisor leaves it: its parent has ended already.
ORPHAN = """
import subprocess, sys, time
from pathlib import Path

HERE = Path(__file__).parent

def orphan():
    code = "import subprocess, sys; print(subprocess.Popen(['sleep', '600'], start_new_session=True, stdout=2).pid)"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    (HERE / "part").write_text(done.stdout)
    (HERE / "part").rename(HERE / "pid")
"""


def alive(pid: int) -> bool:
    return pid in processes.running()


def left_by(run: int) -> list[Path]:
    """The folder for temporary files of a run that is told by its number."""
    return list(Path(tempfile.gettempdir()).glob(f"{leftovers.TEMPORARY}{run}-*"))


def written(folder: Path, *body: str) -> list[str]:
    """A folder with one test; returns the command that runs it and nothing else."""
    (folder / "conftest.py").write_text(CONFTEST)
    lines = "".join(f"    {line}\n" for line in body)
    (folder / "test_it.py").write_text(f"{ORPHAN}\ndef test_it():\n{lines}")
    (folder / "pytest.ini").write_text("[pytest]\n")
    return [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        str(folder / "pytest.ini"),
        str(folder),
    ]


def environment(folder: Path) -> dict[str, str]:
    """Servers are left out: what another worker has there at the moment is none of this run's business."""
    servers = {"TEST_DATABASE_URL": "", "TEST_REDIS_URL": ""}
    # A pytest that starts takes everybody's rights to the folder of all runs away, which others need at the moment.
    own = {"PYTHONPATH": str(ROOT), "PYTEST_DEBUG_TEMPROOT": str(folder)}
    foreign = {name for name in os.environ if name.startswith(("PYTEST_XDIST", "PYTEST_ADDOPTS", "DJANGO_"))}
    kept = {name: value for name, value in os.environ.items() if name not in foreign}
    return {**kept, **servers, **own}


def run(command: list[str], *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, *options],
        env=environment(Path(command[-1])),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@contextmanager
def started(command: list[str], *options: str) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(
        [*command, *options], env=environment(Path(command[-1])), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def test_a_run_that_leaves_nothing_is_none_the_worse(tmp_path: Path) -> None:
    done = run(written(tmp_path, "subprocess.run(['true'])"))

    assert done.returncode == 0, done.stdout + done.stderr
    assert "left behind" not in done.stdout


@linux_only
@pytest.mark.parametrize("options", [("-n", "0"), ("-n", "1")], ids=["alone", "with workers"])
def test_a_process_that_is_left_fails_the_run_and_is_ended(tmp_path: Path, options: tuple[str, ...]) -> None:
    done = run(written(tmp_path, "orphan()"), *options)

    pid = int((tmp_path / "pid").read_text())
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert f"left behind: process {pid}: sleep 600" in done.stdout
    assert not alive(pid)


@linux_only
def test_a_process_that_gave_up_its_environment_is_seen_too(tmp_path: Path) -> None:
    done = run(written(tmp_path, "subprocess.Popen(['env', '-i', 'sleep', '600'])"), "-n", "1")

    assert done.returncode == 1, done.stdout + done.stderr
    assert "sleep 600" in done.stdout


@linux_only
def test_a_process_that_is_about_to_end_is_waited_for(tmp_path: Path) -> None:
    done = run(written(tmp_path, "subprocess.Popen(['sleep', '0.5'])"))

    assert done.returncode == 0, done.stdout + done.stderr


@linux_only
@pytest.mark.parametrize("options", [("-n", "0"), ("-n", "1")], ids=["alone", "with workers"])
def test_nothing_outlives_a_run_that_was_killed(tmp_path: Path, options: tuple[str, ...]) -> None:
    with started(written(tmp_path, "orphan()", "time.sleep(600)"), *options) as pytest_itself:
        until((tmp_path / "pid").exists, seconds=30, what="the test to start its process")
        pid = int((tmp_path / "pid").read_text())
        below = [process.pid for process in processes.below(pytest_itself.pid)]
        assert pid in below
        assert left_by(pytest_itself.pid)
        pytest_itself.kill()
        pytest_itself.wait()

        until(lambda: not any(map(alive, below)), seconds=20, what="everything that the run started to end")
        until(lambda: not left_by(pytest_itself.pid), seconds=20, what="its temporary files to go")


@linux_only
def test_nothing_outlives_a_worker_that_was_killed(tmp_path: Path) -> None:
    body = ("import os", "orphan()", "os.kill(os.getpid(), 9)")
    done = run(written(tmp_path, *body), "-n", "1", "--max-worker-restart", "0")

    pid = int((tmp_path / "pid").read_text())
    assert done.returncode == 1, done.stdout + done.stderr
    assert "crashed" in done.stdout
    assert not alive(pid)


def test_a_temporary_folder_that_is_left_fails_the_run(tmp_path: Path) -> None:
    done = run(written(tmp_path, "import tempfile", "tempfile.mkdtemp(prefix='sandbox-')"), "-n", "1")

    assert done.returncode == 1, done.stdout + done.stderr
    assert "left behind: temporary" in done.stdout
    assert "/sandbox-" in done.stdout


def test_a_stored_file_and_a_database_file_that_are_left_fail_the_run(tmp_path: Path) -> None:
    (tmp_path / "var" / "test-files").mkdir(parents=True)
    (tmp_path / "var" / "test-files" / "old").touch()
    files = ("test-files/sealed", "test-run.sqlite3")
    done = run(written(tmp_path, *(f"(HERE / 'var' / '{name}').touch()" for name in files)))

    assert done.returncode == 1, done.stdout + done.stderr
    assert sorted(line for line in done.stdout.splitlines() if line.startswith("left behind")) == [
        f"left behind: file {tmp_path}/var/{name}" for name in files
    ]


@pytest.mark.skipif(not SERVER, reason="of PostgreSQL; the suite runs on it as well")
def test_a_database_that_is_left_is_named(tmp_path: Path) -> None:
    mark = os.environ[processes.VARIABLE]
    with own_database(tmp_path) as url:
        name = urlsplit(url).path.lstrip("/")
        assert f"database {name}" in leftovers.left_databases(SERVER, mark)
        # A run that goes on beside this one is none of its business.
        assert leftovers.left_databases(SERVER, processes.nested_mark()) == set()
    assert f"database {name}" not in leftovers.left_databases(SERVER, mark)


@pytest.mark.skipif(not SERVER, reason="of PostgreSQL; the suite runs on it as well")
def test_a_killed_run_takes_its_databases_along() -> None:
    mark = processes.nested_mark()
    name, other = f"{databases.prefix(mark)}gw0", f"{databases.prefix(processes.nested_mark())}gw0"
    for made in (name, other):
        databases.create(made)
    script = f"import os, signal; from tests.end_with_parent import start; start('{mark}', None)"
    subprocess.run([sys.executable, "-c", f"{script}; os.kill(os.getpid(), signal.SIGKILL)"], cwd=ROOT, check=False)

    until(lambda: not databases.named(SERVER, mark), seconds=30, what="the database to be dropped")
    assert databases.named(SERVER, "") >= {other}
    databases.drop(other)


@pytest.fixture
def broker() -> Iterator[redis.Redis]:
    url = os.environ.get("TEST_REDIS_URL", "")
    if not url:
        missing("redis")
    with redis.Redis.from_url(url) as server:
        yield server


def test_a_key_that_is_left_is_named(broker: redis.Redis) -> None:
    name = f"left-{secrets.token_hex(4)}"
    broker.set(name, "1")
    try:
        assert f"Redis key {name}" in leftovers.keys(os.environ["TEST_REDIS_URL"])
    finally:
        broker.delete(name)


def test_servers_that_stop_answering_are_not_called_clean() -> None:
    nobody = "127.0.0.1:1"

    assert leftovers.keys(f"redis://{nobody}/0")
    assert leftovers.left_databases(f"postgres://portal@{nobody}/portal", "mark")


@linux_only
def test_what_a_killed_parent_leaves_ends_with_its_mark() -> None:
    mark = processes.nested_mark()
    code = "import subprocess, time; subprocess.Popen(['sleep', '600'], start_new_session=True); time.sleep(600)"
    parent = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, processes.VARIABLE: mark})
    until(lambda: len(processes.carriers(mark)) == 2, seconds=20, what="both processes to run")
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    (orphan,) = processes.carriers(mark)
    assert orphan.parent == os.getpid()

    processes.end(lambda: processes.carriers(mark))

    assert not alive(orphan.pid)
    assert not Path(f"/proc/{orphan.pid}").exists()


@linux_only
def test_marks_are_told_apart_by_their_parts() -> None:
    mark = processes.nested_mark()
    child = subprocess.Popen(["sleep", "600"], env={**os.environ, processes.VARIABLE: f"{mark}0"})
    try:
        assert processes.carriers(mark) == []
        assert [process.pid for process in processes.carriers(f"{mark}0")] == [child.pid]
        assert child.pid in {process.pid for process in processes.carriers(os.environ[processes.VARIABLE])}
    finally:
        child.kill()
        child.wait()


@linux_only
def test_a_test_that_leaves_a_process_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.2)
    child = None
    with pytest.raises(AssertionError, match="sleep 600"), processes.ended_with_it():
        child = subprocess.Popen(["sleep", "600"])

    assert child is not None
    assert child.wait(timeout=1) in {0, -signal.SIGKILL}


@linux_only
def test_what_ran_before_a_test_is_none_of_its_doing() -> None:
    """A browser that several tests share starts processes in the middle of one."""
    code = "import subprocess; input(); subprocess.Popen(['sleep', '600']); print('started', flush=True); input()"
    shared = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert shared.stdin
    assert shared.stdout
    try:
        with processes.ended_with_it():
            shared.stdin.write(b"\n")
            shared.stdin.flush()
            assert shared.stdout.readline() == b"started\n"
            (child,) = processes.below(shared.pid)
        assert alive(child.pid)
    finally:
        os.kill(child.pid, signal.SIGKILL)
        shared.communicate()
