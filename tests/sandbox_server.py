"""The stand-in for Stream on a free port of this machine, for as long as a test needs it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from portal.sandbox.app import Sandbox
from portal.sandbox.call import Config
from portal.sandbox.seed import seed
from portal.sandbox.server import SandboxServer
from portal.sandbox.store import Store
from requests_app.stream.client import StreamClient
from requests_app.stream.credentials import Credentials
from tests.canary import API_KEY, SECRET


@dataclass(frozen=True)
class StandIn:
    """A running sandbox."""

    base_url: str
    key: str
    secret: str
    store: Store
    faults_file: Path

    def calls(self) -> list[dict[str, Any]]:
        """The accepted calls that change something, oldest first."""
        with self.store.lock:
            rows = self.store.rows("SELECT operation, user_ids, body, task_id FROM accepted ORDER BY seq")
        return [{**row, "user_ids": json.loads(row["user_ids"]), "body": json.loads(row["body"])} for row in rows]

    def go_wrong(self, **faults: Any) -> None:
        """Let calls or tasks go wrong from now on (portal/sandbox/faults.py); without faults all is well again."""
        self.faults_file.write_text(json.dumps(faults))

    def client(self) -> StreamClient:
        """A client of one's own, past the portal."""
        return StreamClient(Credentials(self.base_url, self.key, self.secret))


@contextmanager
def running_sandbox(
    *,
    task_seconds: float = 0.0,
    delete_users_per_minute: int = 0,
    latency_ms: float = 0.0,
    seeded: bool = True,
    file: Path | None = None,
) -> Iterator[StandIn]:
    """Start a sandbox with a small community in it, and stop it again; what it keeps goes with it or into `file`."""
    with TemporaryDirectory(prefix="sandbox-") as folder:
        store = Store(str(file or f"{folder}/sandbox.sqlite3"))
        if seeded:
            seed(store)
        faults = Path(folder) / "faults.json"
        config = Config(
            key=API_KEY,
            secret=SECRET,
            task_seconds=task_seconds,
            latency_ms=latency_ms,
            limits={"DeleteUsers": delete_users_per_minute},
            faults=(str(faults),),
        )
        server = SandboxServer("127.0.0.1", 0, Sandbox(store, config))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield StandIn(server.base_url, API_KEY, SECRET, store, faults)
        finally:
            server.stop()
            thread.join()
            with store.lock:
                store.connection.close()
