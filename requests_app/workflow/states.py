"""The lifecycle as one table: from which state which verb leads where. Imports no Django.

Everything else reads it: the transitions, the buttons, the diagram in docs/states.md and the test that
walks every cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from requests_app.audit_actions import AuditAction
from requests_app.enums import State, Verb

TRANSITIONS: Mapping[tuple[State | None, Verb], State] = MappingProxyType(
    {
        (None, Verb.OPEN): State.DRAFT,
        (State.DRAFT, Verb.EDIT): State.DRAFT,
        (State.DRAFT, Verb.SUBMIT): State.AWAITING_DECISION,
        (State.DRAFT, Verb.CANCEL): State.CANCELLED,
        (State.SENT_BACK, Verb.EDIT): State.DRAFT,
        (State.SENT_BACK, Verb.SUBMIT): State.AWAITING_DECISION,
        (State.SENT_BACK, Verb.CANCEL): State.CANCELLED,
        (State.AWAITING_DECISION, Verb.APPROVE): State.APPROVED,
        (State.AWAITING_DECISION, Verb.APPROVE_FIRST): State.AWAITING_DECISION,
        (State.AWAITING_DECISION, Verb.TAKE_BACK): State.DRAFT,
        (State.AWAITING_DECISION, Verb.SEND_BACK): State.SENT_BACK,
        (State.AWAITING_DECISION, Verb.REFUSE): State.REFUSED,
        (State.AWAITING_DECISION, Verb.CANCEL): State.CANCELLED,
        (State.APPROVED, Verb.BEGIN): State.RUNNING,
        (State.APPROVED, Verb.CANCEL): State.CANCELLED,
        (State.APPROVED, Verb.STOP): State.NEEDS_ATTENTION,
        (State.RUNNING, Verb.STOP): State.NEEDS_ATTENTION,
        (State.RUNNING, Verb.COMPLETE): State.COMPLETED,
        (State.RUNNING, Verb.CANCEL): State.CANCELLED,
        (State.NEEDS_ATTENTION, Verb.RETRY): State.RUNNING,
        (State.NEEDS_ATTENTION, Verb.REOPEN): State.DRAFT,
        (State.NEEDS_ATTENTION, Verb.GIVE_UP): State.COMPLETED,
        (State.COMPLETED, Verb.RESTORE): State.RUNNING,
        (State.COMPLETED, Verb.ANSWER): State.COMPLETED,
        (State.REFUSED, Verb.ANSWER): State.REFUSED,
    }
)

# The entry that each verb leaves, in the same transaction.
AUDIT_ACTIONS: Mapping[Verb, AuditAction] = MappingProxyType(
    {
        Verb.OPEN: AuditAction.TICKET_OPENED,
        Verb.EDIT: AuditAction.TICKET_EDITED,
        Verb.SUBMIT: AuditAction.TICKET_SUBMITTED,
        Verb.APPROVE: AuditAction.TICKET_APPROVED,
        Verb.APPROVE_FIRST: AuditAction.TICKET_APPROVED_FIRST,
        Verb.TAKE_BACK: AuditAction.TICKET_TAKEN_BACK,
        Verb.SEND_BACK: AuditAction.TICKET_SENT_BACK,
        Verb.REFUSE: AuditAction.TICKET_REFUSED,
        Verb.CANCEL: AuditAction.TICKET_CANCELLED,
        Verb.BEGIN: AuditAction.TICKET_BEGUN,
        Verb.STOP: AuditAction.TICKET_STOPPED,
        Verb.RETRY: AuditAction.TICKET_RETRIED,
        Verb.REOPEN: AuditAction.TICKET_REOPENED,
        Verb.GIVE_UP: AuditAction.TICKET_GIVEN_UP,
        Verb.COMPLETE: AuditAction.TICKET_COMPLETED,
        Verb.RESTORE: AuditAction.TICKET_RESTORED,
        Verb.ANSWER: AuditAction.TICKET_ANSWERED,
    }
)


def target(state: State | None, verb: Verb) -> State | None:
    """The state that the verb leads to, or None where the lifecycle has no such way."""
    return TRANSITIONS.get((state, verb))


def diagram() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2"]
    for (state, verb), following in TRANSITIONS.items():
        lines.append(f"    {state.value if state else '[*]'} --> {following.value}: {verb.value}")
    lines += [f"    {state.value} --> [*]" for state in (State.COMPLETED, State.REFUSED, State.CANCELLED)]
    return "\n".join(lines) + "\n"
