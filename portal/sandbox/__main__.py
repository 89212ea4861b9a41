"""`python -m portal.sandbox --port 8001 --database FILE --key KEY --secret SECRET --task-seconds 2`"""

from __future__ import annotations

import argparse
import signal
import socket
import sys
import threading

from portal.sandbox.app import Sandbox
from portal.sandbox.call import Config
from portal.sandbox.routes import ROUTES
from portal.sandbox.seed import seed
from portal.sandbox.server import SandboxServer
from portal.sandbox.store import Store


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m portal.sandbox", description="A stand-in for Stream's API.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001, help="0 takes a free one")
    parser.add_argument("--fd", type=int, help="serve on this listening socket, which whoever starts it passes on")
    parser.add_argument("--database", default=":memory:", help="SQLite file that keeps the data")
    parser.add_argument("--key", required=True, help="the API key it accepts")
    parser.add_argument("--secret", required=True, help="the secret that signs its tokens")
    parser.add_argument("--task-seconds", type=float, default=2.0, help="how long a task takes")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="added to every answer")
    parser.add_argument("--delete-users-per-minute", type=int, default=6, help="0 switches the limit off")
    parser.add_argument("--no-limits", action="store_true", help="switches every limit off")
    parser.add_argument(
        "--faults", action="append", help="JSON file with faults on purpose (docs/sandbox.md); may be given again"
    )
    parser.add_argument("--seed", action="store_true", help="fill an empty database with a small community")
    return parser.parse_args()


def main() -> int:
    """Serve until somebody says stop."""
    options = arguments()
    store = Store(options.database)
    if options.seed:
        seed(store)
    limits = {"DeleteUsers": options.delete_users_per_minute}
    if options.no_limits:
        limits = {operation: 0 for _, _, operation, _ in ROUTES}
    config = Config(
        key=options.key,
        secret=options.secret,
        task_seconds=options.task_seconds,
        latency_ms=options.latency_ms,
        limits=limits,
        faults=tuple(options.faults or ()),
    )
    try:
        listener = None if options.fd is None else socket.socket(fileno=options.fd)
        server = SandboxServer(options.host, options.port, Sandbox(store, config), listener=listener)
    except OSError as error:
        place = f"port {options.port}" if options.fd is None else f"file descriptor {options.fd}"
        print(f"The sandbox cannot listen on {place}: {error.strerror}.", file=sys.stderr)
        return 1
    stopped = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopped.set())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"sandbox ready on {server.base_url}", flush=True)
    stopped.wait()
    server.stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
