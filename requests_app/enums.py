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
# What the person can be told; what is cancelled was withdrawn.
ANSWERED_STATES = frozenset({State.COMPLETED, State.REFUSED})
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
    APPROVE_FIRST = "approve_first", "Approve as the first of two"
    TAKE_BACK = "take_back", "Take back"
    SEND_BACK = "send_back", "Send back to agent"
    REFUSE = "refuse", "Refuse"
    CANCEL = "cancel", "Cancel"
    BEGIN = "begin", "Begin"
    STOP = "stop", "Stop for attention"
    RETRY = "retry", "Retry"
    REOPEN = "reopen", "Reopen as a draft"
    GIVE_UP = "give_up", "Give up"
    COMPLETE = "complete", "Complete"
    RESTORE = "restore", "Restore"
    ANSWER = "answer", "Close the case"


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
# Before and after these Stream is read: afterwards it must show nothing any more, or show the user again.
READ_BACK_OPERATIONS = DELETE_OPERATIONS | {Operation.RESTORE_USERS}


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
# A call was begun, and what became of it is not known yet.
STEP_IN_FLIGHT = STEP_MOVING - {StepState.PLANNED}


class Wait(Term):
    """What a ticket that the engine works on waits for."""

    WORKER = "worker", "the worker takes it up"
    COOLING_OFF = "cooling_off", "the cooling-off ends"
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
    ERASED_IN_PART = "erased_in_part", "Erased in part"
    EMPTIED = "emptied", "Emptied"
    HIDDEN = "hidden", "Hidden, not erased"
    NOTHING_FOUND = "nothing_found", "Nothing found"
    PARTIAL = "partial", "Partly done"
    NOT_VERIFIED = "not_verified", "Not verified"
    EXPORTED = "exported", "Exported"
    RESTORED = "restored", "Restored"
    REFUSED_BY_STREAM = "refused_by_stream", "Refused by Stream"
    FAILED = "failed", "Failed"


class DataKind(Term):
    """A kind of data as a row of the table of what was reached names it."""

    ACCOUNT = "user", "the user"
    MESSAGES = "messages", "messages"
    CONVERSATIONS = "conversations", "conversations"
    CALLS = "calls", "calls"
    FEEDS_DATA = "feeds_data", "feeds data"
    FILES = "files", "files"
    FEEDS_COPY = "export_feeds_data", "copy of feeds data"
    USER_COPY = "export_user_data", "copy of user data"


class Asked(Term):
    """What the plan asked for of one kind of data. RESTORE: hidden first, and asked back later."""

    NOT_ASKED = "not_asked", "Not asked"
    SOFT = "soft", "Soft"
    PRUNING = "pruning", "Pruning"
    HARD = "hard", "Hard"
    COPY = "copy", "Copy"
    RESTORE = "restore", "Soft, then restore"


class Answer(Term):
    """What Stream answered to the call that asked for one kind of data."""

    NOT_ASKED = "not_asked", "Not asked"
    NOT_SENT = "not_sent", "Nothing was sent"
    NOBODY = "nobody", "Shows nobody by this id"
    REFUSED = "refused", "Refused"
    REFUSED_AT_LAST = "refused_at_last", "Refused, after an earlier try"
    FAILED = "failed", "Task failed"
    UNANSWERED = "unanswered", "No answer, or none that is final"
    ENDED = "ended", "Task ended well"


class Seen(Term):
    """What the portal saw of one kind of data after the last call that Stream took."""

    GONE = "gone", "Not shown any more"
    NOTHING = "nothing", "Nothing was shown before"
    STILL_THERE = "still_there", "Still there"
    HIDDEN = "hidden", "Hidden"
    NOT_COUNTED = "not_counted", "Not counted"
    UNREADABLE = "unreadable", "Could not be read"
    NOT_LOOKED_FOR = "not_looked_for", "Not looked for"
    FILE = "file", "A file to download"
    SHOWN = "shown", "Shown again"


class Reached(Term):
    """What was reached of one kind of data, as far as it was seen."""

    REMOVED = "removed", "Removed"
    EMPTIED = "emptied", "Emptied"
    HIDDEN = "hidden", "Hidden"
    KEPT = "kept", "Kept as planned"
    NOTHING_THERE = "nothing_there", "Nothing there"
    NOT_REACHED = "not_reached", "Not reached"
    NOT_VERIFIED = "not_verified", "Not verified"
    EXPORTED = "exported", "Exported"
    RESTORED = "restored", "Restored"


class Channel(Term):
    """How the request reached the company."""

    EMAIL = "email", "E-mail"
    FORM = "form", "Help-centre form"
    IN_APP = "in_app", "In the app"
    LETTER = "letter", "Letter"
    PHONE = "phone", "Phone"
    OTHER = "other", "Other"


class Purpose(Term):
    """Why a file is on a ticket: what proves who asked is kept for a shorter time than the rest."""

    CASEWORK = "casework", "Casework"
    EVIDENCE = "evidence", "Evidence of identity"
    PROOF = "proof", "Proof of what was done"


class Ground(Term):
    """Grounds for erasure, Art. 17(1) GDPR."""

    NO_LONGER_NECESSARY = "17_1_a", "Art. 17(1)(a): no longer necessary"
    CONSENT_WITHDRAWN = "17_1_b", "Art. 17(1)(b): consent withdrawn"
    OBJECTION = "17_1_c", "Art. 17(1)(c): objection"
    UNLAWFUL = "17_1_d", "Art. 17(1)(d): unlawful processing"
    LEGAL_DUTY = "17_1_e", "Art. 17(1)(e): legal duty to erase"
    CHILD = "17_1_f", "Art. 17(1)(f): data of a child"


class ExtensionGround(Term):
    """Why the time may be extended, Art. 12(3) GDPR: there are no other grounds."""

    COMPLEXITY = "complexity", "Complexity of the request"
    NUMBER = "number", "Number of requests"


class PauseOfClock(Term):
    """What the person was asked while the clock stands. Nothing else stops it: no holiday, no hold, no outage."""

    IDENTITY = "identity", "Who they are (Art. 12(6))"
    CLARIFICATION = "clarification", "What they mean"


class IdentityMethod(Term):
    """How the identity of whoever asks was looked at."""

    SESSION = "session", "Signed in to the app"
    EMAIL_LOOP = "email_loop", "Answered from the known address"
    DOCUMENT = "document", "Document seen"
    CALL_BACK = "call_back", "Called back"
    KNOWN_CONTACT = "known_contact", "Known contact"
    OTHER = "other", "Otherwise"


class IdentityResult(Term):
    """What came of a look at the identity."""

    CONFIRMED = "confirmed", "confirmed"
    MORE = "more", "more was asked"
    NOT_CONFIRMED = "not_confirmed", "not confirmed"


class Refusal(Term):
    """Why a request, or a part of it, is refused. The articles are those of the GDPR."""

    UNFOUNDED = "12_5_unfounded", "Art. 12(5): manifestly unfounded"
    EXCESSIVE = "12_5_excessive", "Art. 12(5): excessive"
    NOT_IDENTIFIABLE = "11_2", "Art. 11(2): the person cannot be identified"
    EXPRESSION = "17_3_a", "Art. 17(3)(a): freedom of expression and information"
    LEGAL_OBLIGATION = "17_3_b", "Art. 17(3)(b): legal obligation or public task"
    PUBLIC_HEALTH = "17_3_c", "Art. 17(3)(c): public health"
    ARCHIVING = "17_3_d", "Art. 17(3)(d): archiving, research or statistics"
    LEGAL_CLAIMS = "17_3_e", "Art. 17(3)(e): legal claims"
    OTHERS_COPY = "15_4", "Art. 15(4): rights of others, copy"
    OTHERS_PORTABILITY = "20_4", "Art. 20(4): rights of others, portability"


class Language(Term):
    """A language that letters are written in."""

    ENGLISH = "en", "English"
    GERMAN = "de", "Deutsch"


class LetterKind(Term):
    """What a letter to the person tells them."""

    RECEIPT = "receipt", "Receipt of the request"
    MORE_INFORMATION = "more_information", "More information is needed"
    EXTENSION = "extension", "The deadline is extended"
    REFUSAL = "refusal", "Refusal"
    PARTIAL = "partial", "Refusal in part"
    DONE = "done", "Done"
    RESTORED = "restored", "Restored"


class MailKind(Term):
    """What a mail of the portal is."""

    LETTER = "letter", "Letter to the person"
    REMINDER = "reminder", "Reminder to staff"


class MailState(Term):
    """Where a mail of the outbox stands. UNKNOWN: it was being handed over when the trace was lost; never sent again
    unless a person says so."""

    WAITING = "waiting", "Waits to be sent"
    SENDING = "sending", "Being sent"
    SENT = "sent", "Sent"
    FAILED = "failed", "Not sent"
    UNKNOWN = "unknown", "Nobody knows whether it went out"


MAIL_DONE = frozenset({MailState.SENT, MailState.FAILED, MailState.UNKNOWN})


class MailError(Term):
    """Why a mail was not sent, in words that never hold an address."""

    UNREACHABLE = "unreachable", "The mail server could not be reached."
    SILENT = "silent", "The mail server did not answer in time."
    BROKE_OFF = "broke_off", "The mail server broke the connection off before it took the mail."
    SIGN_IN = "sign_in", "The mail server did not accept the portal's user name and password."
    LATER = "later", "The mail server asked to try again later."
    REFUSED = "refused", "The mail server refused the mail for good."
    UNFIT = "unfit", "The address or the subject cannot be sent as a mail."
    HELD_UP = "held_up", "The worker was held up for so long that it did not begin."
    LOST = "lost", "The trace was lost while the mail server was taking the mail."
