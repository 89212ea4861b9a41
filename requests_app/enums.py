"""The closed vocabularies of the portal and named sets of them.

Values are stable: they are stored, hashed into plans and audit entries, and never shown.
Labels are what people read. Imports no Django, so that the pure files may use it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Term(StrEnum):
    """A stored value with the words that people read for it."""

    label: str

    def __new__(cls, value: str, label: str = "") -> Self:
        term = str.__new__(cls, value)
        term._value_ = value
        term.label = label
        return term

    @classmethod
    def choices(cls) -> list[tuple[str, str]]:
        """Pairs of plain strings, as Django's fields want them."""
        return [(term.value, term.label) for term in cls]


class Kind(Term):
    """What the data subject asked for."""

    EXPORT = "export", "Export"
    ERASE = "erase", "Erase"


class Mode(Term):
    """How Stream is asked to treat one kind of data. KEEP is never sent."""

    KEEP = "keep", "Keep"
    SOFT = "soft", "Soft"
    PRUNING = "pruning", "Pruning"
    HARD = "hard", "Hard"


class State(Term):
    """Where a ticket stands in the lifecycle."""

    DRAFT = "draft", "Draft"
    AWAITING_DECISION = "awaiting_decision", "Waiting for DPO"
    SENT_BACK = "sent_back", "Sent back"
    APPROVED = "approved", "Approved"
    RUNNING = "running", "Running on Stream"
    NEEDS_ATTENTION = "needs_attention", "Needs attention"
    COMPLETED = "completed", "Completed"
    REFUSED = "refused", "Refused"
    CANCELLED = "cancelled", "Cancelled"


# A ticket in one of these still holds its (app, Stream user id, kind) for itself.
OPEN_STATES = frozenset(
    {
        State.DRAFT,
        State.AWAITING_DECISION,
        State.SENT_BACK,
        State.APPROVED,
        State.RUNNING,
        State.NEEDS_ATTENTION,
    }
)
CLOSED_STATES = frozenset(State) - OPEN_STATES
# The agent may still change what is asked for.
EDITABLE_STATES = frozenset({State.DRAFT, State.SENT_BACK})
# The engine may send a step of a ticket in one of these, and of no other.
SENDABLE_STATES = frozenset({State.APPROVED, State.RUNNING})


class Verb(Term):
    """What people and the engine do to a ticket. The words are those on the buttons."""

    OPEN = "open", "Open"
    EDIT = "edit", "Edit"
    SUBMIT = "submit", "Send to DPO"
    APPROVE = "approve", "Approve"
    SEND_BACK = "send_back", "Send back to agent"
    REFUSE = "refuse", "Refuse"
    CANCEL = "cancel", "Cancel"
    BEGIN = "begin", "Begin"
    STOP = "stop", "Stop for attention"
    RETRY = "retry", "Retry"
    GIVE_UP = "give_up", "Give up"
    COMPLETE = "complete", "Complete"
    RESTORE = "restore", "Restore"


# Verbs of the engine; no person has a button for them.
ENGINE_VERBS = frozenset({Verb.BEGIN, Verb.STOP, Verb.COMPLETE})


class Role(Term):
    """Who somebody is in the portal. A person has exactly one role (a Django group of this name)."""

    AGENT = "agent", "Support agent"
    DPO = "dpo", "Data protection officer"
    AUDITOR = "auditor", "Auditor"
    ADMINISTRATOR = "administrator", "Administrator"
    WORKER = "worker", "Portal worker"


STAFF_ROLES = frozenset(Role) - {Role.WORKER}


class Operation(Term):
    """One call of Stream's API that a plan can contain."""

    EXPORT_FEEDS_DATA = "export_feeds_data", "Export feeds data"
    EXPORT_USERS = "export_users", "Export user data"
    DELETE_FEEDS_DATA = "delete_feeds_data", "Delete feeds data"
    DELETE_USERS = "delete_users", "Delete user"
    RESTORE_USERS = "restore_users", "Restore user"


EXPORT_OPERATIONS = frozenset({Operation.EXPORT_FEEDS_DATA, Operation.EXPORT_USERS})
DELETE_OPERATIONS = frozenset({Operation.DELETE_FEEDS_DATA, Operation.DELETE_USERS})


class StepState(Term):
    """Where one operation for one account (or account group) stands."""

    PLANNED = "planned", "Planned"
    SENDING = "sending", "Sending"
    UNKNOWN = "unknown", "Checking what happened"
    ON_STREAM = "on_stream", "Running on Stream"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    DROPPED = "dropped", "Not sent"


STEP_MOVING = frozenset({StepState.PLANNED, StepState.SENDING, StepState.UNKNOWN, StepState.ON_STREAM})
STEP_FINAL = frozenset(StepState) - STEP_MOVING


class Wait(Term):
    """What a ticket that the engine works on waits for."""

    WORKER = "worker", "the worker takes it up"
    TURN = "turn", "its turn to be sent"
    PAUSED = "paused", "sending is paused"
    APP = "app", "the Stream app answers again"
    LIMIT = "limit", "Stream's rate limit allows another call"
    AGAIN = "again", "the next try after a failed one"
    ANSWER = "answer", "Stream answers the call"
    CHECK = "check", "a look at what an unanswered call did"
    STREAM = "stream", "Stream finishes its task"
    READ_BACK = "read_back", "a look at what Stream still shows"
    PERSON = "person", "a person looks at it"


class AttemptOutcome(Term):
    """What one call to Stream came to. OPEN: the intent is recorded, no answer yet."""

    OPEN = "open", "Sent, no answer yet"
    ACCEPTED = "accepted", "Accepted"
    NOT_SENT = "not_sent", "Not sent"
    REFUSED = "refused", "Refused by Stream"
    UNKNOWN = "unknown", "Outcome unknown"


class Outcome(Term):
    """What became of an account or a ticket, in the words of the certificate."""

    ERASED = "erased", "Erased"
    HIDDEN = "hidden", "Hidden, not erased"
    NOTHING_FOUND = "nothing_found", "Nothing found"
    PARTIAL = "partial", "Partial"
    EXPORTED = "exported", "Exported"
    RESTORED = "restored", "Restored"
    REFUSED_BY_STREAM = "refused_by_stream", "Refused by Stream"
    FAILED = "failed", "Failed"


class Channel(Term):
    """How the request reached the company."""

    EMAIL = "email", "E-mail"
    FORM = "form", "Help-centre form"
    IN_APP = "in_app", "In the app"
    LETTER = "letter", "Letter"
    PHONE = "phone", "Phone"
    OTHER = "other", "Other"


class Ground(Term):
    """Grounds for erasure, Art. 17(1) GDPR."""

    NO_LONGER_NECESSARY = "17_1_a", "Art. 17(1)(a): no longer necessary"
    CONSENT_WITHDRAWN = "17_1_b", "Art. 17(1)(b): consent withdrawn"
    OBJECTION = "17_1_c", "Art. 17(1)(c): objection"
    UNLAWFUL = "17_1_d", "Art. 17(1)(d): unlawful processing"
    LEGAL_DUTY = "17_1_e", "Art. 17(1)(e): legal duty to erase"
    CHILD = "17_1_f", "Art. 17(1)(f): data of a child"


class AuditAction(Term):
    """What an audit entry records. Verbs of the lifecycle first, then what the engine saw, then access."""

    # lifecycle, one for each verb
    TICKET_OPENED = "ticket.open", "Opened the ticket"
    TICKET_EDITED = "ticket.edit", "Edited the ticket"
    TICKET_SUBMITTED = "ticket.submit", "Sent the ticket to the DPO"
    TICKET_APPROVED = "ticket.approve", "Approved the ticket"
    TICKET_SENT_BACK = "ticket.send_back", "Sent the ticket back"
    TICKET_REFUSED = "ticket.refuse", "Refused the request"
    TICKET_CANCELLED = "ticket.cancel", "Cancelled the ticket"
    TICKET_BEGUN = "ticket.begin", "Started on Stream"
    TICKET_STOPPED = "ticket.stop", "Stopped: a person must look"
    TICKET_RETRIED = "ticket.retry", "Retried"
    TICKET_GIVEN_UP = "ticket.give_up", "Gave up"
    TICKET_COMPLETED = "ticket.complete", "Completed the ticket"
    TICKET_RESTORED = "ticket.restore", "Asked Stream to restore the user"
    NOTE_ADDED = "note.add", "Added a note"
    # calls to Stream
    CALL_INTENDED = "call.intend", "About to call Stream"
    CALL_ANSWERED = "call.answer", "Stream answered"
    CALL_RECONCILED = "call.reconcile", "Checked on Stream what an unanswered call did"
    STREAM_TASK_FINISHED = "stream_task.finish", "Stream finished its task"
    READ_BACK = "read_back", "Read back what Stream still shows"
    SENDING_PAUSED = "sending.pause", "Paused sending"
    SENDING_LIFTED = "sending.lift", "Let sending go on"
    DATABASE_RESTORED = "database.restored", "Noticed that the database was restored"
    # access
    TICKET_READ = "ticket.read", "Read the ticket"
    PACKAGE_DOWNLOADED = "package.download", "Downloaded the export"
    AUDIT_READ = "audit.read", "Searched the audit log"
    AUDIT_CHECKED = "audit.check", "Checked the audit chain"
    ATTEMPT_REFUSED = "attempt.refuse", "Tried something not permitted"
    SIGNED_IN = "session.sign_in", "Signed in"
    SIGNED_OUT = "session.sign_out", "Signed out"
    SIGN_IN_FAILED = "session.sign_in_failed", "Failed to sign in"
    # set-up
    APP_SAVED = "app.save", "Saved a Stream app"
    APP_TESTED = "app.test", "Tested the connection to Stream"
    STAFF_SAVED = "staff.save", "Saved a staff member"
