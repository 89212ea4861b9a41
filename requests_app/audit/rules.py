"""What must have happened before what, judged from the entries of one ticket alone. Imports no Django.

The single-file verifier of auditors has the same rules and shares no code with this: `deploy/audit_verifier.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from requests_app.audit.chain import Break
from requests_app.audit_actions import AuditAction
from requests_app.enums import DELETE_OPERATIONS

# The actions that a rule looks at.
SEEN = frozenset(
    {
        AuditAction.TICKET_OPENED.value,
        AuditAction.TICKET_EDITED.value,
        AuditAction.TICKET_APPROVED.value,
        AuditAction.CALL_INTENDED.value,
        AuditAction.CALL_ANSWERED.value,
    }
)


@dataclass(frozen=True)
class Told:
    """What a rule needs of an entry."""

    seq: int
    action: str
    actor_id: int | None
    facts: Mapping[str, object]


def broken(told: Iterable[Told], ticket: int) -> Iterator[Break]:
    """Each rule that does not hold, given all entries of the ticket that a rule looks at, oldest first.

    Who approves neither opened nor edited the ticket and gave no first approval; a delete is sent under an approval of
    the very plan; an answer has its intent.
    """
    hands: set[int | None] = set()
    plan: object = None
    approved: set[object] = set()
    intents: set[tuple[object, object]] = set()
    for one in told:
        facts, call = one.facts, (one.facts.get("step"), one.facts.get("attempt"))
        why = ""
        if one.action in {AuditAction.TICKET_OPENED, AuditAction.TICKET_EDITED}:
            hands.add(one.actor_id)
            plan = facts.get("plan_digest")
        elif one.action == AuditAction.TICKET_APPROVED:
            if one.actor_id in hands:
                why = f"who approved ticket {ticket} in entry {one.seq} had opened or edited it"
            elif one.actor_id is not None and facts.get("first_approved_by") == one.actor_id:
                why = f"one person gave both approvals of ticket {ticket}, the second in entry {one.seq}"
            else:
                approved.add(facts.get("plan_digest"))
        elif one.action == AuditAction.CALL_INTENDED:
            intents.add(call)
            if facts.get("operation") in DELETE_OPERATIONS and plan not in approved:
                why = f"entry {one.seq} sends a delete of ticket {ticket} that nobody approved as it stood then"
        elif call not in intents:
            why = f"entry {one.seq} is an answer to a call of ticket {ticket} that no entry intended"
        if why:
            yield Break(one.seq, why, rule=True)
