"""Tables, constraints and querysets."""

from requests_app.models.app import AppHealth, Budget, Heartbeat, StreamApp
from requests_app.models.audit_entry import AuditEntry, AuditText
from requests_app.models.pause import Pause
from requests_app.models.step import Attempt, Step, StreamTask
from requests_app.models.ticket import Account, Contribution, Decision, Note, Ticket

__all__ = [
    "Account",
    "AppHealth",
    "Attempt",
    "AuditEntry",
    "AuditText",
    "Budget",
    "Contribution",
    "Decision",
    "Heartbeat",
    "Note",
    "Pause",
    "Step",
    "StreamApp",
    "StreamTask",
    "Ticket",
]
