"""What somebody may do besides the verbs of tickets: a row for each right. Imports no Django.

A role is the set of rights and verbs whose rows name it. Pages and functions ask for a right, never for a role.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from requests_app.enums import STAFF_ROLES, Role


class Right(Enum):
    """Named by what is done with it; the value stands in the audit log where somebody tried without."""

    SEE_TICKETS = "see tickets"
    WORK_ON_TICKETS = "work on tickets"
    ASSIGN = "assign"
    WRITE_NOTES = "note"
    HANDLE_FILES = "file"
    DOWNLOAD_EXPORTS = "download"
    CHECK_IDENTITY = "identity-check"
    STOP_THE_CLOCK = "clock-ask"
    EXTEND_THE_TIME = "clock-extend"
    WRITE_LETTERS = "letter"
    TELL_RECIPIENTS = "recipient"
    PREPARE_DECISIONS = "preview"
    SEE_APPROVALS = "see approvals"
    PROVE_TICKETS = "proof"
    ERASE_DETAILS = "ticket-erase"
    UNMASK = "ticket-unmask"
    SEE_HOLDS = "see holds"
    HOLD = "hold"
    PAUSE = "pause"
    PAUSE_ALL = "pause all apps"
    SEE_REPORTS = "see reports"
    SEE_AUDIT_LOG = "see audit log"
    REPORT_FROM_AUDIT_LOG = "audit report"
    DESTROY_KEYS = "audit-key-destroy"
    SEE_APPS = "see apps"
    SET_UP_APPS = "app-edit"
    FILL_IN_COVER_SHEETS = "cover sheet"
    CHANGE_LETTERS = "letter template"


@dataclass(frozen=True)
class RightSpec:
    """Who holds a right, and the sentence for everybody else, where that by default is not plain enough.

    What concerns all Stream apps at once is closed to those whose role holds in some of them only.
    """

    roles: frozenset[Role]
    closed_to: str = ""
    concerns_all_apps: bool = False


_CASEWORK = frozenset({Role.AGENT, Role.DPO})
_DPO = frozenset({Role.DPO})
_AUDITOR = frozenset({Role.AUDITOR})
_ADMINISTRATOR = frozenset({Role.ADMINISTRATOR})
_REVIEW = frozenset({Role.DPO, Role.AUDITOR})


def _casework(does: str) -> RightSpec:
    return RightSpec(_CASEWORK, f"Only support agents and data protection officers {does}.")


RIGHTS: Mapping[Right, RightSpec] = MappingProxyType(
    {
        Right.SEE_TICKETS: RightSpec(STAFF_ROLES),
        Right.WORK_ON_TICKETS: _casework("work on tickets"),
        Right.ASSIGN: _casework("assign tickets"),
        Right.WRITE_NOTES: _casework("write notes"),
        Right.HANDLE_FILES: _casework("handle the files of a ticket"),
        Right.DOWNLOAD_EXPORTS: _casework("download exports"),
        Right.CHECK_IDENTITY: _casework("check identities"),
        Right.STOP_THE_CLOCK: _casework("stop the clock and let it go on"),
        Right.EXTEND_THE_TIME: RightSpec(_DPO, "Only a data protection officer extends the time."),
        Right.WRITE_LETTERS: _casework("write letters"),
        Right.TELL_RECIPIENTS: _casework("tell recipients"),
        Right.PREPARE_DECISIONS: RightSpec(_DPO, "Only a data protection officer decides about a request."),
        Right.SEE_APPROVALS: RightSpec(_REVIEW),
        Right.PROVE_TICKETS: RightSpec(_REVIEW),
        Right.ERASE_DETAILS: RightSpec(_DPO, "Only a data protection officer erases the personal data of a ticket."),
        Right.UNMASK: RightSpec(_AUDITOR, "Only auditors have personal data shown with a reason."),
        Right.SEE_HOLDS: RightSpec(_CASEWORK | _AUDITOR),
        Right.HOLD: RightSpec(_DPO, "Only a data protection officer places and lifts legal holds."),
        Right.PAUSE: RightSpec(
            _DPO | _ADMINISTRATOR,
            "Only a data protection officer or an administrator pauses sending and lets it go on.",
        ),
        Right.PAUSE_ALL: RightSpec(
            _DPO | _ADMINISTRATOR,
            "Only a data protection officer or an administrator pauses sending and lets it go on.",
            concerns_all_apps=True,
        ),
        Right.SEE_REPORTS: RightSpec(_REVIEW | _ADMINISTRATOR),
        # One chain holds the entries of all apps and people, and is checked as a whole.
        Right.SEE_AUDIT_LOG: RightSpec(_REVIEW | _ADMINISTRATOR, concerns_all_apps=True),
        Right.REPORT_FROM_AUDIT_LOG: RightSpec(_REVIEW, concerns_all_apps=True),
        Right.DESTROY_KEYS: RightSpec(
            _ADMINISTRATOR, "Only an administrator destroys a yearly key.", concerns_all_apps=True
        ),
        Right.SEE_APPS: RightSpec(_DPO | _ADMINISTRATOR),
        Right.SET_UP_APPS: RightSpec(
            _ADMINISTRATOR, "Only an administrator sets Stream apps up.", concerns_all_apps=True
        ),
        Right.FILL_IN_COVER_SHEETS: RightSpec(
            _DPO | _ADMINISTRATOR,
            "Only a data protection officer or an administrator fills in a cover sheet.",
        ),
        Right.CHANGE_LETTERS: RightSpec(
            _DPO | _ADMINISTRATOR,
            "Only a data protection officer or an administrator changes the texts of letters.",
            concerns_all_apps=True,
        ),
    }
)
