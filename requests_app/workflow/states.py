"""The lifecycle as one table: from which state which verb leads where. Imports no Django.

Drawn from the rows of `verbs.py`; the transitions, the diagram in docs/states.md and the test that walks every cell
read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from requests_app.audit_actions import AuditAction
from requests_app.enums import State, Verb
from requests_app.workflow.verbs import VERBS

# In the order of the states.
TRANSITIONS: Mapping[tuple[State | None, Verb], State] = MappingProxyType(
    {(state, verb): spec.ways[state] for state in (None, *State) for verb, spec in VERBS.items() if state in spec.ways}
)

# The entry that each verb leaves, in the same transaction.
AUDIT_ACTIONS: Mapping[Verb, AuditAction] = MappingProxyType({verb: spec.entry for verb, spec in VERBS.items()})


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
