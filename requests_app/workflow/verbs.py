"""What people and the engine do to a ticket: a row for each verb. Imports no Django.

Everything else is read from it: the lifecycle and its diagram (`states.py`), the rights of each role
(`permissions.py`), the buttons (`actions.py`), the pages that a button leads to, and what is said afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from requests_app.audit_actions import AuditAction
from requests_app.enums import Role, State, Verb
from requests_app.workflow import policies
from requests_app.workflow.policies import InWrongState, Standing


class Asks(Enum):
    """What a person gives along with a verb."""

    NOTHING = "nothing"
    REMARK = "a few words, where they like"
    REASON = "a reason"
    FORM = "a form of its own"


@dataclass(frozen=True, kw_only=True)
class VerbSpec:
    """`ways` says from which state it leads where; `entry` is what it leaves in the log, in the same transaction.

    `page` is the URL name of the address that its form is sent to; the first approval of two goes to that of the other.
    `checks` are what else must hold of the ticket, each with its sentence, `by_second_person` that whoever worked on it
    is not the one. `shown_in` are the states in which somebody sees it, with the reason where it is not possible.
    `closed_to` is the sentence for other roles, where the one by default is not plain enough, `done` what is said
    afterwards.
    """

    ways: Mapping[State | None, State]
    entry: AuditAction
    roles: frozenset[Role]
    page: str = ""
    checks: tuple[Callable[[Standing], None], ...] = ()
    by_second_person: bool = False
    shown_in: frozenset[State] = frozenset()
    asks: Asks = Asks.NOTHING
    fresh_sign_in: bool = False
    closed_to: str = ""
    done: str = ""


_CASEWORK = frozenset({Role.AGENT, Role.DPO})
_AGENT = frozenset({Role.AGENT})
_DPO = frozenset({Role.DPO})
_ENGINE = frozenset({Role.WORKER})
# Whoever looks for it shall find it, with the reason why not.
_EVERYWHERE = frozenset(State)
_HELD = (policies.check_hold,)
_COMPLETE = (policies.check_hold, policies.check_identity, policies.check_parts)
_BEFORE_THE_DECISION = (State.DRAFT, State.SENT_BACK)
_BEFORE_IT_IS_SENT = (*_BEFORE_THE_DECISION, State.AWAITING_DECISION, State.APPROVED, State.RUNNING)

VERBS: Mapping[Verb, VerbSpec] = MappingProxyType(
    {
        Verb.OPEN: VerbSpec(
            ways={None: State.DRAFT},
            entry=AuditAction.TICKET_OPENED,
            roles=_CASEWORK,
            page="ticket-new",
            asks=Asks.FORM,
        ),
        Verb.EDIT: VerbSpec(
            ways=dict.fromkeys(_BEFORE_THE_DECISION, State.DRAFT),
            entry=AuditAction.TICKET_EDITED,
            roles=_CASEWORK,
            page="ticket-edit",
            shown_in=_EVERYWHERE,
            asks=Asks.FORM,
        ),
        Verb.SUBMIT: VerbSpec(
            ways=dict.fromkeys(_BEFORE_THE_DECISION, State.AWAITING_DECISION),
            entry=AuditAction.TICKET_SUBMITTED,
            roles=_CASEWORK,
            page="ticket-submit",
            checks=_COMPLETE,
            shown_in=_EVERYWHERE,
            done="{reference} is with the DPO. Nothing goes to Stream before the approval.",
        ),
        Verb.APPROVE: VerbSpec(
            ways={State.AWAITING_DECISION: State.APPROVED},
            entry=AuditAction.TICKET_APPROVED,
            roles=_DPO,
            page="ticket-approve",
            checks=(*_COMPLETE, policies.check_cover_sheet),
            by_second_person=True,
            shown_in=_EVERYWHERE,
            asks=Asks.FORM,
            fresh_sign_in=True,
            closed_to="Only a data protection officer approves.",
        ),
        Verb.APPROVE_FIRST: VerbSpec(
            ways={State.AWAITING_DECISION: State.AWAITING_DECISION},
            entry=AuditAction.TICKET_APPROVED_FIRST,
            roles=_DPO,
            asks=Asks.FORM,
        ),
        Verb.TAKE_BACK: VerbSpec(
            ways={State.AWAITING_DECISION: State.DRAFT},
            entry=AuditAction.TICKET_TAKEN_BACK,
            roles=_AGENT,
            page="ticket-take-back",
            shown_in=frozenset({State.AWAITING_DECISION}),
            closed_to="Only a support agent takes a ticket back; a data protection officer sends it back.",
            done="{reference} is a draft again. The DPO no longer sees it among the approvals.",
        ),
        Verb.SEND_BACK: VerbSpec(
            ways={State.AWAITING_DECISION: State.SENT_BACK},
            entry=AuditAction.TICKET_SENT_BACK,
            roles=_DPO,
            page="ticket-send-back",
            shown_in=_EVERYWHERE,
            asks=Asks.REASON,
            closed_to="Only a data protection officer sends a ticket back.",
            done="{reference} went back to the agent.",
        ),
        Verb.REFUSE: VerbSpec(
            ways={State.AWAITING_DECISION: State.REFUSED},
            entry=AuditAction.TICKET_REFUSED,
            roles=_DPO,
            page="ticket-refuse",
            shown_in=_EVERYWHERE,
            asks=Asks.FORM,
            closed_to="Only a data protection officer refuses a request.",
        ),
        Verb.CANCEL: VerbSpec(
            ways=dict.fromkeys(_BEFORE_IT_IS_SENT, State.CANCELLED),
            entry=AuditAction.TICKET_CANCELLED,
            roles=_CASEWORK,
            page="ticket-cancel",
            checks=(policies.check_cancel,),
            shown_in=_EVERYWHERE,
            asks=Asks.REMARK,
            done="{reference} is cancelled. Nothing was sent to Stream.",
        ),
        Verb.BEGIN: VerbSpec(
            ways={State.APPROVED: State.RUNNING},
            entry=AuditAction.TICKET_BEGUN,
            roles=_ENGINE,
        ),
        Verb.STOP: VerbSpec(
            ways=dict.fromkeys((State.APPROVED, State.RUNNING), State.NEEDS_ATTENTION),
            entry=AuditAction.TICKET_STOPPED,
            roles=_ENGINE,
        ),
        Verb.RETRY: VerbSpec(
            ways={State.NEEDS_ATTENTION: State.RUNNING},
            entry=AuditAction.TICKET_RETRIED,
            roles=_CASEWORK,
            page="ticket-retry",
            checks=_HELD,
            shown_in=frozenset({State.NEEDS_ATTENTION}),
            asks=Asks.REASON,
            done="{reference} is tried again within seconds.",
        ),
        Verb.REOPEN: VerbSpec(
            ways=dict.fromkeys((State.NEEDS_ATTENTION, State.CANCELLED), State.DRAFT),
            entry=AuditAction.TICKET_REOPENED,
            roles=_CASEWORK,
            page="ticket-reopen",
            checks=(policies.check_kept, policies.check_unsent),
            shown_in=frozenset({State.NEEDS_ATTENTION, State.CANCELLED}),
            done="{reference} is a draft again. Nothing of it was sent. Change what is wrong and send it to the DPO.",
        ),
        Verb.GIVE_UP: VerbSpec(
            ways={State.NEEDS_ATTENTION: State.COMPLETED},
            entry=AuditAction.TICKET_GIVEN_UP,
            roles=_DPO,
            page="ticket-give-up",
            checks=(policies.check_known,),
            shown_in=frozenset({State.NEEDS_ATTENTION}),
            asks=Asks.REASON,
            closed_to="Only a data protection officer gives a ticket up.",
            done="{reference} is closed as it stands.",
        ),
        Verb.COMPLETE: VerbSpec(
            ways={State.RUNNING: State.COMPLETED},
            entry=AuditAction.TICKET_COMPLETED,
            roles=_ENGINE,
        ),
        Verb.RESTORE: VerbSpec(
            ways={State.COMPLETED: State.RUNNING},
            entry=AuditAction.TICKET_RESTORED,
            roles=_DPO,
            page="ticket-restore",
            checks=(policies.check_restore,),
            shown_in=frozenset({State.COMPLETED}),
            asks=Asks.REASON,
            fresh_sign_in=True,
            closed_to="Only a data protection officer restores a user.",
            done="Stream is asked to restore the users of {reference}.",
        ),
        Verb.ANSWER: VerbSpec(
            ways={State.COMPLETED: State.COMPLETED, State.REFUSED: State.REFUSED},
            entry=AuditAction.TICKET_ANSWERED,
            roles=_CASEWORK,
            page="ticket-answer",
            checks=(policies.check_answer,),
            shown_in=frozenset({State.COMPLETED, State.REFUSED}),
            done="The case of {reference} is closed.",
        ),
    }
)


def check_state(state: State, verb: Verb) -> None:
    """The lifecycle must have a way from here; raises `InWrongState`."""
    if state not in VERBS[verb].ways:
        raise InWrongState(f"{verb.label} is not possible: the ticket is “{state.label}”.")


def check(standing: Standing, verb: Verb, *, actor_id: int | None) -> None:
    """Every rule about the ticket itself for this verb; what the form holds is checked beside it.

    Raises `UnableTo` with the first sentence that is in the way.
    """
    check_state(standing.state, verb)
    spec = VERBS[verb]
    if spec.by_second_person:
        policies.check_four_eyes(standing, actor_id)
        policies.check_second(standing, actor_id)
    for rule in spec.checks:
        rule(standing)
