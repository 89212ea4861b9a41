"""What the demo prints once it serves."""

from __future__ import annotations

from pathlib import Path

from requests_app.demo.people import PASSWORD

_SHOWN = (
    ("ana", "support agent", "opens requests"),
    ("mara", "data protection officer", "decides"),
    ("elif", "auditor", "reviews the log"),
    ("ruth", "administrator", "sets up Stream apps"),
)


def welcome(url: str) -> str:
    """Address, sign-ins and what to try."""
    lines = [
        *_sign_ins(url),
        "",
        "Try: as ana, New request, erase c.moreau with user, messages and conversations hard, and send it to the DPO.",
        "     Then as mara (a private window), Approvals: read what will happen, type the id, approve, and watch.",
        "     As elif, Audit log: every step is there; check the chain.",
        "",
        "Ctrl-C stops everything and keeps the data. `make demo-reset` starts over.",
        "",
    ]
    return "\n".join(lines)


def welcome_to_develop(url: str, folder: Path) -> str:
    """Address, sign-ins and what follows the code."""
    lines = [
        *_sign_ins(url),
        "",
        "Server and worker start again when a .py file changes; templates and static files are read anew. The sandbox",
        f"does not. `make logs` follows {folder}/*.log, `make shell` and `make db` open the data.",
        "Ctrl-C stops everything and keeps the data, which is that of `make demo`.",
        "",
    ]
    return "\n".join(lines)


def _sign_ins(url: str) -> list[str]:
    lines = ["", f"The portal is open at {url}", "", f"Sign in with the password {PASSWORD} as"]
    return lines + [f"  {name:<5} {role}, {what}" for name, role, what in _SHOWN]
