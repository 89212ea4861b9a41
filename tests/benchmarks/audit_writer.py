"""A process that appends to the audit log as fast as it can: `python -m tests.benchmarks.audit_writer NUMBER COUNT`.

It says `ready`, waits for a line, appends each entry in a transaction of its own, and says how many seconds it took.
"""

from __future__ import annotations

import sys
import time

import django
from django.db import connection, transaction
from django.utils import timezone


def main() -> int:
    """Append so many entries once told to."""
    django.setup()
    from requests_app.audit import log
    from requests_app.audit.actor import worker
    from requests_app.audit_actions import AuditAction

    number, count = int(sys.argv[1]), int(sys.argv[2])
    actor = worker(f"writer-{number}")
    connection.ensure_connection()
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.perf_counter()
    for place in range(count):
        with transaction.atomic():
            log.record(
                AuditAction.READ_BACK,
                actor=actor,
                now=timezone.now(),
                subjects=[log.subject(1, f"user-{place}")],
                facts={"operation": "delete_users", "step": place, "attempt": 1, "outcome": "accepted"},
            )
    print(time.perf_counter() - began, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
