"""Which refusal fits which request, and what each must hold (Art. 12(4), 12(5) GDPR). Imports no Django."""

from __future__ import annotations

from requests_app.enums import Kind, Refusal
from requests_app.workflow.policies import UnableTo

_ANY = (Refusal.UNFOUNDED, Refusal.EXCESSIVE, Refusal.NOT_IDENTIFIABLE)
_FITTING = {
    Kind.ERASE: (
        *_ANY,
        Refusal.EXPRESSION,
        Refusal.LEGAL_OBLIGATION,
        Refusal.PUBLIC_HEALTH,
        Refusal.ARCHIVING,
        Refusal.LEGAL_CLAIMS,
    ),
    Kind.EXPORT: (*_ANY, Refusal.OTHERS_COPY, Refusal.OTHERS_PORTABILITY),
}
# The controller bears the burden of demonstrating it (Art. 12(5), last sentence).
NEEDS_EVIDENCE = frozenset({Refusal.UNFOUNDED, Refusal.EXCESSIVE})


def fitting(kind: Kind) -> tuple[Refusal, ...]:
    """The refusals that a request of this kind can get."""
    return _FITTING[kind]


def check(kind: Kind, code: str, evidence: str) -> Refusal:
    """The code as a refusal; raises `UnableTo` where it does not fit, or its evidence is missing."""
    if not code:
        raise UnableTo("Choose the ground of the refusal.", field="code")
    if code not in set(fitting(kind)):
        raise UnableTo("This ground does not fit the request. Choose one of the list.", field="code")
    refusal = Refusal(code)
    if refusal in NEEDS_EVIDENCE and not evidence.strip():
        raise UnableTo("Write what shows it: the burden of proof is the company's (Art. 12(5)).", field="evidence")
    return refusal
