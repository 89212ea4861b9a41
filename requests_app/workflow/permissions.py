"""Who may do what: roles, verbs and pages as data. Imports no Django.

`check_may` raises with a sentence fit for staff, `may` answers the same question; whether the state of a
ticket allows a verb stands in `verbs.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from requests_app.audit.actor import Actor
from requests_app.enums import STAFF_ROLES, Role, Verb
from requests_app.workflow.verbs import VERBS

ROLE_VERBS: Mapping[Role, frozenset[Verb]] = MappingProxyType(
    {role: frozenset(verb for verb, spec in VERBS.items() if role in spec.roles) for role in Role}
)

_EVERYBODY = STAFF_ROLES
_CASEWORK = frozenset({Role.AGENT, Role.DPO})
_DPO = frozenset({Role.DPO})
_AUDITOR = frozenset({Role.AUDITOR})
_ADMINISTRATOR = frozenset({Role.ADMINISTRATOR})
_BRAKE = _DPO | _ADMINISTRATOR

WHO_CHECKS = "Only support agents and data protection officers check identities."
WHO_EXTENDS = "Only a data protection officer extends the time."
WHO_ASKS = "Only support agents and data protection officers stop the clock and let it go on."
WHO_HOLDS = "Only a data protection officer places and lifts legal holds."
WHO_COVERS = "Only a data protection officer or an administrator fills in a cover sheet."
WHO_SETS_UP = "Only an administrator sets Stream apps up."
WHO_PAUSES = "Only a data protection officer or an administrator pauses sending and lets it go on."

# URL name -> roles that may open it, by whatever method. A URL without a row here is closed to all.
PAGE_ROLES: Mapping[str, frozenset[Role]] = MappingProxyType(
    {
        **{spec.page: spec.roles for spec in VERBS.values() if spec.page},
        # In a cooling-off everybody may; the verb itself asks who and when.
        VERBS[Verb.CANCEL].page: _EVERYBODY,
        "my-work": _EVERYBODY,
        "profile": _EVERYBODY,
        "ticket-list": _EVERYBODY,
        "ticket-detail": _EVERYBODY,
        "ticket-progress": _EVERYBODY,
        "ticket-csv": _EVERYBODY,
        "ticket-bulk": _CASEWORK,
        "view-save": _EVERYBODY,
        "view-remove": _EVERYBODY,
        "ticket-assign": _CASEWORK,
        "ticket-plan": _CASEWORK,
        "ticket-look-up": _CASEWORK,
        "ticket-keep": _CASEWORK,
        "ticket-forget": _CASEWORK,
        "import-new": _CASEWORK,
        "import-template": _CASEWORK,
        "import-detail": _CASEWORK,
        "import-confirm": _CASEWORK,
        "import-discard": _CASEWORK,
        "import-problems": _CASEWORK,
        "ticket-note": _CASEWORK,
        "ticket-attach": _CASEWORK,
        "attachment-download": _CASEWORK,
        "attachment-remove": _CASEWORK,
        "identity-check": _CASEWORK,
        "clock-extend": _DPO,
        "clock-ask": _CASEWORK,
        "clock-answer": _CASEWORK,
        "ticket-refuse-parts": _DPO,
        "letter-new": _CASEWORK,
        "letter-send": _CASEWORK,
        "letter-by-hand": _CASEWORK,
        "recipient-answer": _CASEWORK,
        "letter-template-list": _BRAKE,
        "letter-template": _BRAKE,
        "app-recipients": _ADMINISTRATOR,
        "ticket-preview": _DPO,
        "ticket-erase": _DPO,
        "ticket-unmask": _AUDITOR,
        "ticket-mask": _AUDITOR,
        "step-download": _CASEWORK,
        "ticket-proof": frozenset({Role.DPO, Role.AUDITOR}),
        "approval-list": frozenset({Role.DPO, Role.AUDITOR}),
        "stream-task-list": _EVERYBODY,
        "hold-list": frozenset({Role.AGENT, Role.DPO, Role.AUDITOR}),
        "hold-place": _DPO,
        "hold-lift": _DPO,
        "sending": _EVERYBODY,
        "sending-pause": _BRAKE,
        "sending-lift": _BRAKE,
        "report": frozenset({Role.DPO, Role.AUDITOR, Role.ADMINISTRATOR}),
        "report-csv": frozenset({Role.DPO, Role.AUDITOR, Role.ADMINISTRATOR}),
        "audit-list": frozenset({Role.DPO, Role.AUDITOR, Role.ADMINISTRATOR}),
        "audit-person": _DPO | _AUDITOR,
        "audit-report": _DPO | _AUDITOR,
        "audit-report-csv": _DPO | _AUDITOR,
        "audit-report-proof": _DPO | _AUDITOR,
        "audit-checkpoint": frozenset({Role.DPO, Role.AUDITOR, Role.ADMINISTRATOR}),
        "audit-check": frozenset({Role.DPO, Role.AUDITOR, Role.ADMINISTRATOR}),
        "app-list": frozenset({Role.DPO, Role.ADMINISTRATOR}),
        "app-new": _ADMINISTRATOR,
        "app-edit": _ADMINISTRATOR,
        "app-safeguards": _ADMINISTRATOR,
        "app-test": _ADMINISTRATOR,
        "app-cover-sheet": _BRAKE,
        "app-cover-sheet-version": _BRAKE,
        "ticket-cover-sheet": _EVERYBODY,
        "styleguide": _ADMINISTRATOR,
    }
)


class NotPermitted(Exception):
    """The person may not do this, whatever the state of the ticket. The text is fit for staff."""


def check_may(actor: Actor, verb: Verb, *, cooling_off: bool = False) -> None:
    """Raise `NotPermitted` where the role of the actor does not hold the verb.

    In a cooling-off everybody who sees the ticket may cancel it: it is the last chance to notice a mistake.
    """
    if may(actor, verb, cooling_off=cooling_off):
        return
    if actor.role is None:
        raise NotPermitted("You have no role in the portal yet. Ask an administrator for one.")
    raise NotPermitted(VERBS[verb].closed_to or f"{actor.role.label}s cannot do this: {verb.label}.")


def may(actor: Actor, verb: Verb, *, cooling_off: bool = False) -> bool:
    """Whether the role of the actor holds the verb."""
    if cooling_off and verb is Verb.CANCEL and actor.role in STAFF_ROLES:
        return True
    return actor.role is not None and verb in ROLE_VERBS[actor.role]


def may_open(role: Role | None, page: str) -> bool:
    """Whether somebody in this role may open the page of that URL name."""
    return role in PAGE_ROLES.get(page, frozenset())


def sees_drafts(role: Role | None) -> bool:
    """Drafts are casework in progress: whoever only reviews does not see them."""
    return role in _CASEWORK


def sees_personal_data(role: Role | None) -> bool:
    """Who works on tickets sees whose data they are about; everybody else sees them masked (Art. 25 GDPR)."""
    return role in _CASEWORK
