"""Who may do what: roles, verbs, rights and pages as data. Imports no Django.

`check_may` raises with a sentence fit for staff, `may` answers the same question; whether the state of a
ticket allows a verb stands in `verbs.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from requests_app.audit.actor import Actor
from requests_app.enums import STAFF_ROLES, Role, Verb
from requests_app.workflow.rights import RIGHTS, Right
from requests_app.workflow.verbs import VERBS

ROLE_VERBS: Mapping[Role, frozenset[Verb]] = MappingProxyType(
    {role: frozenset(verb for verb, spec in VERBS.items() if role in spec.roles) for role in Role}
)

# Pages by the right that opens them, by whatever method. A URL whose name stands nowhere here is closed to all.
_PAGES: Mapping[Right, tuple[str, ...]] = {
    Right.SEE_TICKETS: (
        "my-work",
        "profile",
        "ticket-list",
        "ticket-detail",
        "ticket-progress",
        "ticket-csv",
        "view-save",
        "view-remove",
        "stream-task-list",
        "sending",
        "ticket-cover-sheet",
    ),
    Right.WORK_ON_TICKETS: (
        "ticket-bulk",
        "ticket-plan",
        "ticket-look-up",
        "ticket-keep",
        "ticket-forget",
        "import-new",
        "import-template",
        "import-detail",
        "import-confirm",
        "import-discard",
        "import-problems",
    ),
    Right.ASSIGN: ("ticket-assign",),
    Right.WRITE_NOTES: ("ticket-note",),
    Right.HANDLE_FILES: ("ticket-attach", "attachment-download", "attachment-remove"),
    Right.DOWNLOAD_EXPORTS: ("step-download",),
    Right.CHECK_IDENTITY: ("identity-check",),
    Right.STOP_THE_CLOCK: ("clock-ask", "clock-answer"),
    Right.EXTEND_THE_TIME: ("clock-extend",),
    Right.WRITE_LETTERS: ("letter-new", "letter-send", "letter-by-hand"),
    Right.TELL_RECIPIENTS: ("recipient-answer",),
    Right.PREPARE_DECISIONS: ("ticket-preview", "ticket-refuse-parts"),
    Right.SEE_APPROVALS: ("approval-list",),
    Right.PROVE_TICKETS: ("ticket-proof",),
    Right.ERASE_DETAILS: ("ticket-erase",),
    Right.UNMASK: ("ticket-unmask", "ticket-mask"),
    Right.SEE_HOLDS: ("hold-list",),
    Right.HOLD: ("hold-place", "hold-lift"),
    Right.PAUSE: ("sending-pause", "sending-lift"),
    Right.SEE_REPORTS: ("report", "report-csv"),
    Right.SEE_AUDIT_LOG: ("audit-list", "audit-checkpoint", "audit-check"),
    Right.REPORT_FROM_AUDIT_LOG: ("audit-person", "audit-report", "audit-report-csv", "audit-report-proof"),
    Right.SEE_APPS: ("app-list",),
    Right.SET_UP_APPS: ("app-new", "app-edit", "app-safeguards", "app-recipients", "app-test", "styleguide"),
    Right.FILL_IN_COVER_SHEETS: ("app-cover-sheet", "app-cover-sheet-version"),
    Right.CHANGE_LETTERS: ("letter-template-list", "letter-template"),
}
PAGE_ROLES: Mapping[str, frozenset[Role]] = MappingProxyType(
    {
        **{page: RIGHTS[right].roles for right, pages in _PAGES.items() for page in pages},
        **{spec.page: spec.roles for spec in VERBS.values() if spec.page},
        # In a cooling-off everybody may; the verb itself asks who and when.
        VERBS[Verb.CANCEL].page: STAFF_ROLES,
    }
)
# Closed to those whose role holds in some apps only.
PAGES_OF_ALL_APPS = frozenset(
    page for right, pages in _PAGES.items() if RIGHTS[right].concerns_all_apps for page in pages
)
NOT_IN_THIS_APP = "Your role does not hold in this Stream app. Ask an administrator if it should."
NOT_IN_ALL_APPS = "Your role holds in some Stream apps only, and this concerns all of them."


class NotPermitted(Exception):
    """The person may not do this, whatever the state of the ticket. The text is fit for staff."""


def check_may(actor: Actor, what: Verb | Right, *, app_id: int | None = None, cooling_off: bool = False) -> None:
    """Raise `NotPermitted` where the role of the actor does not hold the verb or the right, in this app or at all.

    In a cooling-off everybody who sees the ticket may cancel it: it is the last chance to notice a mistake.
    """
    if may(actor, what, app_id=app_id, cooling_off=cooling_off):
        return
    if actor.role is None:
        raise NotPermitted("You have no role in the portal yet. Ask an administrator for one.")
    if may(replace(actor, apps=None), what, cooling_off=cooling_off):
        raise NotPermitted(NOT_IN_ALL_APPS if app_id is None else NOT_IN_THIS_APP)
    spec = VERBS[what] if isinstance(what, Verb) else RIGHTS[what]
    words = what.label if isinstance(what, Verb) else what.value
    raise NotPermitted(spec.closed_to or f"{actor.role.label}s cannot do this: {words}.")


def may(actor: Actor, what: Verb | Right, *, app_id: int | None = None, cooling_off: bool = False) -> bool:
    """Whether the role of the actor holds the verb or the right, in this app where there is one."""
    if app_id is not None and not actor.holds_in(app_id):
        return False
    if isinstance(what, Right):
        return actor.role in RIGHTS[what].roles and (actor.in_all_apps or not RIGHTS[what].concerns_all_apps)
    if cooling_off and what is Verb.CANCEL and actor.role in STAFF_ROLES:
        return True
    return actor.role in VERBS[what].roles


def may_open(actor: Actor, page: str) -> bool:
    """Whether somebody may open the page of that URL name."""
    return actor.role in PAGE_ROLES.get(page, frozenset()) and (actor.in_all_apps or page not in PAGES_OF_ALL_APPS)


def sees_drafts(role: Role | None) -> bool:
    """Drafts are casework in progress: whoever only reviews does not see them."""
    return role in RIGHTS[Right.WORK_ON_TICKETS].roles


def sees_personal_data(role: Role | None) -> bool:
    """Who works on tickets sees whose data they are about; everybody else sees them masked (Art. 25 GDPR)."""
    return role in RIGHTS[Right.WORK_ON_TICKETS].roles
