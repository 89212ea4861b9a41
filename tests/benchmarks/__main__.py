"""`python -m tests.benchmarks --only NAME --scale 0.1`: each benchmark in a process and a database of its own."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks import databases, results
from tests.benchmarks.results import Figure

ROOT = Path(__file__).resolve().parents[2]
# In the order of docs/performance.md, with the databases on which each is run.
BENCHMARKS: dict[str, tuple[str, ...]] = {
    "alone": databases.KINDS,
    "batching": databases.KINDS,
    "limits": ("postgresql",),
    "exports": databases.KINDS,
    "overhead": databases.KINDS,
    "threads": databases.KINDS,
    "growth": databases.KINDS,
    "memory": ("postgresql",),
    "queries": databases.KINDS,
    "pages": databases.KINDS,
    "audit": databases.KINDS,
}
# Only where they are asked for by name: each takes a quarter of an hour.
APART = {"audit", "pages"}
# The portal under measurement knows nothing of the developer's own environment.
FOREIGN = (
    "ALLOWED_HOSTS",
    "AUDIT_KEY",
    "CSRF_TRUSTED_ORIGINS",
    "FIELD_KEY",
    "HTTPS",
    "REDIS_URL",
    "SECRET_KEY",
    "STREAM_API_KEY",
    "STREAM_API_SECRET",
    "STREAM_BASE_URL",
    "TRUSTED_PROXY",
)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", default="", help=f"names, separated by commas: {', '.join(BENCHMARKS)}")
    parser.add_argument("--scale", type=float, default=1.0, help="shrinks or grows every count")
    parser.add_argument("--database", choices=databases.KINDS, help="one database instead of each")
    parser.add_argument("--profile", type=Path, help="folder for what cProfile says of the overhead")
    parser.add_argument("--out", type=Path, default=ROOT / "var" / "bench.json", help="the figures as JSON")
    return parser.parse_args()


def main() -> int:
    """Run what was asked for, print a table and write the figures."""
    options = arguments()
    wanted = [name for name in options.only.split(",") if name] or [name for name in BENCHMARKS if name not in APART]
    if unknown := set(wanted) - set(BENCHMARKS):
        print(f"There is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}.")
        return 2
    machine = results.machine(ROOT)
    failed, figures = False, []
    for name in wanted:
        for kind in BENCHMARKS[name]:
            if options.database not in (None, kind):
                continue
            found = measured(name, kind, scale=options.scale, profile=options.profile)
            failed = failed or not found
            figures += found
            print(results.table(found), flush=True)
            results.write(options.out, machine, options.scale, figures)
    print(f"The figures are in {options.out}.")
    return 1 if failed else 0


def measured(name: str, kind: str, *, scale: float, profile: Path | None) -> list[Figure]:
    """The figures of one benchmark on a fresh database; none where it broke off, which it then says itself."""
    (ROOT / "var").mkdir(exist_ok=True)
    # On the disk of the project: a folder in memory would flatter SQLite.
    with TemporaryDirectory(prefix="bench-", dir=ROOT / "var") as folder, databases.fresh(kind, Path(folder)) as url:
        out = Path(folder) / "figures.json"
        environment = {
            **os.environ,
            **dict.fromkeys(FOREIGN, ""),
            # Each benchmark has a database of its own: none of them is a restored one.
            "WORKER_HEAD_FILE": "off",
            "AUDIT_CHECKPOINT_FILE": "off",
            "AUDIT_VERIFIED_FILE": "off",
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "LOG_LEVEL": "ERROR",
            "PORTAL_PROFILE": "test",
            # Hundreds of tickets get their approval from one person here.
            "DSR_DELETES_PER_HOUR": "0",
        }
        command = [sys.executable, "-m", "tests.benchmarks.child", name, kind, folder, str(scale)]
        if profile:
            command += ["--profile", str(profile.resolve())]
        print(f"{name} on {kind} …", flush=True)
        subprocess.run(command, cwd=ROOT, env=environment, check=False)
        return [Figure(**entry) for entry in json.loads(out.read_text())] if out.exists() else []


if __name__ == "__main__":
    raise SystemExit(main())
