"""With REDIS_URL doorbell and cache go through Redis, and what is rolled back rings nowhere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.machine import missing

ROOT = Path(__file__).resolve().parents[2]
QUEUE = "django_q:portal:q"
APPROVE = """
from django.core.cache import cache
from django.db import transaction
from requests_app import queue
cache.set("seen", "yes")
with transaction.atomic():
    queue.ring(41)
    print("waiting inside:", length())
print("waiting after:", length())
try:
    with transaction.atomic():
        queue.ring(42)
        raise KeyError
except KeyError:
    pass
print("waiting after a rollback:", length())
print("cache:", cache.get("seen"))
"""


@pytest.fixture
def url() -> Iterator[str]:
    address = os.environ.get("TEST_REDIS_URL", "")
    if not address:
        missing("redis")
    server = redis.Redis.from_url(address)
    server.flushdb()
    yield address
    server.flushdb()
    server.close()


def test_the_doorbell_rings_once_what_it_tells_of_is_durable(url: str, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PORTAL_PROFILE": "demo",
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "DATABASE_URL": f"sqlite:///{tmp_path}/portal.sqlite3",
        "REDIS_URL": url,
        "LOG_LEVEL": "ERROR",
    }
    count = f"import redis\nserver = redis.Redis.from_url({url!r})\nlength = lambda: server.llen({QUEUE!r})\n"

    def manage(*words: str) -> str:
        return subprocess.run(
            [sys.executable, "manage.py", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        ).stdout

    manage("migrate", "--verbosity", "0")
    said = manage("shell", "--no-imports", "-c", count + APPROVE)

    assert said.splitlines() == [
        "waiting inside: 0",
        "waiting after: 1",
        "waiting after a rollback: 1",
        "cache: yes",
    ]
