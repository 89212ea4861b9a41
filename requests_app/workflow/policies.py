"""What must hold of a ticket, whoever asks. Imports no Django.

Each rule raises `UnableTo` with the sentence that also stands beside the greyed button; which of them a verb asks for
stands in `verbs.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from requests_app.enums import Ground, Kind, Mode, Outcome, State
from requests_app.workflow import plan as plans
from requests_app.workflow.plan import Plan

ON_HOLD = "A legal hold is on a user id of this ticket, so nothing of it may be erased until the hold is lifted."
NO_COVER_SHEET = (
    "The cover sheet of this Stream app is not filled in yet, and an export answers Art. 15 GDPR only together with it."
)

_NO_WAY_BACK = {
    Mode.HARD: "A hard-deleted user is gone for good: Stream has nothing to restore.",
    Mode.PRUNING: "Pruning emptied the user, and what it emptied does not come back: there is only a shell to restore.",
}


class UnableTo(Exception):
    """The ticket or the input does not allow this. The text says what to do; `field` names the form field."""

    def __init__(self, sentence: str, *, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


class InWrongState(UnableTo):
    """The lifecycle has no way from the ticket's state by this verb."""


class FourEyes(UnableTo):
    """Whoever opened or edited a ticket cannot approve it."""


class NotShown(UnableTo):
    """The attempt does not say what was read before it. No page of the portal sends such a one, so it is recorded."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What the rules need to know of a ticket."""

    state: State
    kind: Kind
    plan: Plan
    contributors: frozenset[int] = field(default_factory=frozenset)
    # A call of it reached Stream, or may have.
    anything_sent: bool = False
    # What the calls are called that were begun and of which nobody knows yet what became of them.
    in_flight: tuple[str, ...] = ()
    on_hold: bool = False
    identity_missing: bool = False
    first_approver: int | None = None
    lacks_cover_sheet: bool = False
    outcome: Outcome | None = None
    erased: bool = False
    refused_parts: frozenset[str] = field(default_factory=frozenset)
    answered: bool = False


def check_four_eyes(standing: Standing, actor_id: int | None) -> None:
    """A second person approves (rule of the house; also a constraint and a trigger in the database)."""
    if actor_id is None or actor_id in standing.contributors:
        raise FourEyes("You opened or edited this ticket, so another data protection officer must approve it.")


def check_second(standing: Standing, actor_id: int | None) -> None:
    """Where two approve, they are two."""
    if standing.first_approver is not None and standing.first_approver == actor_id:
        raise UnableTo("You approved this already. Another data protection officer must approve it, too.")


def check_cancel(standing: Standing) -> None:
    """What has been sent to Stream cannot be called back."""
    if standing.anything_sent:
        raise UnableTo("Something was already sent to Stream, so the ticket can no longer be cancelled.")


def check_known(standing: Standing) -> None:
    """A ticket closes with what was reached, so that must be known."""
    if standing.in_flight:
        calls = " and ".join(f"“{call}”" for call in standing.in_flight)
        raise UnableTo(f"It is not known yet what became of {calls} on Stream. Wait until that is known, then give up.")


def check_unsent(standing: Standing) -> None:
    """The plan of what was sent stays as it is: the ticket says what became of it."""
    if standing.anything_sent:
        raise UnableTo(
            "Something of it was sent to Stream, or may have been, so its plan stays as it is. Retry, or give up and "
            "open a new request for what is left."
        )


def check_kept(standing: Standing) -> None:
    """What was erased by retention cannot be decided about."""
    if standing.erased:
        raise UnableTo("Its personal data was erased, so nobody can go on with it. Open a new request.")


def check_hold(standing: Standing) -> None:
    """What is needed for legal claims is not erased (Art. 17(3)(e) GDPR)."""
    if standing.on_hold:
        raise UnableTo(ON_HOLD)


def check_cover_sheet(standing: Standing) -> None:
    """A copy of the data alone is no answer: Art. 15(1)(a) to (h) and 15(2) GDPR come with it."""
    if standing.lacks_cover_sheet:
        raise UnableTo(NO_COVER_SHEET)


def check_identity(standing: Standing) -> None:
    """Data is handed out and erased only for the person it is about (Art. 12(6) GDPR)."""
    if standing.identity_missing:
        raise UnableTo(
            "Check who is asking first, and write down how: this Stream app asks for a confirmed identity.",
            field="identity_method",
        )


_LEAVES_A_HIDDEN_USER = frozenset(
    {Outcome.HIDDEN, Outcome.ERASED_IN_PART, Outcome.PARTIAL, Outcome.NOT_VERIFIED, Outcome.FAILED}
)


def check_restore(standing: Standing) -> None:
    """Stream brings back only the record of a user who was soft-deleted."""
    if standing.erased:
        raise UnableTo("Its personal data was erased, so nobody can be restored by this ticket any more.")
    if standing.kind is Kind.ERASE and standing.plan.user in _NO_WAY_BACK:
        raise UnableTo(_NO_WAY_BACK[standing.plan.user])
    if standing.kind is not Kind.ERASE or standing.plan.user is not Mode.SOFT:
        raise UnableTo("Stream can restore only users that were soft-deleted.")
    if standing.outcome not in _LEAVES_A_HIDDEN_USER:
        raise UnableTo(
            "There is no hidden user to restore: "
            + (standing.outcome.label if standing.outcome else "no outcome yet")
            + "."
        )


def check_parts(standing: Standing) -> None:
    """What a data protection officer refused is not in a plan that goes on."""
    for name in plans.parts(standing.plan):
        if name in standing.refused_parts:
            label = plans.LABELS[name]
            raise UnableTo(f"{label[0].upper()}{label[1:]}: refused. Take this part out of the plan before you go on.")


def check_answer(standing: Standing) -> None:
    """A case is closed once."""
    if standing.answered:
        raise UnableTo("The case is closed already.")


def check_ground(kind: Kind, ground: str) -> str:
    """An erasure is granted on one of the grounds of Art. 17(1) GDPR; an export needs none. Returns the ground."""
    if kind is not Kind.ERASE:
        return ""
    if not ground:
        raise UnableTo("Choose the ground of Art. 17(1) on which the data is erased.", field="ground")
    if ground not in set(Ground):
        raise UnableTo("Art. 17(1) has no such ground. Choose one of the list.", field="ground")
    return ground


def check_confirmation(typed: str, expected: str) -> None:
    """The typed user id must be the same, character by character."""
    if not typed:
        raise UnableTo("Type the user id to approve, exactly as it is shown.", field="confirm_user_id")
    if typed != expected:
        raise UnableTo(
            "This is not the user id of the ticket. Type it exactly as it is shown.", field="confirm_user_id"
        )


def check_reason(text: str) -> None:
    """Some decisions need a reason in words."""
    if not text.strip():
        raise UnableTo("Write the reason: it goes to the ticket and the audit log.", field="note")


def check_shown(plan_digest: str, revision: int | None, *, current_digest: str, current_revision: int) -> None:
    """An approval covers the plan and the ticket that the page showed, and no others."""
    if not plan_digest or revision is None:
        raise NotShown(
            "This approval does not say which plan was read. Open the ticket, read the plan, approve it there."
        )
    if plan_digest != current_digest:
        raise UnableTo("The plan changed since you opened this page. Read it again before you decide.")
    if revision != current_revision:
        raise UnableTo("The ticket changed since you opened this page. Read it again before you decide.")


def first_problem(problems: Iterable[tuple[str, str]]) -> UnableTo | None:
    """The first of some (field, sentence) pairs as an exception."""
    for name, sentence in problems:
        return UnableTo(sentence, field=name)
    return None
