"""Tables, constraints and querysets."""

from requests_app.models.app import AppHealth, Budget, Heartbeat, StreamApp
from requests_app.models.app_role import AppRole
from requests_app.models.attachment import Attachment
from requests_app.models.audit_checkpoint import AuditCheckpoint, AuditNode, AuditWitness
from requests_app.models.audit_entry import AuditEntry, AuditText
from requests_app.models.clock import ClockPause, Extension
from requests_app.models.cover_sheet import CoverSheet
from requests_app.models.form_draft import FormDraft
from requests_app.models.hold import LegalHold
from requests_app.models.identity import IdentityCheck
from requests_app.models.kind_result import KindResult
from requests_app.models.letter import Letter, LetterTemplate
from requests_app.models.mail import Mail, MailAttempt
from requests_app.models.mention import Mention
from requests_app.models.pause import Pause
from requests_app.models.presence import Presence
from requests_app.models.preview import Preview
from requests_app.models.profile import Profile
from requests_app.models.recipient import Informing, Recipient
from requests_app.models.reminder import Reminder
from requests_app.models.saved_view import SavedView
from requests_app.models.step import Attempt, Step, StreamTask
from requests_app.models.ticket import Account, Contribution, Decision, Note, Ticket
from requests_app.models.ticket_key import TicketKey
from requests_app.models.upload import Upload, UploadedRow
from requests_app.models.verdict import Verdict

__all__ = [
    "Account",
    "AppHealth",
    "AppRole",
    "Attachment",
    "Attempt",
    "AuditCheckpoint",
    "AuditEntry",
    "AuditNode",
    "AuditText",
    "AuditWitness",
    "Budget",
    "ClockPause",
    "Contribution",
    "CoverSheet",
    "Decision",
    "Extension",
    "FormDraft",
    "Heartbeat",
    "IdentityCheck",
    "Informing",
    "KindResult",
    "LegalHold",
    "Letter",
    "LetterTemplate",
    "Mail",
    "MailAttempt",
    "Mention",
    "Note",
    "Pause",
    "Presence",
    "Preview",
    "Profile",
    "Recipient",
    "Reminder",
    "SavedView",
    "Step",
    "StreamApp",
    "StreamTask",
    "Ticket",
    "TicketKey",
    "Upload",
    "UploadedRow",
    "Verdict",
]
