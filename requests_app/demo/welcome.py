"""What the demo prints once it serves."""

from __future__ import annotations

from requests_app.demo.people import PASSWORD

_SHOWN = (
    ("ana", "support agent", "opens requests"),
    ("mara", "data protection officer", "decides"),
    ("elif", "auditor", "reviews the log"),
    ("ruth", "administrator", "sets up Stream apps"),
)


def welcome(url: str) -> str:
    """Address, sign-ins and what to try."""
    lines = ["", f"The portal is open at {url}", "", f"Sign in with the password {PASSWORD} as"]
    lines += [f"  {name:<5} {role}, {what}" for name, role, what in _SHOWN]
    lines += [
        "",
        "Try: as ana, New request, erase c.moreau with user, messages and conversations hard, and send it to the DPO.",
        "     Then as mara (a private window), Approvals: read what will happen, type the id, approve, and watch.",
        "     As elif, Audit log: every step is there; check the chain.",
        "",
        "Ctrl-C stops everything and keeps the data. `make demo-reset` starts over.",
        "",
    ]
    return "\n".join(lines)
